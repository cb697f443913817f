"""add coupons

Revision ID: 0003
Revises: 0002
Create Date: 2026-01-22 11:20:31.750142

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "coupons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.Enum("amount", "percent", name="coupon_kind"), nullable=False),
        sa.Column("note", sa.String(length=80), server_default="", nullable=False),
        sa.Column("rules", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade():
    """Drop the table. Every coupon is lost."""
    op.drop_table("coupons")
    sa.Enum(name="coupon_kind").drop(op.get_bind(), checkfirst=True)
