"""forbid negative amounts

On Postgres the check comes NOT VALID, for the reason given in 0005; 0008 validates it.
SQLite copies the table here, and stops when an old order has a negative amount.

Revision ID: 0007
Revises: 0006
Create Date: 2026-01-28 11:20:06.118360

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("orders") as batch_op:
        batch_op.create_check_constraint(
            batch_op.f("ck_orders_amount_cents_not_negative"), "amount_cents >= 0", postgresql_not_valid=True
        )


def downgrade():
    """Drop the check. No row is lost; negative amounts become possible."""
    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_orders_amount_cents_not_negative"), type_="check")
