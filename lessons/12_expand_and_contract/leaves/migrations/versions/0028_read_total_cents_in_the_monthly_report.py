"""read total_cents in the monthly report

The last reader of `amount_cents` in the database. The report itself stays as it was, down to the names of its columns.

Revision ID: 0028
Revises: 0027
Create Date: 2026-03-18 09:31:40.320158

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MONTH = {
    "postgresql": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM')",
    "sqlite": "strftime('%Y-%m', created_at)",
}


def upgrade():
    replace_report("total_cents")


def downgrade():
    """Read amount_cents again. It holds the same amounts."""
    replace_report("amount_cents")


def replace_report(amount):
    op.execute("DROP VIEW monthly_report")
    op.execute(
        f"""
        CREATE VIEW monthly_report AS
        SELECT {MONTH[op.get_context().dialect.name]} AS month, currency,
            count(*) AS orders, sum({amount}) AS amount_cents
        FROM orders
        WHERE status <> 'cancelled'
        GROUP BY 1, 2
        """
    )
