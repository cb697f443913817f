"""let an address be used again

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-17 09:27:41.007127

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_index("ix_users_email_lower", table_name="users")
    op.execute("CREATE UNIQUE INDEX ix_users_email_lower ON users (lower(email)) WHERE is_active")


def downgrade():
    op.drop_index("ix_users_email_lower", table_name="users")
    op.create_index("ix_users_email_lower", "users", [sa.text("lower(email)")], unique=True)
