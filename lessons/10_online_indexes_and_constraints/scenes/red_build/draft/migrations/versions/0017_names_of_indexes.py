"""names of indexes

Revision ID: 0017
Revises: 0016
Create Date: 2026-03-12 09:14:52.604417

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_created_at"))
        batch_op.drop_index(batch_op.f("orders_status_idx"))
        batch_op.drop_index(batch_op.f("uq_warehouse_reference"))
        batch_op.create_index(batch_op.f("ix_orders_reference"), ["reference"], unique=True)
        batch_op.create_index(batch_op.f("ix_orders_status"), ["status"], unique=False)


def downgrade():
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_status"))
        batch_op.drop_index(batch_op.f("ix_orders_reference"))
        batch_op.create_index(batch_op.f("uq_warehouse_reference"), ["reference"], unique=True)
        batch_op.create_index(batch_op.f("orders_status_idx"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_orders_created_at"), ["created_at"], unique=False)
