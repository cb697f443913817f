"""require orders total_cents

What held for `amount_cents` holds for `total_cents` now: it is there, it is not negative, done as in 0013, and
`updated_at` notes its changes. Not before: the backfill of 0026 is no change of an order.
SQLite does the same in 0029, where it has to copy the table anyway.

Revision ID: 0027
Revises: 0026
Create Date: 2026-03-18 08:44:12.677420

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

UPDATED_AT = """
    CREATE OR REPLACE TRIGGER orders_updated_at BEFORE UPDATE OF {columns} ON orders
    FOR EACH ROW EXECUTE FUNCTION orders_set_updated_at()
"""


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.execute("ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_total_cents_not_null")
            op.execute("ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_total_cents_not_negative")
            op.execute(
                "ALTER TABLE orders ADD CONSTRAINT ck_orders_total_cents_not_null"
                " CHECK (total_cents IS NOT NULL) NOT VALID"
            )
            op.execute(
                "ALTER TABLE orders ADD CONSTRAINT ck_orders_total_cents_not_negative"
                " CHECK (total_cents >= 0) NOT VALID"
            )
            op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_total_cents_not_null")
            op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_total_cents_not_negative")
            op.execute("ALTER TABLE orders ALTER COLUMN total_cents SET NOT NULL")
            op.execute("ALTER TABLE orders DROP CONSTRAINT ck_orders_total_cents_not_null")
            op.execute(UPDATED_AT.format(columns="user_id, amount_cents, total_cents, currency, status"))


def downgrade():
    """Take the promises back. No value is lost."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(UPDATED_AT.format(columns="user_id, amount_cents, currency, status"))
        op.execute("ALTER TABLE orders DROP CONSTRAINT ck_orders_total_cents_not_negative")
        op.execute("ALTER TABLE orders ALTER COLUMN total_cents DROP NOT NULL")
