"""Looking with SQL changes nothing; writing by hand is committed; tables read the same on every machine."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from migration_lab.ground import connect
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments import storage
from migration_lab.instruments.query import Rows, as_shown, execute, query
from migration_lab.instruments.readonly import keeping_sessions
from migration_lab.instruments.schema import read_schema

WRITES = (
    "INSERT INTO t (id, name) VALUES (9, 'x')",
    "UPDATE t SET name = 'x'",
    "DELETE FROM t",
    "DROP TABLE t",
    "CREATE TABLE u (id integer)",
)
ESCAPES = (
    "SELECT 1; INSERT INTO t (id) VALUES (9)",
    "COMMIT; INSERT INTO t (id) VALUES (9)",
    "ROLLBACK; BEGIN READ WRITE; INSERT INTO t (id) VALUES (9); COMMIT",
    "PRAGMA query_only = off; INSERT INTO t (id) VALUES (9)",
    "WITH n AS (INSERT INTO t (id) VALUES (9) RETURNING id) SELECT * FROM n",
)


@pytest.fixture
def rows(database: str) -> str:
    execute(database, "CREATE TABLE t (id integer PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'ann'), (20, NULL)")
    return database


def test_a_question_is_answered_with_columns_and_rows(rows: str) -> None:
    answer = query(rows, "SELECT id, name FROM t ORDER BY id")
    assert answer == Rows(("id", "name"), ((1, "ann"), (20, None)))
    assert answer.scalar == 1
    assert query(rows, "SELECT count(*) FROM t WHERE name LIKE '%x%' -- 100%").scalar == 0


@pytest.mark.parametrize("ask", [query, execute, storage.read])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "must be a text; this is NoneType."),
        (b"SELECT 1", "must be a text; this is bytes."),
        (text("SELECT 1"), "must be a text; this is TextClause."),
        ("SELECT 'a\0b'", r"no database accepts: \x00, at position 9."),
        ("SELECT '\ud83d'", r"no database accepts: \ud83d, at position 8."),
    ],
)
def test_what_no_driver_can_send_is_refused_in_a_sentence(
    rows: str, ask: Callable[[str, Any], object], given: object, says: str
) -> None:
    with pytest.raises(LabError) as refusal:
        ask(rows, given)
    assert says in refusal.value.message


@pytest.mark.parametrize("sql", WRITES)
def test_a_query_that_would_write_is_refused_and_says_what_to_use(rows: str, sql: str) -> None:
    with pytest.raises(LabError) as refusal:
        query(rows, sql)
    assert "is read-only" in refusal.value.message
    assert "shop.execute" in refusal.value.next_step
    assert query(rows, "SELECT count(*) FROM t").scalar == 2


@pytest.mark.parametrize("sql", ESCAPES)
def test_there_is_no_way_out_of_looking(rows: str, sql: str) -> None:
    with pytest.raises(LabError):
        query(rows, sql)
    assert query(rows, "SELECT count(*) FROM t").scalar == 2


def test_a_copy_is_no_query(database: str) -> None:
    with keeping_sessions():
        for _ in range(2):
            with pytest.raises(LabError):
                query(database, "-- all\n/* of it */ COPY pg_class TO STDOUT")
        assert query(database, "SELECT 1").scalar == 1


def test_setting_the_session_to_write_does_not_last(rows: str) -> None:
    for sql in ("SET TRANSACTION READ WRITE", "SET default_transaction_read_only = off", "PRAGMA query_only = off"):
        try:
            query(rows, sql)
        except LabError:
            continue
        with pytest.raises(LabError, match="is read-only"):
            query(rows, WRITES[0])


ODD = {
    "CAST('infinity' AS timestamp)": "infinity",
    "CAST('0044-03-15 BC' AS date)": "0044-03-15 BC",
    "CAST('12000-01-01' AS timestamptz)": "12000-01-01 00:00:00+00",
    "CAST('24:00' AS time)": "24:00:00",
    "CAST('1 year 3 mons' AS interval)": "1 year 3 mons",
    "CAST('[2020-01-01,infinity)' AS daterange)": "[2020-01-01, infinity)",
    "CAST('90 minutes' AS interval)": "1:30:00",
}


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_values_that_python_has_no_type_for_are_shown_as_the_server_writes_them(database: str) -> None:
    answer = query(database, f"SELECT {', '.join(ODD)}")
    assert answer.as_cells() == [list(ODD.values())]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_text_that_is_not_utf_8_is_shown(database: str) -> None:
    assert query(database, "SELECT CAST(X'41ff' AS TEXT)").scalar == "A\N{REPLACEMENT CHARACTER}"


def test_control_characters_are_shown_and_not_sent_to_the_terminal() -> None:
    assert as_shown("a\x1b[31m\n") == "a\\x1b[31m\\n"


def test_a_mistake_is_told_in_the_words_of_the_database(rows: str) -> None:
    with pytest.raises(LabError, match=r"nmae"):
        query(rows, "SELECT nmae FROM t")


def test_sql_by_hand_is_committed_and_counted(rows: str) -> None:
    assert execute(rows, "UPDATE t SET name = 'bo'; DELETE FROM t WHERE id = 20; CREATE TABLE u (id integer)") == 3
    assert query(rows, "SELECT name FROM t").rows == (("bo",),)


def test_several_statements_by_hand_all_happen_or_none(rows: str) -> None:
    with pytest.raises(LabError, match=r"(?i)unique"):
        execute(rows, "INSERT INTO t (id) VALUES (7); INSERT INTO t (id) VALUES (1)")
    assert query(rows, "SELECT count(*) FROM t").scalar == 2


def test_a_statement_that_needs_to_stand_outside_a_transaction_can(rows: str) -> None:
    execute(rows, "VACUUM")


def _slow(url: str) -> str:
    """SQL that takes a quarter of a minute when nothing stops it."""
    counting = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000000) SELECT max(n) FROM c"
    return "SELECT pg_sleep(15)" if url.startswith("postgresql") else counting


@pytest.mark.parametrize("ask", [query, execute])
def test_sql_without_an_end_is_stopped_at_its_limit(
    rows: str, ask: Callable[[str, str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "STATEMENT_SECONDS", 1)
    with pytest.raises(LabError) as stopped:
        ask(rows, _slow(rows))
    assert stopped.value.message == "This SQL was stopped: it ran for more than 1 seconds, or you interrupted it."
    assert "endless" in stopped.value.next_step
    assert query(rows, "SELECT count(*) FROM t").scalar == 2


@pytest.mark.parametrize("ask", [query, execute])
def test_ctrl_c_stops_sql(rows: str, ask: Callable[[str, str], object], monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[bool] = []

    def ctrl_c() -> None:
        came.append(True)
        os.kill(os.getpid(), signal.SIGINT)

    moments = itertools.count()

    def monotonic() -> float:  # asked when the limit is set, and again and again while SQLite works
        if next(moments) == 1:
            ctrl_c()
        return time.monotonic()

    monkeypatch.setattr(connect, "time", SimpleNamespace(monotonic=monotonic))
    timer = threading.Timer(0.5, ctrl_c)
    if rows.startswith("postgresql"):
        timer.start()
    try:
        # psycopg cancels the statement and hands Ctrl-C on; SQLite's driver keeps it for itself.
        with pytest.raises(KeyboardInterrupt if rows.startswith("postgresql") else LabError) as stopped:
            ask(rows, _slow(rows))
    finally:
        timer.cancel()
    assert came
    assert isinstance(stopped.value, KeyboardInterrupt) or "you interrupted it" in str(stopped.value)


def test_a_database_file_that_is_not_there_yet_is_empty_and_stays_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    assert query(url, "SELECT count(*) FROM sqlite_master").scalar == 0
    assert not (tmp_path / "shop.db").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("not a url", "cannot be read"),
        ("mysql://user:secret@host/x", "Postgres and SQLite"),
        ("postgresql+psycopg://user:secret@127.0.0.1:9/x", "does not answer"),
        ("sqlite:////nowhere/at/all.db", "its folder is not there"),
    ],
)
def test_a_database_that_cannot_be_reached_says_so_without_its_password(url: str, says: str) -> None:
    for attempt in (query, execute):
        with pytest.raises(LabError) as failure:
            attempt(url, "SELECT 1")
        assert says in str(failure.value) or "cannot be opened" in str(failure.value)
        assert "secret" not in str(failure.value)
        assert "LAB_POSTGRES_URL" not in str(failure.value)  # none is set
        assert url.startswith("postgres") or "server" not in str(failure.value)


def test_advice_about_the_lab_is_for_its_own_databases(tmp_path: Path) -> None:
    other, own = f"sqlite:///{tmp_path}/app.db", f"sqlite:///{tmp_path}/instance/shop.db"
    (tmp_path / "instance").mkdir()
    for url, is_own in ((other, False), (own, True)):
        execute(url, "CREATE TABLE t (id integer)")
        with pytest.raises(LabError) as refused:
            query(url, "DROP TABLE t")
        assert ("shop." in refused.value.next_step) == is_own
        Path(url.removeprefix("sqlite:///")).write_bytes(b"SQLite format 3\0" + b"x" * 5000)
        for look in (lambda url=url: query(url, "SELECT 1 FROM t"), lambda url=url: read_schema(url)):
            with pytest.raises(LabError) as damaged:
                look()
            assert "lab reset" not in damaged.value.next_step or is_own
    for url in ("sqlite:////nowhere/app.db", "postgresql://ann:secret@127.0.0.1:9/app"):
        for attempt in (query, execute):
            with pytest.raises(LabError) as refused:
                attempt(url, "SELECT 1")
            assert "lab" not in refused.value.next_step


def test_a_sqlite_uri_that_says_read_only_is_obeyed(tmp_path: Path) -> None:
    url = f"sqlite:///file:{tmp_path}/x.db?mode=ro&uri=true"
    execute(url.replace("mode=ro&", ""), "CREATE TABLE t (id integer)")
    assert query(url, "SELECT count(*) FROM t").scalar == 0
    with pytest.raises(LabError, match="readonly"):
        execute(url, "DROP TABLE t")


def test_a_lost_connection_or_a_full_disk_is_not_a_fault_of_the_sql(tmp_path: Path) -> None:
    server = engine("postgres")
    server.create(tmp_path)
    with pytest.raises(LabError, match="does not answer, or has closed the connection") as lost:
        execute(server.url(tmp_path), "SELECT pg_terminate_backend(pg_backend_pid())")
    assert "lab.resume()" in lost.value.next_step
    server.drop(tmp_path)
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    full = "PRAGMA max_page_count = 3; CREATE TABLE a (x); INSERT INTO a VALUES (zeroblob(100000))"
    with pytest.raises(LabError, match="SQLite cannot use its file: database or disk is full") as no_room:
        execute(url, full)
    assert "Make room" in no_room.value.next_step
    (tmp_path / "damaged.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(LabError):
        query(f"sqlite:///{tmp_path / 'damaged.db'}", "SELECT 1 FROM sqlite_schema")


def test_a_table_is_aligned_and_every_value_has_one_form() -> None:
    answer = Rows(
        ("id", "what"),
        (
            (1, None),
            (10, True),
            (100, datetime(2026, 5, 1, 9, 30)),
            (5, b"\x00\xff"),
            (6, Decimal("1.50")),
            (7, {"b": 1, "a": "é"}),
            (8, "two\nlines"),
            (9, "x" * 110),
        ),
    )
    assert answer.as_text() == "\n".join(
        [
            "id   what",
            "---  " + "-" * 100,
            "  1  NULL",
            " 10  true",
            "100  2026-05-01 09:30:00",
            "  5  X'00ff'",
            "  6  1.50",
            '  7  {"a": "é", "b": 1}',
            "  8  two\\nlines",
            "  9  " + "x" * 99 + "…",
            "(8 rows)",
        ]
    )


def test_a_long_table_shows_its_beginning_and_says_so() -> None:
    answer = Rows(("n",), tuple((n,) for n in range(100)))
    assert answer.as_text(limit=2).splitlines() == ["n", "-", "0", "1", "(100 rows, the first 2 are shown)"]
    assert Rows(("n",), ()).as_text() == "n\n-\n(0 rows)"


def test_no_parameter_of_a_url_is_shown_where_it_may_be_a_password() -> None:
    for parameters in ("password=geheim&sslmode=none", "sslpassword=geheim&nosuch=1"):
        with pytest.raises(LabError, match="cannot be opened") as refused:
            query(f"postgresql://ann@127.0.0.1/app?{parameters}", "SELECT 1")
        assert "geheim" not in str(refused.value)


def test_a_query_makes_no_file(database: str, tmp_path: Path) -> None:
    made = tmp_path.parent / f"{tmp_path.name}-made"
    writes = ("ATTACH '{}' AS m", "VACUUM INTO '{}'", "COPY (SELECT 1) TO PROGRAM 'cat > {}'")
    for sql in writes:
        with pytest.raises(LabError):
            query(database, sql.format(made))
    assert not made.exists()


def test_a_folder_is_no_empty_database(tmp_path: Path) -> None:
    for look in (lambda url: query(url, "SELECT 1"), read_schema):
        with pytest.raises(LabError, match="cannot be opened: it is not a file"):
            look(f"sqlite:///{tmp_path}")


def test_a_database_without_an_encoding_is_read(tmp_path: Path) -> None:
    server = engine("postgres")
    parameters = connect.parameters_of(server.sqlalchemy_url(tmp_path))
    name = f"{parameters['dbname']}_ascii"
    url = server.sqlalchemy_url(tmp_path).replace(str(parameters["dbname"]), name)
    server.create(tmp_path)
    with closing(connect.postgres(parameters)) as session:
        session.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'".encode()
        )
        try:
            execute(url, "CREATE TABLE doors (id integer, name text); INSERT INTO doors VALUES (1, 'Jörg')")
            assert query(url, "SELECT name FROM doors").rows == (("Jörg",),)
            execute(url, "UPDATE doors SET name = E'J\\xf6rg'")
            with pytest.raises(LabError, match="invalid byte sequence"):
                query(url, "SELECT name FROM doors")
            assert query(f"{url}&client_encoding=latin1", "SELECT name FROM doors").rows == (("Jörg",),)
            assert [table.name for table in read_schema(url).tables] == ["doors"]
            assert storage.read(url, "doors").table_bytes > 0
        finally:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            server.drop(tmp_path)
