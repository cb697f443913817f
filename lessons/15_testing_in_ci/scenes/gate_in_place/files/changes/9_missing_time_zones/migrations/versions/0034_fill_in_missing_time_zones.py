"""fill in missing time zones

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-10 09:20:41.000127

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("UPDATE users SET timezone = 'UTC'")


def downgrade():
    """Leave the values: which were missing is not noted."""
