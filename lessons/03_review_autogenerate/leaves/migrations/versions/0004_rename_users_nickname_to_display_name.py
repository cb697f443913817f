"""rename users nickname to display_name

One rename, so that every value stays; autogenerate would drop the one column and add the other.
No release reads or writes `nickname` yet, so no code that runs today can miss it.

Revision ID: 0004
Revises: 0003
Create Date: 2026-01-21 15:30:12.004471

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    # Not in batch mode: SQLite renames a column in place, without copying the table.
    op.alter_column("users", "nickname", new_column_name="display_name")


def downgrade():
    """Rename it back. No value is lost."""
    op.alter_column("users", "display_name", new_column_name="nickname")
