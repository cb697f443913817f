"""validate the check on amounts

Fails, and changes nothing, when an old order has a negative amount: correct that order first.
SQLite has nothing to do, because 0007 has checked every order there.

Revision ID: 0008
Revises: 0007
Create Date: 2026-01-28 11:52:49.874002

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_amount_cents_not_negative")


def downgrade():
    """Nothing to undo: a check that has been validated promises no less."""
