"""require users country

Revision ID: 0012
Revises: 0011
Create Date: 2026-02-12 09:20:37.902615

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("UPDATE users SET country = 'DE' WHERE country IS NULL")
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("country", existing_type=sa.String(length=2), nullable=False)


def downgrade():
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("country", existing_type=sa.String(length=2), nullable=True)
