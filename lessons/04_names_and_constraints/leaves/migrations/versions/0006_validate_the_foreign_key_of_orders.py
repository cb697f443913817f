"""validate the foreign key of orders

Reads all orders, and stops nobody: the lock allows reads and writes. SQLite has nothing to do, because 0005 has
copied the table there.

Revision ID: 0006
Revises: 0005
Create Date: 2026-01-26 09:41:18.230955

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_user_id_users")


def downgrade():
    """Nothing to undo: a key that has been validated promises no less."""
