"""spell cancelled in one way

An import of old orders wrote 'canceled'. The service knows 'cancelled' only, and the type that comes next allows
nothing else. Few rows have it, so one statement is enough.

Revision ID: 0018
Revises: 0017
Create Date: 2026-03-02 08:55:32.107745

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("UPDATE orders SET status = 'cancelled' WHERE status = 'canceled'")


def downgrade():
    """Leave the values: which orders had the other spelling is not kept, and it meant the same."""
