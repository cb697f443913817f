"""add points

Nullable for now: 0012 counts the points of orders that are there already.

Revision ID: 0011
Revises: 0010
Create Date: 2026-02-09 08:55:31.209443

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("points", sa.Integer(), nullable=True))
    op.create_table(
        "point_gifts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_point_gifts_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_gifts")),
    )


def downgrade():
    """Drop table and column. All points are lost."""
    op.drop_table("point_gifts")
    with op.batch_alter_table("users") as batch_op:
        batch_op.drop_column("points")
