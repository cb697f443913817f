"""add a view for the monthly report

Orders and their amount by month, in UTC, and by currency. Cancelled orders do not count.

Revision ID: 0024
Revises: 0023
Create Date: 2026-03-11 13:02:58.734652

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MONTH = {
    "postgresql": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM')",
    "sqlite": "strftime('%Y-%m', created_at)",
}


def upgrade():
    op.execute(
        f"""
        CREATE VIEW monthly_report AS
        SELECT {MONTH[op.get_context().dialect.name]} AS month, currency,
            count(*) AS orders, sum(amount_cents) AS amount_cents
        FROM orders
        WHERE status <> 'cancelled'
        GROUP BY 1, 2
        """
    )


def downgrade():
    """Drop the view. It holds no rows of its own."""
    op.execute("DROP VIEW monthly_report")
