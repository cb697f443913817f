"""add users timezone

Step 1 of 3 towards a time zone that every user has. The release that comes with this revision writes one for every
new user; 0012 fills in the old ones; 0013 makes it required.

Revision ID: 0011
Revises: 0010
Create Date: 2026-02-09 08:58:14.660902

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("timezone", sa.String(length=64), nullable=True))


def downgrade():
    """Drop the column. The time zones that users have chosen are lost."""
    op.drop_column("users", "timezone")
