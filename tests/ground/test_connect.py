"""What a session is called, how long it waits, and whether it may write, is said where it is opened."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from migration_lab.ground import connect
from migration_lab.ground.database_urls import parse
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError

SETTINGS = ("application_name", "lock_timeout", "statement_timeout", "transaction_read_only")
LIMITS = ("5s", "30s")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server = engine("postgres")
    server.create(tmp_path)
    yield server.sqlalchemy_url(tmp_path)
    server.drop(tmp_path)


def settings(session: psycopg.Connection) -> tuple[str, ...]:
    return tuple(session.execute(f"SHOW {name}".encode()).fetchall()[0][0] for name in SETTINGS)


def test_a_session_has_the_name_and_the_limits_that_were_asked_for(url: str) -> None:
    parameters = connect.parameters_of(url)
    with closing(connect.postgres(parameters, name="one", settings=connect.limits())) as session:
        assert settings(session) == ("one", *LIMITS, "off")
        assert session.autocommit
    with closing(connect.postgres(parameters)) as session:
        assert settings(session)[1:] == ("0", "0", "off")


def test_an_engine_that_may_not_write_has_limits_too(url: str) -> None:
    with connect.engine(url, name="two", read_only=True).connect() as connection:
        assert tuple(connection.exec_driver_sql(f"SHOW {name}").scalar() for name in SETTINGS) == ("two", *LIMITS, "on")
    with connect.engine(url).connect() as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"


def test_a_look_at_a_server_that_does_not_confirm_it_is_refused(url: str) -> None:
    looking = connect.engine(url, read_only=True)

    @event.listens_for(looking, "connect")
    def as_a_proxy_might(session: psycopg.Connection, _: object) -> None:
        session.read_only = None

    with looking.connect() as connection, pytest.raises(LabError, match="could write"):
        connection.begin()


def test_the_options_of_a_url_hold_beside_those_of_the_lab(url: str) -> None:
    own = parse(url).update_query_dict({"options": "-c search_path=app"})
    for read_only in (True, False):
        with connect.engine(own, name="three", read_only=read_only).connect() as connection:
            assert connection.exec_driver_sql("SHOW search_path").scalar() == "app"
    with closing(connect.postgres(connect.parameters_of(own), settings=connect.limits())) as session:
        assert session.execute("SHOW search_path").fetchall() == [("app",)]
        assert settings(session)[1:3] == LIMITS


def test_options_that_are_written_in_another_way_hold_as_well(url: str) -> None:
    own = f"{url}&options=-csearch_path%3Dapp&options=-cwork_mem%3D1MB".replace("+psycopg", "+asyncpg")
    with connect.engine(own, read_only=True).connect() as connection, connection.begin():
        found = connection.exec_driver_sql("SELECT current_setting('search_path'), current_setting('work_mem')").one()
    assert found == ("app", "1MB")
    session, first = connect.session(connect.parameters_of(own), name="four", settings=connect.limits())
    with closing(session):
        assert session.execute("SHOW search_path").fetchall() == [("app",)]
        assert settings(session)[1:3] == LIMITS
    assert first == ""


def test_a_file_that_is_opened_read_only_by_its_url_is_not_written(tmp_path: Path) -> None:
    connect.sqlite(tmp_path / "x.db").close()
    with connect.engine(f"sqlite:///file:{tmp_path}/x.db?uri=true").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
        connection.commit()
    read_only = f"sqlite:///file:{tmp_path}/x.db?mode=ro&uri=true"
    for read in (True, False):
        with connect.engine(read_only, read_only=read).connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
            with pytest.raises(DBAPIError, match="readonly"):
                connection.exec_driver_sql("INSERT INTO t VALUES (1)")


def test_only_a_file_that_may_be_made_is_made(tmp_path: Path) -> None:
    for mode in ("ro", "rw"):
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            connect.sqlite(tmp_path / "a #1.db", mode)
    with closing(connect.sqlite(tmp_path / "a #1.db")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER)")
    refused = pytest.raises(sqlite3.OperationalError, match="readonly")
    with closing(connect.sqlite(tmp_path / "a #1.db", "ro")) as connection, refused:
        connection.execute("DROP TABLE t")


def test_no_driver_is_imported_before_it_is_used() -> None:
    """The processes that watch and send import this module, and have to be ready soon."""
    code = "import sys; from migration_lab.ground import connect; print({'psycopg', 'sqlalchemy'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
