"""add orders channel

Revision ID: 0035
Revises: 0033
Create Date: 2026-04-12 09:22:41.002127

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("channel", sa.String(length=20), nullable=True))


def downgrade():
    op.drop_column("orders", "channel")
