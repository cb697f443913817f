"""fill in the currency of old orders

Every order without a currency is from before 0009, when the shop sold in euros only.
Run it when no process of the release before 0009 is left: its orders would come without a currency.

Revision ID: 0010
Revises: 0009
Create Date: 2026-02-04 13:37:50.019284

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# The condition makes it safe to run again, and leaves alone what someone has changed meanwhile.
FILL_IN = "UPDATE orders SET currency = 'EUR' WHERE currency IS NULL"
BATCH_SIZE = 10_000  # ids: few enough that no row stays locked for long; measure it on a copy of your table


def upgrade():
    if op.get_context().as_sql:
        # A script cannot ask the table for its size. Where the table is large, run this revision online.
        op.execute(FILL_IN)
        return

    # Each batch is a transaction of its own. A run that is interrupted keeps what it has done; run it again.
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        lowest, highest = bind.execute(sa.text("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM orders")).one()
        for first in range(lowest, highest + 1, BATCH_SIZE):
            bind.execute(
                sa.text(f"{FILL_IN} AND id BETWEEN :first AND :last"),
                {"first": first, "last": first + BATCH_SIZE - 1},
            )


def downgrade():
    """Leave the values: they are true, and nobody could tell them from those that the service wrote."""
