"""Each card's advice, followed to the letter on Postgres, fixes the failure."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from migration_lab.instruments import locks
from migration_lab.shops.flask_command import STABLE
from tests.teaching.explain.cures import ORDERS, VIEW, change, command, correct, current, said, sql
from tests.teaching.explain.project import ANN, TWO_ANNS, USERS, Project, expect


def test_an_enum_type_that_was_left(on_postgres: Project) -> None:
    enum = "sa.Column('s', sa.Enum('a', name='st'))"
    first = on_postgres.revision("1", None, f"op.create_table('a', {enum})", "op.drop_table('a')")
    on_postgres.good("upgrade")
    on_postgres.good("downgrade", "base")
    expect(on_postgres.db("upgrade"), "F41")
    sql(on_postgres, said("F41", "DROP TYPE order_status", order_status="st"))
    on_postgres.good("upgrade")
    drop = said("F41", 'sa.Enum(name="order_status").drop(op.get_bind(), checkfirst=True)', order_status="st")
    change(first, "op.drop_table('a')", f"op.drop_table('a')\n    {drop}")
    on_postgres.good("downgrade", "base")
    on_postgres.good("upgrade")
    kind = said("F41", 'postgresql.ENUM("new", "paid", name="order_status", create_type=False)', order_status="st")
    on_postgres.revision("2", "1", f"op.create_table('b', sa.Column('s', {kind.replace('new', 'a')}))")
    on_postgres.good("upgrade")


ONE_EDIT: dict[str, tuple[str, str, Callable[[], list[str]]]] = {
    "a column that a view reads": (
        "F68",
        f"{USERS}\n    {VIEW}",
        lambda: [
            'op.drop_column("users", "email")',
            said("F68", 'op.execute("DROP VIEW my_view")', my_view="v"),
            'op.drop_column("users", "email"); op.execute("CREATE VIEW v AS SELECT id FROM users")',
        ],
    ),
    "a table that a key refers to": (
        "G19",
        f"{USERS}; {ORDERS}",
        lambda: [
            'op.drop_table("users")',
            said(
                "G19", 'op.drop_constraint("KEY", "OTHER_TABLE", type_="foreignkey")',
                KEY="fk_orders_user_id_users", OTHER_TABLE="orders",
            ),
            'op.drop_table("users")',
        ],
    ),
    "rows without a value": (
        "F30",
        USERS + "; " + ANN,
        lambda: [
            'op.add_column("users", sa.Column("tz", sa.Text, nullable=False))',
            'op.add_column("users", sa.Column("tz", sa.Text, nullable=True))',
            'op.execute("UPDATE users SET tz = \'UTC\'")',
            'op.alter_column("users", "tz", nullable=False)',
        ],
    ),
    "a type that is not there": (
        "F42",
        USERS,
        lambda: [
            'op.add_column("users", sa.Column("s", postgresql.ENUM("a", name="st", create_type=False)))',
            'order_status = sa.Enum("a", name="st"); '
            + said("F42", "order_status.create(op.get_bind(), checkfirst=True)"),
            'op.add_column("users", sa.Column("s", order_status))',
        ],
    ),
    "an index that is built concurrently": (
        "F47",
        USERS,
        lambda: [
            'op.create_index("ix", "users", ["email"], postgresql_concurrently=True)',
            said("F47", "with op.get_context().autocommit_block():"),
            '    op.create_index("ix", "users", ["email"], postgresql_concurrently=True)',
        ],
    ),
    "a default of another type": (
        "F67",
        USERS,
        lambda: [
            "op.add_column('users', sa.Column('f', sa.Boolean, server_default=sa.text('0')))",
            f"op.add_column('users', sa.Column('f', sa.Boolean, {said('F67', 'server_default=sa.false()')}))",
        ],
    ),
    "a schema that is not there": (
        "F70",
        "pass",
        lambda: [
            "op.create_table('t', sa.Column('id', sa.Integer), schema='app')",
            said("F70", 'op.execute("CREATE SCHEMA IF NOT EXISTS app")'),
            "op.create_table('t', sa.Column('id', sa.Integer), schema='app')",
        ],
    ),
    "a type of an extension": (
        "G14",
        USERS,
        lambda: [
            "op.execute('ALTER TABLE users ADD COLUMN c citext')",
            said("G14", 'op.execute("CREATE EXTENSION IF NOT EXISTS citext")'),
            "op.execute('ALTER TABLE users ADD COLUMN c citext')",
        ],
    ),
    "a constraint of another name": (
        "G15",
        USERS + "; op.execute('ALTER TABLE users ADD UNIQUE (email)')",
        lambda: [
            "op.drop_constraint('uq_users_email', 'users')",
            said(
                "G15", 'op.execute("ALTER TABLE my_table DROP CONSTRAINT IF EXISTS my_constraint")',
                my_table="users", my_constraint="uq_users_email",
            ),
            "op.drop_constraint('users_email_key', 'users')",
        ],
    ),
    "a key to a column that is not unique": (
        "G36",
        f"{USERS}; op.create_table('t', sa.Column('mail', sa.String(255)))",
        lambda: [
            "op.create_foreign_key('fk', 't', 'users', ['mail'], ['email'])",
            said(
                "G36", 'op.create_unique_constraint("NAME", "TABLE", ["COLUMN"])',
                NAME="uq", TABLE="users", COLUMN="email",
            ),
            "op.create_foreign_key('fk', 't', 'users', ['mail'], ['email'])",
        ],
    ),
    "two tables that refer to each other": (
        "F73",
        "pass",
        lambda: [
            "op.execute('CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES b (id))')",
            "op.execute('CREATE TABLE a (id integer PRIMARY KEY, b_id integer)')",
            "op.execute('CREATE TABLE b (id integer PRIMARY KEY, a_id integer REFERENCES a (id))')",
            said(
                "F73", 'op.create_foreign_key("NAME", "TABLE", "OTHER_TABLE", ["COLUMN"], ["id"])',
                NAME="fk", TABLE="a", OTHER_TABLE="b", COLUMN="b_id",
            ),
        ],
    ),
    "a row that is there already": (
        "G35",
        USERS + "; " + ANN,
        lambda: [ANN, ANN.replace("')\")", f"') {said('G35', 'INSERT ... ON CONFLICT DO NOTHING')[11:]}\")")],
    ),
    "SQL that does not parse": (
        "G45",
        USERS,
        lambda: ["op.execute('ALTER TABEL users ADD x text')", "op.execute('ALTER TABLE users ADD x text')"],
    ),
    "a default that is text": (
        "F66",
        USERS,
        lambda: [
            "op.alter_column('users', 'email', type_=sa.Integer)",
            "op.alter_column('users', 'email', type_=sa.Integer, postgresql_using='email::integer')",
        ],
    ),
    "a type of another database": (
        "G47",
        USERS,
        lambda: [
            "op.add_column('users', sa.Column('seen', sa.DATETIME()))",
            f"op.add_column('users', sa.Column('seen', {said('G47', 'sa.DateTime()')}))",
            f"op.execute('ALTER TABLE users ADD COLUMN size {said('G47', 'DOUBLE PRECISION')}')",
        ],
    ),
    "a column of the key that may be empty": (
        "G48",
        USERS,
        lambda: ["op.alter_column('users', 'id', nullable=True)", "pass  # the line is deleted"],
    ),
    "a column that leaves the key": (
        "G48",
        USERS,
        lambda: [
            "op.alter_column('users', 'id', nullable=True)",
            said(
                "G48", 'op.drop_constraint("orders_pkey", "orders", type_="primary")',
                orders_pkey="users_pkey", orders="users",
            ),
            "op.alter_column('users', 'id', nullable=True)",
        ],
    ),
    "a table of an extension": (
        "F12",
        "op.execute('CREATE EXTENSION citext'); op.create_table('spatial_ref_sys'); "
        "op.execute('ALTER EXTENSION citext ADD TABLE spatial_ref_sys')",
        lambda: [said("F12", "op.drop_table") + "('spatial_ref_sys')", "pass  # the line is deleted"],
    ),
    "doubles": (
        "F69",
        USERS + "; " + TWO_ANNS,
        lambda: [
            'op.create_unique_constraint("uq", "users", ["email"])',
            'op.execute("DELETE FROM users WHERE id = 2")',
            'op.create_unique_constraint("uq", "users", ["email"])',
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_EDIT)
def test_a_revision_is_corrected(on_postgres: Project, case: str) -> None:
    card_id, before, lines = ONE_EDIT[case]
    correct(on_postgres, card_id, before, lines())


def test_a_column_that_somebody_dropped_by_hand(on_postgres: Project) -> None:
    on_postgres.line(USERS, 'op.alter_column("users", "email", nullable=False)')
    on_postgres.good("upgrade", "1")
    sql(on_postgres, "ALTER TABLE users DROP COLUMN email")
    expect(on_postgres.db("upgrade"), "G30")
    sql(on_postgres, "ALTER TABLE users ADD COLUMN email VARCHAR(255)")
    on_postgres.good("upgrade")


def test_a_database_that_was_stamped_but_never_upgraded(on_postgres: Project) -> None:
    on_postgres.line(USERS, 'op.add_column("users", sa.Column("x", sa.Text))')
    on_postgres.good("stamp", "1")
    expect(on_postgres.db("upgrade"), "G30")
    on_postgres.good(*command("G30", "flask db stamp REVISION", REVISION="base"))
    on_postgres.good(*command("G30", "flask db upgrade"))
    assert current(on_postgres) == "2"


def test_the_same_row_three_times_gets_its_key_back(on_postgres: Project) -> None:
    on_postgres.line(USERS, "pass")
    on_postgres.good("upgrade", "1")
    copies = ["INSERT INTO alembic_version VALUES ('1')"] * 2
    sql(on_postgres, "ALTER TABLE alembic_version DROP CONSTRAINT alembic_version_pkc", *copies)
    expect(on_postgres.db("upgrade"), "G24")
    on_postgres.good(*command("G24", "flask db stamp --purge REVISION", REVISION="1"))
    sql(
        on_postgres,
        said("G24", "ALTER TABLE alembic_version ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"),
    )
    on_postgres.good("upgrade")
    assert current(on_postgres) == "2"


def test_a_role_that_may_not(on_postgres: Project) -> None:
    """A role that logs in is made for the test, and works under the name of the database's owner until then."""
    on_postgres.line(USERS, 'op.add_column("users", sa.Column("x", sa.Text))')
    role = f"role_{on_postgres.folder.parent.name.lower()}"
    as_role = f"op.execute('SET ROLE {role}')"
    sql(on_postgres, f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role}")
    try:
        on_postgres.revision("1", None, f"{as_role}; {USERS}; op.execute('RESET ROLE')")
        expect(on_postgres.db("upgrade"), "G08")
        sql(on_postgres, said("G08", "GRANT USAGE, CREATE ON SCHEMA public TO my_role", my_role=role))
        on_postgres.good("upgrade", "1")
        sql(on_postgres, "ALTER TABLE users OWNER TO CURRENT_USER")
        on_postgres.revision(
            "2", "1", f"{as_role}; op.add_column('users', sa.Column('x', sa.Text)); op.execute('RESET ROLE')"
        )
        expect(on_postgres.db("upgrade"), "G08")
        sql(on_postgres, said("G08", "ALTER TABLE my_table OWNER TO my_role", my_table="users", my_role=role))
        on_postgres.good("upgrade")
    finally:
        sql(on_postgres, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


def test_a_statement_that_takes_too_long(on_postgres: Project) -> None:
    on_postgres.line(USERS, "op.execute(\"SET statement_timeout = '50ms'\"); op.execute('SELECT pg_sleep(0.3)')")
    expect(on_postgres.db("upgrade"), "G42")
    longer = said("G42", "op.execute(\"SET LOCAL statement_timeout = '10min'\")")
    on_postgres.revision(
        "2", "1", f"op.execute(\"SET statement_timeout = '50ms'\"); {longer}; op.execute('SELECT pg_sleep(0.3)')"
    )
    on_postgres.good("upgrade")


def test_an_id_that_is_too_long(on_postgres: Project) -> None:
    on_postgres.revision("1", None, USERS)
    long = on_postgres.revision("2" * 33, "1")
    expect(on_postgres.db("upgrade"), "F24")
    change(long, "2" * 33, "2" * 32)
    on_postgres.good("upgrade")


def test_a_value_that_the_enum_type_lacks(on_postgres: Project) -> None:
    on_postgres.revision("1", None, "op.create_table('t', sa.Column('s', sa.Enum('new', name='order_status')))")
    on_postgres.good("upgrade")
    insert = "op.execute(\"INSERT INTO t VALUES ('refunded')\")"
    on_postgres.revision("2", "1", insert)
    expect(on_postgres.db("upgrade"), "F45")
    add = said("F45", "ALTER TYPE order_status ADD VALUE 'refunded'")
    on_postgres.revision("2", "1", f'with op.get_context().autocommit_block():\n        op.execute("{add}")')
    on_postgres.revision("3", "2", insert)
    on_postgres.good("upgrade")
    assert sql(on_postgres, "SELECT s FROM t") == [("refunded",)]


ELSEWHERE = """import os; other = sa.create_engine(os.environ["DATABASE_URL"]).connect()
    other.execute(sa.text("CREATE TABLE t (x INTEGER)"))
    other.execute(sa.text("UPDATE alembic_version SET version_num = '2'"))
    other.commit()"""


def test_another_upgrade_that_was_faster(on_postgres: Project) -> None:
    on_postgres.line("pass", ELSEWHERE)  # the other one does all of revision 2 while this one is in it
    on_postgres.good("upgrade", "1")
    expect(on_postgres.db("upgrade"), "F55")
    assert "2 (head)" in on_postgres.good(*command("F55", "flask db current"))
    assert sql(on_postgres, "SELECT count(*) FROM t") == [(0,)]
    assert "Running upgrade" not in on_postgres.good(*command("F55", "flask db upgrade"))


def test_a_connection_that_is_lost_in_the_middle(on_postgres: Project) -> None:
    table, lost = (
        "op.execute('CREATE TABLE t (x INTEGER)')",
        "op.execute('SELECT pg_terminate_backend(pg_backend_pid())')",
    )
    second = on_postgres.revision("2", "1", f"{table}; {lost}")
    on_postgres.revision("1", None)
    on_postgres.good("upgrade", "1")
    expect(on_postgres.db("upgrade"), "G37")
    change(second, f"; {lost}", "")  # the server is back, and nobody ends this one
    assert "1" in on_postgres.good(*command("G37", "flask db current"))
    on_postgres.good(*command("G37", "flask db upgrade"))
    assert sql(on_postgres, "SELECT count(*) FROM t") == [(0,)]


WAITING = "SELECT pid, pg_blocking_pids(pid), query FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"


def own(project: Project) -> set[object]:
    """The sessions of this project's database; the server has those of other tests as well."""
    return {row[0] for row in sql(project, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()")}


@pytest.mark.parametrize("ends_blocker", [True, False], ids=["the blocker is ended", "the upgrade is ended"])
def test_an_upgrade_that_hangs_behind_an_open_transaction(on_postgres: Project, ends_blocker: bool) -> None:
    on_postgres.line(USERS, 'op.add_column("users", sa.Column("x", sa.Text))')
    on_postgres.good("upgrade", "1")
    with ThreadPoolExecutor() as pool, locks.idle_reader(on_postgres.url, "SELECT count(*) FROM users"):
        upgrade = pool.submit(on_postgres.flask, "db", "upgrade")
        while not (found := [row for row in sql(on_postgres, said("F51", WAITING)) if row[0] in own(on_postgres)]):
            assert not upgrade.done(), upgrade.result().output
            time.sleep(0.05)
        [(waits, blockers, query)] = found
        assert "ALTER TABLE users" in str(query)
        assert isinstance(blockers, list)
        if ends_blocker:
            sql(on_postgres, said("F51", "SELECT pg_terminate_backend(PID)", PID=str(blockers[0])))
        else:
            sql(on_postgres, said("F51", "SELECT pg_cancel_backend(PID)", PID=str(waits)))
        assert (upgrade.result().exit_code == 0) == ends_blocker
    on_postgres.good("upgrade")
    assert current(on_postgres) == "2"


def test_a_migration_that_waits_for_itself(on_postgres: Project) -> None:
    add = "op.execute('ALTER TABLE users ADD COLUMN x text')"
    fill = "db.session.execute(sa.text(\"UPDATE users SET x = 'y'\"))"
    on_postgres.line(f"{USERS}; {ANN}", f"from ext import db; {add}; {fill}; db.session.commit()")
    on_postgres.good("upgrade", "1")
    env = {"PATH": os.environ["PATH"], "FLASK_APP": "app", "DATABASE_URL": on_postgres.url, **STABLE}
    words = [sys.executable, "-m", "flask", "db", "upgrade"]
    with subprocess.Popen(words, cwd=on_postgres.folder, env=env, stderr=subprocess.DEVNULL) as upgrade:
        while not (found := [row for row in sql(on_postgres, WAITING) if row[0] in own(on_postgres)]):
            assert upgrade.poll() is None
            time.sleep(0.05)
        assert [query for _, _, query in found] == ["UPDATE users SET x = 'y'"]
        upgrade.send_signal(signal.SIGINT)  # Ctrl-C
        assert upgrade.wait(60) != 0
    assert current(on_postgres) == "1"
    bind = said("F52", "op.get_bind()")
    on_postgres.revision("2", "1", f"{add}; {bind}.execute(sa.text(\"UPDATE users SET x = 'y'\"))")
    on_postgres.good("upgrade")
    assert sql(on_postgres, "SELECT x FROM users") == [("y",)]
