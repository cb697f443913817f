"""Postgres databases on the session's server: created, cloned, moved and dropped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from migration_lab.ground.connect import to_server
from migration_lab.ground.engines import Engine, available, postgres, why_no_postgres
from migration_lab.ground.engines.postgres import engine as engine_module
from migration_lab.ground.engines.postgres.databases import Databases
from migration_lab.ground.errors import LabError
from tests.ground.engines.own_server import eventually
from tests.ground.engines.seen import administrator, execute, name_of, names, with_key


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[psycopg.Connection]:
    """The connection of each thing that is done from now on."""
    found: list[psycopg.Connection] = []

    def noted(connection: psycopg.Connection, lab_id: str) -> Databases:
        found.append(connection)
        return Databases(connection, lab_id)

    monkeypatch.setattr(engine_module, "Databases", noted)
    return found


def test_both_engines_work_here() -> None:
    assert why_no_postgres() is None
    assert [each.name for each in available()] == ["sqlite", "postgres"]


def test_a_clone_has_the_rows_of_the_template_and_changes_alone(server: Engine, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    server.create(folder)
    execute(server, folder, "CREATE TABLE users (name TEXT)", "INSERT INTO users VALUES ('ann')")
    server.save_template(folder, f"{tmp_path} clone")
    server.clone(f"{tmp_path} clone", copy)
    execute(server, copy, "INSERT INTO users VALUES ('bob')")
    assert execute(server, folder, "SELECT name FROM users") == [("ann",)]
    assert execute(server, copy, "SELECT name FROM users") == [("ann",), ("bob",)]
    server.clone(f"{tmp_path} clone", copy)
    assert execute(server, copy, "SELECT name FROM users") == [("ann",)]
    server.drop(copy)
    server.drop_template(f"{tmp_path} clone")
    assert not server.has_template(f"{tmp_path} clone")


def test_nobody_can_connect_to_a_template(server: Engine, folder: Path, tmp_path: Path) -> None:
    server.create(folder)
    server.save_template(folder, f"{tmp_path} closed")
    (template,) = with_key(f"{tmp_path} closed")
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        to_server({**postgres.attach(), "dbname": template})
    server.drop_template(f"{tmp_path} closed")


def test_open_sessions_do_not_stand_in_the_way(server: Engine, folder: Path, tmp_path: Path) -> None:
    key = f"{tmp_path} sessions"
    works: list[Callable[[], None]] = [
        lambda: server.create(folder),
        lambda: server.save_template(folder, key),
        lambda: server.clone(key, folder),
        lambda: server.drop(folder),
    ]
    for work in works:
        server.create(folder)
        session = to_server({**postgres.attach(), "dbname": name_of(server, folder)})
        work()
        session.close()
    server.drop_template(key)


def test_a_session_may_take_its_time_to_end(server: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A DROP DATABASE waits for 5 seconds."""
    server.create(folder)
    session = to_server({**postgres.attach(), "dbname": name_of(server, folder)})
    process = psutil.Process(session.info.backend_pid)
    execute = psycopg.Connection.execute

    def noted(*args: Any, **options: Any) -> Any:
        try:
            return execute(*args, **options)
        except psycopg.errors.ObjectInUse:
            process.resume()
            raise

    monkeypatch.setattr(psycopg.Connection, "execute", noted)
    process.suspend()
    server.drop(folder)
    session.close()
    assert name_of(server, folder) not in names()


def test_two_processes_make_the_same_template_at_once(server: Engine, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
        server.create(folder)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: server.save_template(each, f"{tmp_path} same"), folders))
    assert server.has_template(f"{tmp_path} same")
    assert len(with_key(f"{tmp_path} same")) == 1
    server.drop_template(f"{tmp_path} same")
    for folder in folders:
        server.drop(folder)


