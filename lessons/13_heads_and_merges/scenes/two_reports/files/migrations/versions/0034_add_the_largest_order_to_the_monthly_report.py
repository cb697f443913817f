"""add the largest order to the monthly report

Fraud control wants to see it.

Revision ID: 0034
Revises: 0032
Create Date: 2026-04-20 10:40:03.771820

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None

MONTH = {
    "postgresql": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM')",
    "sqlite": "strftime('%Y-%m', created_at)",
}


def upgrade():
    replace_report(", max(total_cents) AS largest_cents")


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
