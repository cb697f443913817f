"""allow longer statuses

A batch has the file for as long as the whole copy takes. This one lets others write in between: it moves the orders
in small steps, and each step is committed.

Revision ID: 0009
Revises: 0008
Create Date: 2026-01-30 17:20:09.125533

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NEW_TABLE = """
    CREATE TABLE _alembic_tmp_orders (
        id INTEGER NOT NULL, status VARCHAR({length}) NOT NULL, user_id INTEGER NOT NULL, amount_cents INTEGER NOT NULL,
        created_at DATETIME NOT NULL, PRIMARY KEY (id),
        CONSTRAINT ck_orders_amount_cents_not_negative CHECK (amount_cents >= 0),
        CONSTRAINT fk_orders_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
    )
"""
COPY = """
    INSERT INTO _alembic_tmp_orders (id, status, user_id, amount_cents, created_at)
    SELECT id, status, user_id, amount_cents, created_at FROM orders ORDER BY id LIMIT 10
"""


def upgrade():
    move_to_a_table_with(40)


def downgrade():
    move_to_a_table_with(20)


def move_to_a_table_with(length):
    op.execute(NEW_TABLE.format(length=length))
    with op.get_context().autocommit_block():
        while op.get_bind().exec_driver_sql(COPY).rowcount:
            op.execute("DELETE FROM orders WHERE id IN (SELECT id FROM _alembic_tmp_orders)")
        op.execute("DROP TABLE orders")
        op.execute("ALTER TABLE _alembic_tmp_orders RENAME TO orders")
