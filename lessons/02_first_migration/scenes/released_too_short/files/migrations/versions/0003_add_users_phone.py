"""add users phone

Revision ID: 0003
Revises: 0002
Create Date: 2026-01-19 08:02:11.500204

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("phone", sa.String(length=8), nullable=True))


def downgrade():
    """Drop the column. The phone numbers are lost."""
    op.drop_column("users", "phone")
