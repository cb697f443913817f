"""bring the coupons into the history

Someone made this table by hand in production, on a busy day:

    CREATE TABLE coupons (
        code varchar(40) NOT NULL PRIMARY KEY,
        percent_off integer NOT NULL,
        created_at timestamp with time zone DEFAULT now() NOT NULL
    )

Where it is, nothing changes, and its rows stay. Everywhere else it is made, so that all databases have it.

Revision ID: 0033
Revises: 0032
Create Date: 2026-04-06 10:31:22.618005

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

COLUMNS = {"code", "percent_off", "created_at"}


def upgrade():
    op.create_table(
        "coupons",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("percent_off", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
        if_not_exists=True,
    )
    if not op.get_context().as_sql:
        # A table that only has the same name must not pass for this one.
        found = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("coupons")}
        if found != COLUMNS:
            raise RuntimeError(f"The table coupons has the columns {sorted(found)}; expected are {sorted(COLUMNS)}.")


def downgrade():
    """Leave the table: in production it is older than this revision, and its rows are in use."""
