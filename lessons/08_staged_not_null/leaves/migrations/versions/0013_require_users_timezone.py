"""require users timezone

Step 3 of 3. Fails, and changes no row, while a user has no time zone: run 0012's statement again.

On Postgres, SET NOT NULL alone would stop everyone while it reads the table. A check that has been validated before
tells it that there is nothing to find; validating stops nobody.

Revision ID: 0013
Revises: 0012
Create Date: 2026-02-13 09:49:02.771840

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        # Each statement is a transaction of its own, so that no lock lasts through the next one. The first statement
        # clears away what a run that failed half-way has left.
        with op.get_context().autocommit_block():
            op.execute("ALTER TABLE users DROP CONSTRAINT IF EXISTS ck_users_timezone_not_null")
            op.execute(
                "ALTER TABLE users ADD CONSTRAINT ck_users_timezone_not_null CHECK (timezone IS NOT NULL) NOT VALID"
            )
            op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck_users_timezone_not_null")
            op.execute("ALTER TABLE users ALTER COLUMN timezone SET NOT NULL")
            op.execute("ALTER TABLE users DROP CONSTRAINT ck_users_timezone_not_null")
    else:
        with op.batch_alter_table("users") as batch_op:
            batch_op.alter_column("timezone", existing_type=sa.String(length=64), nullable=False)


def downgrade():
    """Allow users without a time zone again. No value is lost."""
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("timezone", existing_type=sa.String(length=64), nullable=True)
