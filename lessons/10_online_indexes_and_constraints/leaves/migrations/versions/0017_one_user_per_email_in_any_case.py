"""one user per email in any case

Ann@example.com and ann@example.com are the same person. The revision fails when two such users are
there: merge them by hand, then run it again. SQLite's lower() knows the letters A to Z only.

Revision ID: 0017
Revises: 0016
Create Date: 2026-02-25 10:19:37.070542

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INDEX = "ix_users_email_lower"


def upgrade():
    lower_email = sa.text("lower(email)")
    if op.get_context().dialect.name == "postgresql":
        # As in 0016: without stopping writers, and after clearing away what a failed build has left.
        with op.get_context().autocommit_block():
            op.execute("SET lock_timeout = '5min'")
            op.drop_index(INDEX, table_name="users", postgresql_concurrently=True, if_exists=True)
            op.create_index(INDEX, "users", [lower_email], unique=True, postgresql_concurrently=True)
            op.execute("SET lock_timeout = '2s'")
    else:
        op.create_index(INDEX, "users", [lower_email], unique=True)


def downgrade():
    """Drop the index. No row is lost; emails that differ in case only become possible."""
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.drop_index(INDEX, table_name="users", postgresql_concurrently=True, if_exists=True)
    else:
        op.drop_index(INDEX, table_name="users")
