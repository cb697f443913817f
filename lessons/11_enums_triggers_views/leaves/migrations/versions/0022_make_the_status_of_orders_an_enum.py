"""make the status of orders an enum

Step 4 of 4: the second column takes the name of the first, in one short transaction.
Run it when the release that sends an `order_status` serves everywhere: Postgres takes that for a text as well, but no
longer takes a text for an `order_status`.

Revision ID: 0022
Revises: 0021
Create Date: 2026-03-06 09:24:46.905317

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER orders_copy_status ON orders")
        op.execute("DROP FUNCTION orders_copy_status()")
        op.execute("ALTER TABLE orders DROP COLUMN status")
        op.execute("ALTER TABLE orders RENAME COLUMN status_as_enum TO status")
    else:
        with op.batch_alter_table("orders") as batch_op:
            batch_op.create_check_constraint(
                batch_op.f("ck_orders_order_status"), "status IN ('pending', 'paid', 'shipped', 'cancelled')"
            )


def downgrade():
    """Make it a text again. No value is lost. On Postgres everyone waits while the table is rewritten."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders RENAME COLUMN status TO status_as_enum")
        op.execute("ALTER TABLE orders ADD COLUMN status varchar(20)")
        op.execute("UPDATE orders SET status = status_as_enum::text")
        op.execute("ALTER TABLE orders ALTER COLUMN status SET NOT NULL")
        op.execute(
            """
            CREATE FUNCTION orders_copy_status() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                NEW.status_as_enum := NEW.status::order_status;
                RETURN NEW;
            END $$
            """
        )
        op.execute(
            """
            CREATE TRIGGER orders_copy_status BEFORE INSERT OR UPDATE OF status ON orders
            FOR EACH ROW EXECUTE FUNCTION orders_copy_status()
            """
        )
    else:
        with op.batch_alter_table("orders") as batch_op:
            batch_op.drop_constraint(batch_op.f("ck_orders_order_status"), type_="check")
