"""require users currency

Revision ID: 0011
Revises: 0010
Create Date: 2026-02-10 17:44:02.118360

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("currency", sa.String(length=3), nullable=True))
    op.execute("""
        UPDATE users SET currency = coalesce(
            (SELECT currency FROM orders WHERE user_id = users.id ORDER BY created_at DESC, id DESC LIMIT 1), 'EUR'
        )
        WHERE currency IS NULL
    """)
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("currency", existing_type=sa.String(length=3), nullable=False)


def downgrade():
    """Drop the column. What users have chosen since is lost."""
    with op.batch_alter_table("users") as batch_op:
        batch_op.drop_column("currency")
