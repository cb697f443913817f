"""add users phone

For the courier. Nullable: who has none is reached by email.

Revision ID: 0030
Revises: 0029
Create Date: 2026-03-30 09:05:51.402277

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("phone", sa.String(length=32), nullable=True))


def downgrade():
    """Drop the column. Every phone number is lost."""
    op.drop_column("users", "phone")
