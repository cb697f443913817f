"""add the status of orders as an enum

Step 1 of 4 towards a status that the database itself checks. Changing the type of `status` in place would rewrite the
table while everyone waits, so a second column comes beside it, and a trigger keeps it equal to the first.
A status that the type does not know is refused from here on.

SQLite has no such types: there, 0022 adds a check, and the steps before it do nothing.

Revision ID: 0019
Revises: 0018
Create Date: 2026-03-02 09:30:04.816620

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE TYPE order_status AS ENUM ('pending', 'paid', 'shipped', 'cancelled')")
        op.execute("ALTER TABLE orders ADD COLUMN status_as_enum order_status")
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


def downgrade():
    """Drop the second column and the type. No value is lost: the first column has them all."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER orders_copy_status ON orders")
        op.execute("DROP FUNCTION orders_copy_status()")
        op.execute("ALTER TABLE orders DROP COLUMN status_as_enum")
        # Dropping a column leaves its type behind, and the next upgrade would find it there.
        op.execute("DROP TYPE order_status")
