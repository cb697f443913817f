"""one user per card

Revision ID: 0017
Revises: 0016
Create Date: 2026-02-26 09:41:05.337122

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_users_card_number",
            "users",
            ["card_number"],
            unique=True,
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade():
    """Drop the index. No row is lost; a card may then have several owners."""
    op.drop_index("ix_users_card_number", table_name="users")
