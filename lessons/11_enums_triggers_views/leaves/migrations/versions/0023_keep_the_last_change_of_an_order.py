"""keep the last change of an order

A trigger writes `updated_at`, so that changes made by hand or by another program count too. Null means: not changed
since this revision. The trigger looks at the columns that mean something, so that a backfill is not taken for a change.

Revision ID: 0023
Revises: 0022
Create Date: 2026-03-09 08:40:17.219906

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            """
            CREATE FUNCTION orders_set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                NEW.updated_at := now();
                RETURN NEW;
            END $$
            """
        )
        op.execute(
            """
            CREATE TRIGGER orders_updated_at BEFORE UPDATE OF user_id, amount_cents, currency, status ON orders
            FOR EACH ROW EXECUTE FUNCTION orders_set_updated_at()
            """
        )
    else:
        # Batch mode drops triggers without a word: whoever copies this table later has to create it again.
        op.execute(
            """
            CREATE TRIGGER orders_updated_at AFTER UPDATE OF user_id, amount_cents, currency, status ON orders
            BEGIN
                UPDATE orders SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id;
            END
            """
        )


def downgrade():
    """Drop the column and its trigger. When orders were last changed is lost."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER orders_updated_at ON orders")
        op.execute("DROP FUNCTION orders_set_updated_at()")
    else:
        op.execute("DROP TRIGGER orders_updated_at")
    op.drop_column("orders", "updated_at")
