"""note changed emails

Two triggers on users: one notes the address that a user had before, the other keeps the accounts of the staff.
customer_totals is a view for support.

Revision ID: 0009
Revises: 0008
Create Date: 2026-01-29 15:10:27.301448

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TRIGGERS = {
    "sqlite": (
        "CREATE TRIGGER note_email AFTER UPDATE OF email ON users WHEN old.email <> new.email BEGIN "
        "INSERT INTO email_changes (user_id, old_email, changed_at) VALUES (old.id, old.email, CURRENT_TIMESTAMP); END",
        "CREATE TRIGGER keep_staff BEFORE DELETE ON users WHEN old.email LIKE '%@shop.example' BEGIN "
        "SELECT RAISE(ABORT, 'staff stay'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION note_email() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF old.email <> new.email THEN INSERT INTO email_changes (user_id, old_email, changed_at) "
        "VALUES (old.id, old.email, CURRENT_TIMESTAMP); END IF; RETURN NULL; END $$",
        "CREATE FUNCTION keep_staff() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF old.email LIKE '%@shop.example' THEN RAISE EXCEPTION 'staff stay'; END IF; RETURN old; END $$",
        "CREATE TRIGGER note_email AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note_email()",
        "CREATE TRIGGER keep_staff BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep_staff()",
    ),
}
CUSTOMER_TOTALS = (
    "CREATE VIEW customer_totals AS SELECT users.id, users.email, count(orders.id) AS orders, "
    "coalesce(sum(orders.amount_cents), 0) AS cents FROM users LEFT JOIN orders ON orders.user_id = users.id "
    "GROUP BY users.id, users.email"
)


def upgrade():
    op.create_table(
        "email_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("old_email", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_email_changes_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    for each in TRIGGERS[op.get_context().dialect.name]:
        op.execute(each)
    op.execute(CUSTOMER_TOTALS)


def downgrade():
    """Drop the table. All earlier addresses are lost."""
    op.execute("DROP VIEW customer_totals")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER keep_staff ON users")
        op.execute("DROP TRIGGER note_email ON users")
        op.execute("DROP FUNCTION keep_staff()")
        op.execute("DROP FUNCTION note_email()")
    else:
        op.execute("DROP TRIGGER keep_staff")
        op.execute("DROP TRIGGER note_email")
    op.drop_table("email_changes")
