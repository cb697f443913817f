"""add orders parcel_code

The courier's code of the parcel. Nullable: an order has none before it is shipped. The courier asks by code, so there
is an index.

Revision ID: 0033
Revises: 0032
Create Date: 2026-04-06 09:02:55.871203

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("parcel_code", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_orders_parcel_code"), "orders", ["parcel_code"])


def downgrade():
    """Drop the column. Every parcel code is lost."""
    op.drop_index(op.f("ix_orders_parcel_code"), table_name="orders")
    op.drop_column("orders", "parcel_code")
