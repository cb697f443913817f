"""add invoices

Revision ID: b001
Revises:
Create Date: 2026-01-29 17:45:31.204466

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "b001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("vat_number", sa.String(length=20), nullable=True))
    op.add_column("orders", sa.Column("invoice_number", sa.String(length=20), nullable=True))


def downgrade():
    op.drop_column("orders", "invoice_number")
    op.drop_column("users", "vat_number")
