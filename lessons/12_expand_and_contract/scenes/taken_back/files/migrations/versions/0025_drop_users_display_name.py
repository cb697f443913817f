"""drop users display_name

The release that does not know it serves everywhere. The names are kept in a table of their own, just in case.

Revision ID: 0025
Revises: 0024
Create Date: 2026-03-17 16:22:40.370915

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade():
    op.execute(
        "CREATE TABLE kept_display_names AS"
        " SELECT id AS user_id, email, display_name FROM users WHERE display_name IS NOT NULL"
    )
    op.drop_column("users", "display_name")


def downgrade():
    op.add_column("users", sa.Column("display_name", sa.String(length=80), nullable=True))
    op.execute("DROP TABLE kept_display_names")
