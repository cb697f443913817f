"""add gift orders

Revision ID: 0009
Revises: 0008
Create Date: 2026-01-30 10:02:44.518833

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("gift_hints", sa.String(length=200), nullable=True))
    op.add_column("orders", sa.Column("gift_note", sa.String(length=200), nullable=True))


def downgrade():
    op.drop_column("orders", "gift_note")
    op.drop_column("users", "gift_hints")
