"""one order per invoice number

Revision ID: 0017
Revises: 0016
Create Date: 2026-02-24 15:02:48.917264

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index("ix_orders_invoice_number_lower", "orders", [sa.text("lower(invoice_number)")], unique=True)


def downgrade():
    op.drop_index("ix_orders_invoice_number_lower", table_name="orders")
