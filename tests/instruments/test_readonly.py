"""One session for several reads sees what each of them would see alone, and has no more rights."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from migration_lab.ground import engines
from migration_lab.ground.errors import LabError
from migration_lab.instruments import storage
from migration_lab.instruments.query import execute, query
from migration_lab.instruments.readonly import MOST_KEPT, keeping_sessions, looking_at
from migration_lab.instruments.schema import diff, read_schema
from tests.instruments.locks.parts import until

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database. On SQLite no session is kept: its file may be replaced between two looks."""
    engine = engines.engine("postgres")
    engine.create(tmp_path)
    yield engine.sqlalchemy_url(tmp_path)
    engine.drop(tmp_path)


def ask(url: str, sql: str) -> object:
    with looking_at(url) as connection:
        return connection.execute(text(sql)).scalar()


def test_within_a_block_one_session_looks_and_it_ends_with_the_block(on_postgres: str) -> None:
    assert ask(on_postgres, PID) != ask(on_postgres, PID)
    with keeping_sessions():
        first = ask(on_postgres, PID)
        assert ask(on_postgres, PID) == first
        with pytest.raises(LabError, match="nmae"):
            query(on_postgres, "SELECT nmae")
        assert ask(on_postgres, PID) == first
    until(lambda: ask(on_postgres, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {first}") == 0)


def test_it_sees_what_has_changed_between_two_looks(database: str) -> None:
    with keeping_sessions():
        execute(database, "CREATE TABLE t (id integer)")
        for number in range(8):  # from the sixth time on, the driver would keep a plan for the same SQL
            execute(database, f"ALTER TABLE t ADD COLUMN c{number} integer")
            assert len(query(database, "SELECT * FROM t").columns) == number + 2
            with looking_at(database) as connection:
                assert len(connection.execute(text("SELECT * FROM t")).keys()) == number + 2


def test_between_two_looks_it_holds_nothing_up(on_postgres: str) -> None:
    execute(on_postgres, "CREATE TABLE t (id integer)")
    with keeping_sessions():
        assert query(on_postgres, "SELECT * FROM t").columns == ("id",)
        execute(on_postgres, "DROP TABLE t")  # with a limit on waiting for locks


def test_it_cannot_be_made_to_write(database: str) -> None:
    execute(database, "CREATE TABLE t (id integer)")
    with keeping_sessions():
        for sql in ("SET default_transaction_read_only = off", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"):
            try:
                query(database, sql)
            except LabError:
                assert database.startswith("sqlite")
            with pytest.raises(LabError, match="is read-only"):
                query(database, "INSERT INTO t VALUES (1)")


def test_it_is_opened_anew_when_somebody_has_ended_it(on_postgres: str) -> None:
    with keeping_sessions():
        first = ask(on_postgres, PID)
        execute(on_postgres, f"SELECT pg_terminate_backend({first})")
        assert ask(on_postgres, PID) != first


def test_a_session_that_the_server_ends_during_a_look_is_reported(on_postgres: str) -> None:
    end_own = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(LabError, match="closed the connection"):
        query(on_postgres, end_own)
    with keeping_sessions():
        for _ in range(2):
            with pytest.raises(LabError, match="closed the connection"):
                query(on_postgres, end_own)
        assert query(on_postgres, "SELECT 1").scalar == 1


def test_a_session_that_the_server_ends_after_the_answer_does_no_harm(on_postgres: str) -> None:
    with looking_at(on_postgres) as connection:
        pid = connection.execute(text(PID)).scalar()
        execute(on_postgres, f"SELECT pg_terminate_backend({pid}, 5000)")


def test_it_plans_the_long_questions_about_the_catalog_once(on_postgres: str) -> None:
    with keeping_sessions():
        execute(on_postgres, "CREATE TABLE t (id integer)")
        before = read_schema(on_postgres)
        planned = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%pg_namespace%'"
        with looking_at(on_postgres, asks_the_same=True) as connection:
            count = connection.execute(text(planned)).scalar()
        assert isinstance(count, int)
        assert count > 1
        execute(on_postgres, "ALTER TABLE t ADD COLUMN c integer")
        assert len(diff(before, read_schema(on_postgres))) == 1
        assert query(on_postgres, "SELECT * FROM t").columns == ("id", "c")
        with looking_at(on_postgres, asks_the_same=True) as connection:
            assert connection.execute(text(planned)).scalar() == count


def test_it_keeps_a_few_sessions(tmp_path: Path, on_postgres: str) -> None:
    engine, others = engines.engine("postgres"), [tmp_path / str(number) for number in range(MOST_KEPT)]
    for each in others:
        engine.create(each)
    with keeping_sessions():
        first = ask(on_postgres, PID)
        for each in others:
            ask(engine.sqlalchemy_url(each), PID)
        until(lambda: ask(on_postgres, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {first}") == 0)
    for each in others:
        engine.drop(each)


def test_a_lock_that_stands_in_the_way_of_the_catalog_is_reported(
    on_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(on_postgres, "CREATE VIEW v AS SELECT 1 AS one")
    monkeypatch.setattr("migration_lab.ground.connect.LOCK_SECONDS", 1)
    with psycopg.connect(on_postgres.replace("+psycopg", "")) as session:
        session.execute("LOCK TABLE v IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LabError, match="seconds for a lock"):
            read_schema(on_postgres)


def test_missing_rights_are_not_blamed_on_the_database(on_postgres: str) -> None:
    role = f"clerk_{on_postgres.partition('?')[0][-12:]}"
    execute(on_postgres, f"CREATE SCHEMA app; CREATE TABLE app.t (id integer); CREATE ROLE {role} LOGIN PASSWORD 'x'")
    url = make_url(on_postgres).set(username=role, password="x").difference_update_query(["passfile"])
    clerks = url.render_as_string(hide_password=False)
    try:
        with pytest.raises(LabError, match=r"permission denied for schema app.*Ask its owner"):
            storage.read(clerks, "app.t")
        execute(on_postgres, f"REVOKE CONNECT ON DATABASE {url.database} FROM public")
        with pytest.raises(LabError, match="does not let this user in"):
            query(clerks, "SELECT 1")
    finally:
        execute(on_postgres, f"DROP ROLE {role}")


def test_what_is_dropped_while_it_is_read_is_named_as_the_cause(on_postgres: str) -> None:
    execute(on_postgres, "CREATE TABLE t (id integer)")
    oid = ask(on_postgres, "SELECT 't'::regclass::oid::bigint")
    execute(on_postgres, "DROP TABLE t")
    with pytest.raises(LabError, match=r"was dropped while it was read.*Look again"):
        ask(on_postgres, f"SELECT pg_get_replica_identity_index({oid})")
