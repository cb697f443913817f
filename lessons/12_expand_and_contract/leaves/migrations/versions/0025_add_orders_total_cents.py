"""add orders total_cents

Expand, the first part of renaming `amount_cents`. Renaming it in place would fail every request of the release that
does not know the new name yet. Instead both columns are there for a while.

On Postgres a trigger keeps them equal, whichever of the two a release writes. SQLite serves one process, which stops
for the upgrade: 0025 to 0029 run in one go there, and no trigger is needed.

Revision ID: 0025
Revises: 0024
Create Date: 2026-03-16 09:10:38.551294

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("total_cents", sa.Integer(), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        # The next release writes total_cents only. The trigger still gives each order both amounts.
        op.execute("ALTER TABLE orders ALTER COLUMN amount_cents DROP NOT NULL")
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


def downgrade():
    """Drop the new column. No amount is lost: the old column has them all.

    On Postgres everyone waits while SET NOT NULL reads the table.
    """
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER orders_copy_amount ON orders")
        op.execute("DROP FUNCTION orders_copy_amount()")
        op.execute("ALTER TABLE orders ALTER COLUMN amount_cents SET NOT NULL")
    op.drop_column("orders", "total_cents")
