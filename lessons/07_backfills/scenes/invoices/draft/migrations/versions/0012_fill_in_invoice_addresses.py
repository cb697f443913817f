"""fill in invoice addresses

Revision ID: 0012
Revises: 0011
Create Date: 2026-02-06 15:40:18.770245

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MISSING = sa.text("""
    SELECT orders.id, users.email FROM orders JOIN users ON users.id = orders.user_id
    WHERE orders.invoice_email IS NULL ORDER BY orders.id
""")
FILL_IN = sa.text("UPDATE orders SET invoice_email = :email WHERE id = :id")


def upgrade():
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        missing = [{"id": id_, "email": email} for id_, email in bind.execute(MISSING)]
        for first in range(0, len(missing), 1000):
            bind.execute(FILL_IN, missing[first : first + 1000])


def downgrade():
    pass
