"""fill in the timezone of old users

Step 2 of 3. UTC is what the service has used for everyone so far.
Run it when no process of the release before 0011 is left: its users would come without a time zone.

Revision ID: 0012
Revises: 0011
Create Date: 2026-02-11 10:26:39.385571

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The condition makes it safe to run again, and leaves alone what a user has chosen in between.
FILL_IN = "UPDATE users SET timezone = 'UTC' WHERE timezone IS NULL"
BATCH_SIZE = 10_000  # ids: few enough that no row stays locked for long; measure it on a copy of your table


def upgrade():
    if op.get_context().as_sql:
        # A script cannot ask the table for its size. Where the table is large, run this revision online.
        op.execute(FILL_IN)
        return

    # Each batch is a transaction of its own. A run that is interrupted keeps what it has done; run it again.
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        lowest, highest = bind.execute(sa.text("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM users")).one()
        for first in range(lowest, highest + 1, BATCH_SIZE):
            bind.execute(
                sa.text(f"{FILL_IN} AND id BETWEEN :first AND :last"),
                {"first": first, "last": first + BATCH_SIZE - 1},
            )


def downgrade():
    """Leave the values: nobody could tell them from those that users have chosen."""
