"""Cures for what a Postgres server does not take: sessions that idle, numbers that are taken, text in wrong quotes."""

import pytest

from tests.teaching.explain.cures import command, correct, current, said, sql
from tests.teaching.explain.project import ANN, USERS, Project, expect

SHORT = "SET idle_in_transaction_session_timeout = '100ms'"
SLOW = "import time; time.sleep(1); op.execute('SELECT 1')"
DOCS = "op.create_table('docs', sa.Column('body', sa.JSON))"


def test_a_revision_that_idles_too_long(on_postgres: Project) -> None:
    allowed = said("G37", 'op.execute("SET LOCAL idle_in_transaction_session_timeout = 0")')
    # In one execute, so that nothing idles between the two.
    longer = allowed.replace("SET LOCAL", f"{SHORT}; SET LOCAL")
    correct(on_postgres, "G37", "pass", [f'op.execute("{SHORT}"); {SLOW}', longer, SLOW])


def test_text_in_double_quotes(on_postgres: Project) -> None:
    right = said("F62", "SET state = 'new'", state="email")
    wrong = f"op.execute('UPDATE users {right}')".replace("'new'", '"new"')
    correct(on_postgres, "F62", f"{USERS}; {ANN}", [wrong, f'op.execute("UPDATE users {right}")'])
    assert sql(on_postgres, "SELECT email FROM users") == [("new",)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE kinds AS SELECT DISTINCT body FROM docs",
        "SELECT body FROM docs GROUP BY body",
        "DELETE FROM docs WHERE body = '{}'",
    ],
)
def test_json_that_is_compared(on_postgres: Project, statement: str) -> None:
    right = statement.replace("DISTINCT body", f"DISTINCT {said('G69', 'CAST(body AS jsonb)')}")
    right = right.replace("BY body", "BY CAST(body AS jsonb)").replace("SELECT body", "SELECT CAST(body AS jsonb)")
    right = right.replace("WHERE body", "WHERE CAST(body AS jsonb)")
    correct(on_postgres, "G69", DOCS, [f'op.execute("{statement}")', f'op.execute("{right}")'])


def test_a_role_whose_search_path_leads_nowhere(on_postgres: Project) -> None:
    nowhere = "op.execute(\"SELECT set_config('search_path', 'nowhere', true)\")"
    table = "op.create_table('t', sa.Column('id', sa.Integer))"
    on_postgres.line(f"{nowhere}; {table}")
    expect(on_postgres.db("upgrade"), "F70")
    assert sql(on_postgres, said("F70", "SHOW search_path")) == [('"$user", public',)]
    again = said("F70", "ALTER ROLE shop SET search_path = public").partition("SET ")[2]
    on_postgres.line(f"{nowhere}; op.execute('SET LOCAL {again}'); {table}")
    on_postgres.good("upgrade")


def test_a_number_that_is_taken(on_postgres: Project) -> None:
    move = said(
        "G101",
        "SELECT setval(pg_get_serial_sequence('orders', 'id'), (SELECT max(id) FROM orders))",
        orders="users",
    )
    insert = "op.execute(\"INSERT INTO users (email) VALUES ('eve')\")"
    on_postgres.line(f"{USERS}; {ANN}", insert)
    expect(on_postgres.db("upgrade"), "G101")
    on_postgres.good("upgrade", "1")
    sql(on_postgres, move)
    on_postgres.good("upgrade")
    assert sql(on_postgres, "SELECT id FROM users ORDER BY id") == [(1,), (2,)]
    on_postgres.good("downgrade", "base")
    sql(on_postgres, "DROP TABLE users")
    ending = said("G101", 'op.execute("SELECT setval(...)")').replace("SELECT setval(...)", move)
    on_postgres.line(f"{USERS}; {ANN}; {ending}", insert)
    on_postgres.good("upgrade")


def test_an_index_that_one_process_builds(on_postgres: Project) -> None:
    """The memory of a container cannot be made small here: this is the message, and what the cure runs."""
    expect(
        "INFO  [alembic.runtime.migration] Running upgrade 1 -> 2, an index\n"
        'psycopg.errors.DiskFull: could not resize shared memory segment "/PostgreSQL.42" to 33554432 bytes: '
        "No space left on device",
        "G100",
    )
    alone = said("G100", 'op.execute("SET LOCAL max_parallel_maintenance_workers = 0")')
    on_postgres.line(USERS, f'{alone}; op.create_index("ix_users_email", "users", ["email"])')
    on_postgres.good(*command("G100", "flask db upgrade"))
    assert current(on_postgres) == "2"
