"""add users company

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-15 09:25:41.005127

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("company", sa.String(length=80), nullable=True))


def downgrade():
    pass
