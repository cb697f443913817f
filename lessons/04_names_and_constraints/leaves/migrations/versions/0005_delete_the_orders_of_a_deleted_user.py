"""delete the orders of a deleted user

The foreign key is created again, with ON DELETE CASCADE and the name that the convention gives it.
On Postgres the new key comes NOT VALID: it holds for new rows at once, and old rows are not read. 0006 checks those.
Upgrade to 0005 first and then to 0006, unless env.py gives each migration a transaction of its own: in one transaction
nobody could use the two tables until 0006 has read everything.

Revision ID: 0005
Revises: 0004
Create Date: 2026-01-26 09:05:33.671204

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_constraint("orders_user_id_fkey", type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_orders_user_id_users"),
            "users",
            ["user_id"],
            ["id"],
            ondelete="CASCADE",
            postgresql_not_valid=True,
        )


def downgrade():
    """Put the old key back. A user who has orders can no longer be deleted. No row is lost."""
    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_orders_user_id_users"), type_="foreignkey")
        batch_op.create_foreign_key("orders_user_id_fkey", "users", ["user_id"], ["id"])
