"""fill in the enum status of old orders

Step 2 of 4, in batches as in 0010. The trigger of 0019 takes care of every order that is written meanwhile.

Revision ID: 0020
Revises: 0019
Create Date: 2026-03-04 10:07:51.338419

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FILL_IN = "UPDATE orders SET status_as_enum = status::order_status WHERE status_as_enum IS NULL"
BATCH_SIZE = 10_000


def upgrade():
    if op.get_context().dialect.name != "postgresql":
        return
    if op.get_context().as_sql:
        # A script cannot ask the table for its size. Where the table is large, run this revision online.
        op.execute(FILL_IN)
        return

    with op.get_context().autocommit_block():
        bind = op.get_bind()
        lowest, highest = bind.execute(sa.text("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM orders")).one()
        for first in range(lowest, highest + 1, BATCH_SIZE):
            bind.execute(
                sa.text(f"{FILL_IN} AND id BETWEEN :first AND :last"),
                {"first": first, "last": first + BATCH_SIZE - 1},
            )


def downgrade():
    """Leave the values: 0019 drops the column that holds them."""
