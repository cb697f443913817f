"""index the orders of a user by date

For the list of a user's orders, and for the foreign key: deleting a user looks for that user's orders.

Revision ID: 0016
Revises: 0015
Create Date: 2026-02-23 08:36:11.502218

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEX = "ix_orders_user_id_created_at"


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        # CONCURRENTLY lets everyone write meanwhile, and cannot run inside a transaction.
        with op.get_context().autocommit_block():
            # It waits for older transactions and holds up no request, so it may wait longer than other statements.
            op.execute("SET lock_timeout = '5min'")
            # A build that failed leaves an index that is not valid but has the name: clear it away.
            op.drop_index(INDEX, table_name="orders", postgresql_concurrently=True, if_exists=True)
            op.create_index(INDEX, "orders", ["user_id", "created_at"], postgresql_concurrently=True)
            op.execute("SET lock_timeout = '2s'")  # as env.py has it
    else:
        op.create_index(INDEX, "orders", ["user_id", "created_at"])


def downgrade():
    """Drop the index. No row is lost; lists of orders and the deletion of users become slow."""
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.drop_index(INDEX, table_name="orders", postgresql_concurrently=True, if_exists=True)
    else:
        op.drop_index(INDEX, table_name="orders")
