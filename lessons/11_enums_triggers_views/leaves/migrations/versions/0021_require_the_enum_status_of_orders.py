"""require the enum status of orders

Step 3 of 4, as in 0013: a check that is validated first, so that SET NOT NULL has nothing to read.

Revision ID: 0021
Revises: 0020
Create Date: 2026-03-04 11:15:29.460183

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.execute("ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_status_not_null")
            op.execute(
                "ALTER TABLE orders ADD CONSTRAINT ck_orders_status_not_null"
                " CHECK (status_as_enum IS NOT NULL) NOT VALID"
            )
            op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_status_not_null")
            op.execute("ALTER TABLE orders ALTER COLUMN status_as_enum SET NOT NULL")
            op.execute("ALTER TABLE orders DROP CONSTRAINT ck_orders_status_not_null")


def downgrade():
    """Allow nulls again. No value is lost."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders ALTER COLUMN status_as_enum DROP NOT NULL")
