"""count the points of old orders

Revision ID: 0012
Revises: 0011
Create Date: 2026-02-09 10:12:07.554310

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ADD = sa.text("""
    UPDATE users SET points = coalesce(points, 0) + (
        SELECT coalesce(sum(amount_cents / 1000), 0) FROM orders
        WHERE orders.user_id = users.id AND orders.status IN ('paid', 'shipped')
    )
    WHERE id BETWEEN :first AND :last
""")


def upgrade():
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        highest = bind.execute(sa.text("SELECT coalesce(max(id), 0) FROM users")).scalar()
        for first in range(1, highest + 1, 10):
            bind.execute(ADD, {"first": first, "last": first + 9})


def downgrade():
    pass
