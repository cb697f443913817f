"""fill in the total of old orders

Migrate, the second part, in batches as in 0010. The trigger of 0025 takes care of every order that is written
meanwhile.
The release that reads `total_cents` comes after this revision, not before.

Revision ID: 0026
Revises: 0025
Create Date: 2026-03-16 10:22:05.083971

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

FILL_IN = "UPDATE orders SET total_cents = amount_cents WHERE total_cents IS NULL"
BATCH_SIZE = 10_000


def upgrade():
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
    """Leave the values: 0025 drops the column that holds them."""
