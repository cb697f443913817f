"""The size of a table, and whether it was rewritten: for each way of changing a table, on both engines."""

import subprocess
import sys
import threading
import time

import psutil
import pytest

from migration_lab.ground import connect, counted
from migration_lab.ground.errors import LabError
from migration_lab.instruments import storage
from migration_lab.instruments.locks import holding
from migration_lab.instruments.query import execute, query

MANY = 5000
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
TABLE = "CREATE TABLE users (id integer PRIMARY KEY, email text); CREATE INDEX ix_users_email ON users (email)"
FILL = f"""
WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {MANY})
INSERT INTO users SELECT n, 'somebody' || n || '@example.com' FROM g"""
COPY = """
CREATE TABLE _alembic_tmp_users (id integer PRIMARY KEY, email text);
INSERT INTO _alembic_tmp_users SELECT id, email FROM users;
DROP TABLE users;
ALTER TABLE _alembic_tmp_users RENAME TO users;
CREATE INDEX ix_users_email ON users (email)"""


@pytest.fixture
def users(database: str) -> str:
    execute(database, f"CREATE TABLE first (id integer); {TABLE}; {FILL}; CREATE TABLE last (id integer)")
    return database


on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def changed_by(url: str, sql: str) -> storage.Change:
    before = storage.read(url, "users")
    execute(url, sql)
    return storage.read(url, "users").since(before)


def test_a_change_in_place_is_no_rewrite(users: str) -> None:
    for sql in (
        "ALTER TABLE users ADD COLUMN nickname text",
        "ALTER TABLE users ADD COLUMN is_active integer NOT NULL DEFAULT 1",
        "ALTER TABLE users RENAME COLUMN nickname TO display_name",
        "UPDATE users SET email = upper(email)",
        "CREATE INDEX ix_users_is_active ON users (is_active)",
        "CREATE TABLE another (id integer)",
        "DROP TABLE first",
    ):
        change = changed_by(users, sql)
        assert not change.rewritten, sql
        assert change.in_words() == "users: not rewritten"


def test_a_table_that_is_copied_and_renamed_was_rewritten_however_often(users: str) -> None:
    for sql in (COPY, COPY, f"{COPY};{COPY}", f"{COPY};{COPY}"):
        assert changed_by(users, sql).in_words() == "users: rewritten"


@on_postgres
def test_what_writes_a_postgres_table_anew_is_seen(users: str) -> None:
    for sql in (
        "ALTER TABLE users ALTER COLUMN id TYPE bigint",
        "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid()",
        "VACUUM FULL users",
    ):
        assert changed_by(users, sql).rewritten, sql
    assert not changed_by(users, "VACUUM users").rewritten


@on_sqlite
def test_a_vacuum_that_moves_a_sqlite_table_is_seen(users: str) -> None:
    execute(users, COPY)
    assert changed_by(users, "VACUUM").rewritten


@on_sqlite
def test_what_sqlite_does_not_show_is_as_the_docstring_says(users: str) -> None:
    execute(users, "ALTER TABLE users ADD COLUMN x integer")
    execute(users, "VACUUM")
    for sql in ("ALTER TABLE users DROP COLUMN x", "VACUUM"):
        assert not changed_by(users, sql).rewritten, sql
    assert not changed_by(users, f"DROP TABLE last; DROP TABLE users; {TABLE}").rewritten


def test_growth_is_seen(users: str) -> None:
    change = changed_by(users, FILL.replace("SELECT n,", f"SELECT n + {MANY},"))
    assert change.table_bytes > change.before.table_bytes / 2 > 0
    assert change.index_bytes > change.before.index_bytes / 10 > 0


