"""add orders warehouse

Revision ID: 0015
Revises: 0014
Create Date: 2026-02-17 09:40:07.551930

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("warehouse", sa.String(length=20), server_default="north", nullable=False))


def downgrade():
    """Drop the column. Where an order is sent from is lost."""
    op.drop_column("orders", "warehouse")
