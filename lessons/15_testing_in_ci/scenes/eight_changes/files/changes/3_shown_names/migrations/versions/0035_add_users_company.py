"""add users company

Revision ID: 0035
Revises: 0034
Create Date: 2026-04-14 09:24:41.004127

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("company", sa.String(length=80), nullable=True))


def downgrade():
    op.drop_column("users", "company")
