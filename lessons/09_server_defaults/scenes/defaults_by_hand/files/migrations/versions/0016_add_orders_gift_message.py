"""add orders gift_message

Revision ID: 0016
Revises: 0015
Create Date: 2026-02-18 15:26:33.017445

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("gift_message", sa.String(length=200), server_default="", nullable=False))


def downgrade():
    """Drop the column. Every message is lost."""
    op.drop_column("orders", "gift_message")
