"""drop orders amount_cents

Contract, the last part. Run it when no process of a release that reads or writes `amount_cents` is left: look at the
release that each replica reports, and wait a day.

On SQLite the table is copied. Its view would stop that, and its trigger would vanish, so both are made again.

Revision ID: 0029
Revises: 0028
Create Date: 2026-03-23 10:02:27.946533

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

UPDATED_AT_ON_POSTGRES = """
    CREATE TRIGGER orders_updated_at BEFORE UPDATE OF user_id, {amount}, currency, status ON orders
    FOR EACH ROW EXECUTE FUNCTION orders_set_updated_at()
"""
UPDATED_AT_ON_SQLITE = """
    CREATE TRIGGER orders_updated_at AFTER UPDATE OF user_id, {amount}, currency, status ON orders
    BEGIN
        UPDATE orders SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id;
    END
"""
REPORT_ON_SQLITE = """
    CREATE VIEW monthly_report AS
    SELECT strftime('%Y-%m', created_at) AS month, currency,
        count(*) AS orders, sum(total_cents) AS amount_cents
    FROM orders
    WHERE status <> 'cancelled'
    GROUP BY 1, 2
"""


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER orders_copy_amount ON orders")
        op.execute("DROP FUNCTION orders_copy_amount()")
        op.execute("DROP TRIGGER orders_updated_at ON orders")
        # The check on the column goes with it.
        op.execute("ALTER TABLE orders DROP COLUMN amount_cents")
        op.execute(UPDATED_AT_ON_POSTGRES.format(amount="total_cents"))
    else:
        op.execute("DROP VIEW monthly_report")
        op.execute("DROP TRIGGER orders_updated_at")
        with op.batch_alter_table("orders") as batch_op:
            batch_op.drop_constraint(batch_op.f("ck_orders_amount_cents_not_negative"), type_="check")
            batch_op.drop_column("amount_cents")
            batch_op.alter_column("total_cents", existing_type=sa.Integer(), nullable=False)
            batch_op.create_check_constraint(batch_op.f("ck_orders_total_cents_not_negative"), "total_cents >= 0")
        op.execute(UPDATED_AT_ON_SQLITE.format(amount="total_cents"))
        op.execute(REPORT_ON_SQLITE)


def downgrade():
    """Bring amount_cents back, with every amount. On Postgres everyone waits while the column is filled in."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER orders_updated_at ON orders")
        op.execute("ALTER TABLE orders ADD COLUMN amount_cents integer")
        op.execute("UPDATE orders SET amount_cents = total_cents")
        op.execute("ALTER TABLE orders ADD CONSTRAINT ck_orders_amount_cents_not_negative CHECK (amount_cents >= 0)")
        op.execute(UPDATED_AT_ON_POSTGRES.format(amount="amount_cents, total_cents"))
        op.execute(
            """
            CREATE FUNCTION orders_copy_amount() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'INSERT' THEN
                    NEW.total_cents := coalesce(NEW.total_cents, NEW.amount_cents);
                    NEW.amount_cents := NEW.total_cents;
                ELSIF NEW.total_cents IS DISTINCT FROM OLD.total_cents THEN
                    NEW.amount_cents := NEW.total_cents;
                ELSE
                    NEW.total_cents := NEW.amount_cents;
                END IF;
                IF NEW.total_cents IS NULL THEN
                    RAISE not_null_violation USING MESSAGE = 'an order needs an amount', TABLE = 'orders';
                END IF;
                RETURN NEW;
            END $$
            """
        )
        op.execute(
            """
            CREATE TRIGGER orders_copy_amount BEFORE INSERT OR UPDATE OF amount_cents, total_cents ON orders
            FOR EACH ROW EXECUTE FUNCTION orders_copy_amount()
            """
        )
    else:
        op.execute("DROP VIEW monthly_report")
        op.execute("DROP TRIGGER orders_updated_at")
        op.add_column("orders", sa.Column("amount_cents", sa.Integer(), nullable=True))
        op.execute("UPDATE orders SET amount_cents = total_cents")
        with op.batch_alter_table("orders") as batch_op:
            batch_op.drop_constraint(batch_op.f("ck_orders_total_cents_not_negative"), type_="check")
            batch_op.alter_column("total_cents", existing_type=sa.Integer(), nullable=True)
            batch_op.alter_column("amount_cents", existing_type=sa.Integer(), nullable=False)
            batch_op.create_check_constraint(batch_op.f("ck_orders_amount_cents_not_negative"), "amount_cents >= 0")
        op.execute(UPDATED_AT_ON_SQLITE.format(amount="amount_cents"))
        op.execute(REPORT_ON_SQLITE)
