"""add users nickname

Revision ID: 0003
Revises: 0002
Create Date: 2026-01-20 10:00:00.000000

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("nickname", sa.String(80), nullable=True))


def downgrade():
    op.drop_column("users", "nickname")
