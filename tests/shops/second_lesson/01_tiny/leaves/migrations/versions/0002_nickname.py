import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("users", sa.Column("nickname", sa.String(80)))
    op.execute("UPDATE users SET nickname = upper(email)")


def downgrade():
    op.drop_column("users", "nickname")
