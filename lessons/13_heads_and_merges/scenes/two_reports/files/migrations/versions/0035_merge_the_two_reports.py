"""merge the two reports

Revision ID: 0035
Revises: 0033, 0034
Create Date: 2026-04-21 08:55:17.094451

"""

# revision identifiers, used by Alembic.
revision = "0035"
down_revision = ("0033", "0034")
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
