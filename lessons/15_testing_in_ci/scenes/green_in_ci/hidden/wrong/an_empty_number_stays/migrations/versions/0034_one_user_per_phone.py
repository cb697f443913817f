"""one user per phone

Revision ID: 0034
Revises: 0033
Create Date: 2026-04-18 09:28:41.008127

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade():
    op.execute(
        """
        UPDATE users SET phone = NULL
        WHERE id > (SELECT min(other.id) FROM users AS other WHERE other.phone = users.phone)
        """
    )
    op.create_index("ix_users_phone", "users", ["phone"], unique=True)


def downgrade():
    op.drop_index("ix_users_phone", table_name="users")
