"""add users card_number

Revision ID: 0016
Revises: 0015
Create Date: 2026-02-19 10:12:40.118250

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("card_number", sa.String(length=12), nullable=True))


def downgrade():
    """Drop the column. All card numbers are lost."""
    op.drop_column("users", "card_number")
