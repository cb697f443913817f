"""add orders invoice_number

Revision ID: 0016
Revises: 0015
Create Date: 2026-02-20 11:31:05.228170

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("invoice_number", sa.String(length=40), nullable=True))


def downgrade():
    """Drop the column. All invoice numbers are lost."""
    op.drop_column("orders", "invoice_number")
