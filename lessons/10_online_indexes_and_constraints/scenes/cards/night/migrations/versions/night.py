"""at night: rebuild the index of cards"""

from alembic import op

revision = "night"
down_revision = "0017"


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("REINDEX INDEX CONCURRENTLY ix_users_card_number")