@on_postgres
def test_a_partitioned_table_is_the_sum_of_its_partitions(users: str) -> None:
    execute(
        users,
        f"""CREATE TABLE visits (id integer, day date) PARTITION BY RANGE (day);
        CREATE TABLE visits_old PARTITION OF visits DEFAULT;
        CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
            PARTITION BY RANGE (day);
        CREATE TABLE visits_may PARTITION OF visits_2026 FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
        CREATE INDEX ON visits (id);
        INSERT INTO visits SELECT n, date '2025-12-31' FROM generate_series(1, {MANY}) n;
        INSERT INTO visits SELECT n, date '2026-05-02' FROM generate_series(1, {MANY}) n;
        UPDATE visits SET id = id + 1""",
    )
    before = storage.read(users, "visits")
    old, may = storage.read(users, "visits_old"), storage.read(users, "visits_may")
    assert (old.partitions, len(before.partitions or ())) == (None, 2)
    assert before.table_bytes == old.table_bytes + may.table_bytes > MANY * 2 * 30
    assert before.index_bytes == old.index_bytes + may.index_bytes > 0
    assert before.dead_rows == (old.dead_rows or 0) + (may.dead_rows or 0) == MANY * 2
    assert before.as_text().startswith("visits, the sum over 2 partitions\n")

    execute(users, "CREATE TABLE visits_june PARTITION OF visits_2026 FOR VALUES FROM ('2026-06-01') TO ('2026-07-01')")
    assert not storage.read(users, "visits").since(before).rewritten
    execute(users, "VACUUM FULL visits_may")
    change = storage.read(users, "visits").since(before)
    assert (change.rewritten, change.partitions_rewritten) == (True, 1)
    assert "rewritten  yes, 1 of its partitions" in change.as_text()


@on_postgres
def test_a_name_may_have_dots_and_a_schema(users: str) -> None:
    execute(
        users,
        f"""CREATE SCHEMA app; CREATE SCHEMA "my.app"; CREATE TABLE app.users (id integer);
        CREATE TABLE "a.b" (x integer); CREATE TABLE app."a.b" (x integer); CREATE TABLE "my.app"."Users" (x integer);
        CREATE TABLE "app.users" (x text);
        INSERT INTO app.users SELECT n FROM generate_series(1, {MANY}) n""",
    )
    filled = storage.read(users, "app.users")
    assert filled.table_bytes > MANY * 20
    assert storage.read(users, 'app."users"').file == filled.file
    assert storage.read(users, '"app.users"').table_bytes < filled.table_bytes
    found = [storage.read(users, name).file for name in ("a.b", '"a.b"', "app.a.b", 'app."a.b"', "my.app.Users")]
    assert found[0] == found[1] != found[2] == found[3]
    for name in ("a.c", "my.app.users", '"my.app.Users"', 'app."users', "a..b", "."):
        with pytest.raises(LabError, match="There is no table"):
            storage.read(users, name)


@on_sqlite
def test_a_sqlite_name_may_have_a_dot(users: str) -> None:
    execute(users, 'CREATE TABLE "a.b" (x integer)')
    assert (
        storage.read(users, "a.b").file == storage.read(users, '"a.b"').file == storage.read(users, 'MAIN."A.B"').file
    )
    assert storage.read(users, "main.users").file == storage.read(users, "users").file
    with pytest.raises(LabError, match="There is no table temp"):
        storage.read(users, "temp.users")


def test_what_has_no_rows_of_its_own_gets_a_sentence(users: str) -> None:
    execute(users, "CREATE VIEW everybody AS SELECT * FROM users")
    with pytest.raises(LabError, match="everybody is a view, which has no rows of its own"):
        storage.read(users, "everybody")
    if users.startswith("sqlite"):
        execute(users, "CREATE VIRTUAL TABLE words USING fts5(word)")
        with pytest.raises(LabError, match="words is a virtual table"):
            storage.read(users, "words")


@on_postgres
def test_an_update_of_all_rows_leaves_dead_rows_and_wal(users: str) -> None:
    change = changed_by(users, "UPDATE users SET email = upper(email)")
    assert change.dead_rows == MANY
    assert change.wal_bytes is not None
    assert change.wal_bytes > MANY * 40
    assert change.table_bytes > change.before.table_bytes / 2


@on_postgres
def test_dead_rows_of_a_session_that_is_still_ending_are_seen(users: str) -> None:
    connection = connect.postgres(connect.parameters_of(users))
    before = storage.read(users, "users")
    for sql in ("SELECT count(*) FROM users", "UPDATE users SET email = NULL"):
        connection.execute(sql)  # the first is told at once, so the second is not
    session = psutil.Process(connection.info.backend_pid)
    session.suspend()
    connection.close()
    threading.Timer(counted.QUIET_SECONDS * 4, session.resume).start()
    assert storage.read(users, "users").since(before).dead_rows == MANY


