"""add users is_active

Every user is active until someone says otherwise. The server default fills in the old rows at once, without
rewriting the table, and writes for the releases that do not know the column yet. 0015 takes it away.

Revision ID: 0014
Revises: 0013
Create Date: 2026-02-16 09:03:45.128837

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade():
    """Drop the column. Who has been deactivated is lost, and everyone is active again."""
    op.drop_column("users", "is_active")
