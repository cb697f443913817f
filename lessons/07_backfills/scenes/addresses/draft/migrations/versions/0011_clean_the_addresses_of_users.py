"""clean the addresses of users

Revision ID: 0011
Revises: 0010
Create Date: 2026-02-11 09:41:52.660187

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("UPDATE users SET email = lower(trim(email))")


def downgrade():
    pass
