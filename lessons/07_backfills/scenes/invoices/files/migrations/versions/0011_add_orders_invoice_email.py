"""add orders invoice_email

Nullable for now. The release that comes with this revision writes the address of every new order.

Revision ID: 0011
Revises: 0010
Create Date: 2026-02-05 11:24:03.402871

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("invoice_email", sa.String(length=255), nullable=True))


def downgrade():
    """Drop the column. All invoice addresses are lost."""
    op.drop_column("orders", "invoice_email")
