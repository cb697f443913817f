"""make display names unique

Two users with one name took each other's orders for their own.

Revision ID: 0006
Revises: 0005
Create Date: 2026-01-26 14:20:09.330187

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("users") as batch_op:
        batch_op.create_unique_constraint(None, ["display_name"])


def downgrade():
    """Names may repeat again. No row is lost."""
    with op.batch_alter_table("users") as batch_op:
        batch_op.drop_constraint(None, type_="unique")