@on_postgres
def test_a_session_that_waits_for_its_client_or_for_a_lock_is_not_waited_for(
    users: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "PATIENCE_SECONDS", 600)
    monkeypatch.setattr(counted, "QUIET_SECONDS", 600)
    with connect.postgres(connect.parameters_of(users)) as waiting:
        with holding(users, "UPDATE first SET id = id"):
            blocked = threading.Thread(target=waiting.execute, args=("ALTER TABLE first ADD COLUMN name text",))
            blocked.start()
            while not query(users, BLOCKED).scalar:
                pass
            storage.read(users, "users")
            assert blocked.is_alive()
        blocked.join()


@on_postgres
def test_a_server_elsewhere_is_given_a_while(users: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such(pid: int) -> psutil.Process:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", no_such)
    monkeypatch.setattr(counted, "PATIENCE_SECONDS", 600)
    with holding(users, "UPDATE users SET email = email"):
        storage.read(users, "users")


@on_postgres
def test_dead_rows_of_a_process_that_has_just_ended_are_seen(users: str) -> None:
    update = f"from migration_lab.instruments.query import execute; execute({users!r}, 'UPDATE users SET email = NULL')"
    before = storage.read(users, "users")
    subprocess.run([sys.executable, "-c", update], check=True)
    assert storage.read(users, "users").since(before).dead_rows == MANY


@on_sqlite
def test_sqlite_says_how_many_pages_are_free(users: str) -> None:
    change = changed_by(users, "DELETE FROM users")
    assert change.free_bytes is not None
    assert change.free_bytes > 0 > change.table_bytes
    assert (change.dead_rows, change.wal_bytes) == (None, None)


@on_sqlite
def test_without_dbstat_the_whole_file_is_measured(users: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = storage.read(users, "users")
    monkeypatch.setattr(storage, "SQLITE_SIZE", storage.SQLITE_SIZE.replace("dbstat", "not_dbstat"))
    file = storage.read(users, "users")
    assert file.is_whole_file
    assert file.table_bytes > table.table_bytes + table.index_bytes
    assert file.as_text().splitlines()[1].startswith("file  ")


def test_a_table_that_is_not_there_is_named(database: str) -> None:
    for name in ("users", "no'where", 'no"where', "users.ix", ""):
        with pytest.raises(LabError, match=f"There is no table {name} in this database"):
            storage.read(database, name)


def test_an_index_is_no_table(users: str) -> None:
    with pytest.raises(LabError, match="There is no table ix_users_email"):
        storage.read(users, "ix_users_email")


@on_postgres
def test_a_name_with_its_schema_is_found(users: str) -> None:
    assert storage.read(users, "public.users").file == storage.read(users, "users").file


def test_two_tables_are_not_compared(users: str) -> None:
    with pytest.raises(LabError, match="two tables: last and users"):
        storage.read(users, "users").since(storage.read(users, "last"))


@on_postgres
def test_a_locked_table_is_said_and_not_waited_for_without_end(users: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "LOCK_SECONDS", 1)
    with (
        holding(users, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"),
        pytest.raises(LabError, match="End the other transaction"),
    ):
        storage.read(users, "users")


def test_looking_takes_no_longer_than_it_must(users: str) -> None:
    storage.read(users, "users")
    began = time.monotonic()
    storage.read(users, "users")
    assert time.monotonic() - began < counted.PATIENCE_SECONDS


def test_the_text_has_each_size_before_and_after() -> None:
    before = storage.Storage("users", (1, 2), 4096, 8192, dead_rows=0, wal_bytes=0)
    after = storage.Storage("users", (1, 9), 3 * 1024**2, 512, dead_rows=7, wal_bytes=2048)
    assert after.since(before).as_text() == (
        "users\n"
        "rewritten  yes\n"
        "table      4 kB -> 3.0 MB\n"
        "indexes    8 kB -> 512 bytes\n"
        "dead rows  0 -> 7\n"
        "WAL        2 kB written by the whole server"
    )
    assert after.as_text() == "users\ntable      3.0 MB\nindexes    512 bytes\ndead rows  7"
    small = storage.Storage("users", (1, 2), 4096, 0, free_bytes=4096, is_whole_file=True)
    assert small.since(small).as_text() == "users\nrewritten  no\nfile       4 kB -> 4 kB\nfree       4 kB -> 4 kB"
