"""Statements that SQLite refuses in a revision, and what may stand in their place."""

import pytest

from tests.teaching.explain.cures import ORDERS, VIEW, correct, said, sql
from tests.teaching.explain.project import ANN, BATCH, USERS, Project, expect


@pytest.mark.parametrize(
    ("card_id", "before", "wrong", "right"),
    [
        ("G82", f"{USERS}; {VIEW}", "op.drop_table('v')", "op.execute('DROP VIEW v')"),
        ("G82", f"{USERS}; {VIEW}", "op.create_index('ix', 'v', ['email'])", "pass"),
        ("G45", USERS, "op.execute('INSERT INTO users VALUES (1)')", "op.execute('INSERT INTO users (id) VALUES (1)')"),
        ("G30", USERS, "op.execute('DROP VIEW v')", "pass"),
        ("G59", USERS, "op.execute(sa.text('COMMIT'))", "pass"),
        ("F29", f"{USERS}; {ORDERS}", "op.rename_table('orders', 'users')", "op.rename_table('orders', 'sales')"),
        ("F76", "pass", "op.execute('CREATE TABLE t (id BIGINT PRIMARY KEY AUTOINCREMENT)')", "pass"),
        ("G84", USERS, 'op.execute("CREATE INDEX ix ON users (random())")', "pass"),
        ("G86", USERS, "op.execute('INSERT INTO users (id) VALUES (1) ON CONFLICT (email) DO NOTHING')", "pass"),
        ("G62", USERS, f"{BATCH}b.drop_table('users')", "op.drop_table('users')"),
    ],
)
def test_a_statement_is_corrected_on_sqlite(
    project: Project, card_id: str, before: str, wrong: str, right: str
) -> None:
    correct(project, card_id, before, [wrong, right])


KEPT = USERS.replace("sa.String(255))", 'sa.String(255){}), sa.Column("tz", sa.Text), {}')


@pytest.mark.parametrize(
    ("column", "before"),
    [
        ("email", KEPT.format(", unique=True", "")),
        ("email", KEPT.format("", 'sa.UniqueConstraint("email", "tz", name="uq_users_email_tz")')),
        ("email", KEPT.format("", 'sa.CheckConstraint("email <> tz")')),
        ("id", KEPT.format("", "")),
    ],
    ids=["unique", "unique over two", "check", "primary key"],
)
def test_a_column_in_a_constraint_on_sqlite(project: Project, column: str, before: str) -> None:
    batch = said("G43", 'with op.batch_alter_table("orders") as batch_op:', orders="users")
    drop = said("G43", 'batch_op.drop_column("code")').replace('"code"', f'"{column}"')
    correct(project, "G43", f"{before}; {ANN}", [f'op.drop_column("users", "{column}")', f"{batch} {drop}"])
    assert column not in {row[1] for row in sql(project, "PRAGMA table_info(users)")}
    assert sql(project, "SELECT count(*) FROM users") == [(1,)]


LINES = (
    'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True)); '
    'op.create_table("lines", sa.Column("order_id", sa.Integer, '
    'sa.ForeignKey("orders.id", name="fk_lines_order")))'
)
REPLACED = (
    'op.rename_table("orders", "orders_old"); '
    'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True)); op.drop_table("orders_old")'
)


def test_a_key_to_a_table_that_was_renamed(project: Project) -> None:
    write = "; ".join(
        f'op.execute("{each}")'
        for each in ("PRAGMA foreign_keys=ON", "INSERT INTO orders VALUES (1)", "INSERT INTO lines VALUES (1)")
    )
    project.line(LINES, REPLACED, write)
    expect(project.db("upgrade"), "G111")
    assert "orders_old" in str(sql(project, said("G111", "SELECT sql FROM sqlite_master WHERE name = 'lines'")))
    there = said("G111", 'op.rename_table("orders", "orders_old")')
    back = said("G111", 'op.rename_table("orders_old", "orders")')
    project.revision("3", "2", f"{there}; {back}")
    project.revision("4", "3", write)
    project.good("upgrade")
    assert sql(project, "SELECT order_id FROM lines") == [(1,)]
