"""index the companies

Revision ID: 0035
Revises: 0034
Create Date: 2026-04-12 09:22:41.002127

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


WITH_A_COMPANY = sa.text("company IS NOT NULL")


def upgrade():
    op.create_index(
        "ix_users_company", "users", ["company"], postgresql_where=WITH_A_COMPANY, sqlite_where=WITH_A_COMPANY
    )


def downgrade():
    op.drop_index("ix_users_company", table_name="users")
