"""add users phone

Revision ID: 0005
Revises: 0004
Create Date: 2026-01-23 16:02:51.771834

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("users") as batch_op:
        batch_op.add_column(sa.Column("phone", sa.String(length=32), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_users_phone"), ["phone"])


def downgrade():
    """Drop the column. Every phone number is lost."""
    with op.batch_alter_table("users") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_users_phone"), type_="unique")
        batch_op.drop_column("phone")
