"""add orders currency

Nullable for now. The release that comes with this revision writes the currency of every new order;
0010 fills in the old ones.

Revision ID: 0009
Revises: 0008
Create Date: 2026-02-02 09:12:27.440316

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("currency", sa.String(length=3), nullable=True))


def downgrade():
    """Drop the column. The currencies are lost, and an order that was not in euros looks as if it were."""
    op.drop_column("orders", "currency")
