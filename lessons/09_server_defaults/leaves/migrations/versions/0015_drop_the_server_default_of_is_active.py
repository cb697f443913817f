"""drop the server default of is_active

From here on, whoever creates a user has to decide. Run it when no process of the release before 0014 is left:
it would try to write users without the column.

Revision ID: 0015
Revises: 0014
Create Date: 2026-02-18 14:11:20.993465

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("is_active", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)


def downgrade():
    """Put the server default back. No value is lost."""
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column(
            "is_active", existing_type=sa.Boolean(), existing_nullable=False, server_default=sa.true()
        )
