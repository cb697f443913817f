"""add users last_login_at

Nullable, and null for everyone until the next login: nobody wrote it down before.

Revision ID: 0002
Revises: 0001
Create Date: 2026-01-14 10:02:41.207715

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    """Drop the column. The moments of the last logins are lost; nothing else holds them."""
    op.drop_column("users", "last_login_at")
