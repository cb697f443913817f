"""add orders reference, and index it with what the reports look for

Revision ID: 0016
Revises: 0015
Create Date: 2026-02-19 16:20:11.730546

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("reference", sa.String(length=20), nullable=True))
    op.create_index("uq_warehouse_reference", "orders", ["reference"], unique=True)
    op.create_index("orders_status_idx", "orders", ["status"])
    op.create_index("ix_orders_created_at", "orders", ["created_at"])


def downgrade():
    """Drop the indexes and the column. All references are lost."""
    op.drop_index("ix_orders_created_at", table_name="orders")
    op.drop_index("orders_status_idx", table_name="orders")
    op.drop_index("uq_warehouse_reference", table_name="orders")
    op.drop_column("orders", "reference")
