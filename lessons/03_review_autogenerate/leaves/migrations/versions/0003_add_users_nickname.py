"""add users nickname

What other users see instead of the email. Nullable: a nickname is a choice.

Revision ID: 0003
Revises: 0002
Create Date: 2026-01-19 08:47:55.930118

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("nickname", sa.String(length=80), nullable=True))


def downgrade():
    """Drop the column. Every nickname is lost."""
    op.drop_column("users", "nickname")