def test_a_template_that_another_process_is_just_naming_is_kept(server: Engine, folder: Path, tmp_path: Path) -> None:
    server.create(folder)
    server.save_template(folder, f"{tmp_path} named")
    (name,) = with_key(f"{tmp_path} named")

    def waits() -> bool:
        with administrator() as connection:
            asked = "SELECT wait_event FROM pg_stat_activity WHERE query LIKE %s"
            return ("transactionid",) in connection.execute(asked, [f'ALTER DATABASE % RENAME TO "{name}"']).fetchall()

    with administrator() as other, ThreadPoolExecutor() as pool:
        other.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_new"'.encode())
        with other.transaction():
            other.execute(f'ALTER DATABASE "{name}_new" RENAME TO "{name}"'.encode())
            ours = pool.submit(server.save_template, folder, f"{tmp_path} named")
            assert eventually(waits)
        ours.result()
    assert with_key(f"{tmp_path} named") == [name]
    server.drop_template(f"{tmp_path} named")


def test_a_moved_folder_keeps_its_database(server: Engine, folder: Path, tmp_path: Path) -> None:
    server.create(folder)
    execute(server, folder, "CREATE TABLE users (name TEXT)")
    old = name_of(server, folder)
    kept = tmp_path / "kept-20261122"
    session = to_server({**postgres.attach(), "dbname": old})
    folder.rename(kept)
    server.move(folder, kept)
    session.close()
    assert execute(server, kept, "SELECT name FROM users") == []
    assert old not in names()
    server.drop(kept)
    server.move(folder, kept)  # there is none any more


def test_what_is_missing_is_said(server: Engine, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="prepared database is gone"):
        server.clone("never-made", tmp_path)
    with pytest.raises(LabError, match="has no database to copy"):
        server.save_template(tmp_path, "nothing")


@pytest.mark.parametrize("name", ["x" * 200, "李雷", "a b'c\"d", "02.1", "UPPER", "--"])
def test_each_folder_has_a_database_of_its_own(server: Engine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    server.create(folder)
    assert execute(server, folder, "SELECT current_database()") == [(name_of(server, folder),)]
    assert name_of(server, folder) != name_of(server, tmp_path / "elsewhere" / name)
    server.drop(folder)


def test_the_url_holds_no_password_and_its_file_is_private(server: Engine, folder: Path) -> None:
    url = make_url(server.url(folder))
    passfile = Path(str(url.query["passfile"]))
    assert (url.drivername, url.password) == ("postgresql+psycopg", None)
    assert passfile.stat().st_mode & 0o777 == 0o600
    assert passfile.read_text().rsplit(":", 1)[1].strip() not in server.url(folder)


def test_the_cluster_is_the_same_on_every_machine(server: Engine, folder: Path) -> None:
    server.create(folder)
    found = execute(
        server,
        folder,
        "SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale, upper('zoë') FROM pg_database "
        "WHERE datname = current_database()",
    )
    assert found == [("UTF8", "b", "C.UTF-8", "ZOË")]


def test_no_vacuum_comes_into_a_measurement(server: Engine, folder: Path) -> None:
    server.create(folder)
    assert execute(server, folder, "SHOW autovacuum") == [("off",)]


def test_what_is_done_at_once_takes_one_session_which_ends_with_the_block(
    server: Engine, folder: Path, tmp_path: Path, used: list[psycopg.Connection]
) -> None:
    with server.at_once():
        server.create(folder)
        server.save_template(folder, f"{tmp_path} at once")
        server.clone(f"{tmp_path} at once", folder)
        (connection,) = set(used)
        assert not connection.closed
    assert connection.closed
    server.drop_template(f"{tmp_path} at once")
    assert used[-1] is not connection
    assert used[-1].closed


def test_a_session_that_was_lost_is_replaced_within_the_block(
    server: Engine, folder: Path, used: list[psycopg.Connection]
) -> None:
    with server.at_once():
        server.create(folder)
        with administrator() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [used[0].info.backend_pid])
        with pytest.raises(LabError):
            server.create(folder)
        server.create(folder)
        assert len(set(used)) == 2
