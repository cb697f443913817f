"""add users country

Nullable: the shop asks for it since this release, and a user may leave it out.

Revision ID: 0011
Revises: 0010
Create Date: 2026-01-30 11:05:51.330042

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("country", sa.String(length=2), nullable=True))


def downgrade():
    """Drop the column. The countries that users have told are lost."""
    op.drop_column("users", "country")
