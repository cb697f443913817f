"""keep whether an order is paid

Revision ID: 0025
Revises: 0024
Create Date: 2026-03-12 08:20:51.904418

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("is_paid", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE orders SET is_paid = true WHERE status IN ('paid', 'shipped')")


def downgrade():
    """Drop the flag. The status says the same."""
    op.drop_column("orders", "is_paid")
