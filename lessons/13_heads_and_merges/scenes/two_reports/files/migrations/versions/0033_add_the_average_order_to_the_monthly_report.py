"""add the average order to the monthly report

Finance compares it from month to month.

Revision ID: 0033
Revises: 0032
Create Date: 2026-04-20 09:12:44.310295

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MONTH = {
    "postgresql": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM')",
    "sqlite": "strftime('%Y-%m', created_at)",
}


def upgrade():
    replace_report(", sum(total_cents) / count(*) AS average_cents")


def downgrade():
    """The report as it was, without the column. No row is lost: a view holds none."""
    replace_report("")


def replace_report(more):
    op.execute("DROP VIEW monthly_report")
    op.execute(
        f"""
        CREATE VIEW monthly_report AS
        SELECT {MONTH[op.get_context().dialect.name]} AS month, currency,
            count(*) AS orders, sum(total_cents) AS amount_cents{more}
        FROM orders
        WHERE status <> 'cancelled'
        GROUP BY 1, 2
        """
    )
