"""confirm phone numbers

Support confirms a number by calling it. Both columns are nullable: who has no number has nothing to confirm.

Revision ID: 0031
Revises: 0029
Create Date: 2026-03-30 13:20:07.115204

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("phone", sa.String(length=32), nullable=True))
    op.add_column("users", sa.Column("phone_confirmed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    """Drop both columns. Every phone number is lost."""
    op.drop_column("users", "phone_confirmed_at")
    op.drop_column("users", "phone")
