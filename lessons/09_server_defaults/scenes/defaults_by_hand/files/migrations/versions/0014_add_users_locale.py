"""add users locale

Revision ID: 0014
Revises: 0013
Create Date: 2026-02-16 10:12:51.802114

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("locale", sa.String(length=5), server_default="en", nullable=False))


def downgrade():
    """Drop the column. The languages that users have chosen are lost."""
    op.drop_column("users", "locale")
