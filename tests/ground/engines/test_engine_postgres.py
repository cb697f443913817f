"""Postgres databases on the session's server: created, cloned, moved, dropped and swept."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine, make_url, text

from migration_lab.ground import places
from migration_lab.ground.connect import to_server
from migration_lab.ground.engines import Engine, available, engine, postgres, why_no_postgres
from migration_lab.ground.engines.postgres import engine as engine_module
from migration_lab.ground.engines.postgres.databases import DAY, Databases
from migration_lab.ground.errors import LabError


@pytest.fixture
def server() -> Engine:
    return engine("postgres")


@pytest.fixture
def folder(tmp_path: Path, server: Engine) -> Iterator[Path]:
    path = tmp_path / "02_first_migration-postgres"
    path.mkdir()
    yield path
    server.drop(path)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[psycopg.Connection]:
    """The connection of each thing that is done from now on."""
    found: list[psycopg.Connection] = []

    def noted(connection: psycopg.Connection, lab_id: str) -> Databases:
        found.append(connection)
        return Databases(connection, lab_id)

    monkeypatch.setattr(engine_module, "Databases", noted)
    return found


def execute(server: Engine, folder: Path, *statements: str) -> list[tuple[object, ...]]:
    connected = create_engine(server.url(folder))
    try:
        with connected.begin() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        connected.dispose()


@contextmanager
def administrator() -> Iterator[psycopg.Connection]:
    with to_server(postgres.attach()) as connection:
        yield connection


def names() -> set[str]:
    with administrator() as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def comments() -> dict[str, dict[str, Any]]:
    """What the databases of the lab say they belong to, by their names."""
    asked = "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE 'lab\\_%'"
    with administrator() as connection:
        return {name: json.loads(comment) for name, comment in connection.execute(asked) if comment}


def note(name: str, comment: dict[str, Any]) -> None:
    """Let a database say this."""
    with administrator() as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), json.dumps(comment)))


def sweep() -> None:
    """Sweep as the lab does once an hour."""
    with administrator() as connection:
        Databases(connection, "own").sweep()


def with_key(key: str) -> list[str]:
    """The names of all templates with this key, whole or not."""
    return [name for name, comment in comments().items() if comment.get("key") == key]


def name_of(server: Engine, folder: Path) -> str:
    return str(make_url(server.url(folder)).database)


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


def test_a_database_is_swept_when_its_folder_is_gone(
    server: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, there = tmp_path / "gone", tmp_path / "there"
    for folder in (gone, there):
        folder.mkdir()
        server.create(folder)
    server.save_template(there, f"{tmp_path} unused")
    gone.rmdir()
    with administrator() as connection:
        connection.execute("CREATE DATABASE lab_of_somebody_else")
    sweep()
    assert name_of(server, gone) in names()  # too young: its folder may be on its way
    # Only what this test made may look old: other tests use the same server.
    for folder in (gone, there):
        name = name_of(server, folder)
        note(name, {**comments()[name], "made": time.time() - 3600})
    (template,) = with_key(f"{tmp_path} unused")
    note(template, {**comments()[template], "used": time.time() - 15 * DAY})
    with administrator() as connection:
        connection.execute("CREATE DATABASE lab_new_1000000000_abandoned")
    sweep()
    assert name_of(server, gone) not in names()
    assert {name_of(server, there), "lab_of_somebody_else"} <= names()
    assert not server.has_template(f"{tmp_path} unused")
    assert "lab_new_1000000000_abandoned" not in names()
    with administrator() as connection:
        connection.execute("DROP DATABASE lab_of_somebody_else")
    server.drop(there)


def test_a_template_that_was_found_after_a_long_time_is_not_swept_before_its_use(
    server: Engine, folder: Path, own_state: Path
) -> None:
    """Two weeks away: the first shop is opened, its template is there, and the hourly sweep is due."""
    server.create(folder)
    key = f"{folder} old"
    server.save_template(folder, key)
    (template,) = with_key(key)
    note(template, {"key": key, "used": time.time() - 20 * DAY})
    (own_state / "postgres" / "swept").unlink(missing_ok=True)
    assert server.has_template(key)
    server.clone(key, folder)


def test_a_tree_that_is_away_keeps_its_databases(server: Engine, tmp_path: Path) -> None:
    """A course that was moved, a disk that is not mounted: the `.flaskenv` in there still names the database."""
    folder = tmp_path / "course" / "02_first_migration-postgres"
    folder.mkdir(parents=True)
    server.create(folder)
    name = name_of(server, folder)
    (tmp_path / "course").rename(tmp_path / "elsewhere")

    def swept(**changed: float) -> dict[str, object]:
        note(name, {**comments()[name], **changed})
        sweep()
        return comments().get(name, {})

    assert "away" in swept(made=time.time() - 400 * DAY)
    assert "away" in swept(away=time.time() - 20 * DAY)
    (tmp_path / "elsewhere").rename(tmp_path / "course")
    assert "away" not in swept()
    (tmp_path / "course").rename(tmp_path / "elsewhere")
    assert swept(away=time.time() - 200 * DAY) == {}


@pytest.mark.parametrize("kept", ["trials", "templates"])
def test_scratch_databases_of_killed_processes_are_not_waited_for(
    kept: str, server: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check removes its whole tree, and a killed build leaves its folder; both had a database."""
    monkeypatch.setattr(places, kept, lambda: tmp_path / "scratch")
    folders = [tmp_path / "scratch" / name / "shop" for name in ("gone", "left", "alive")]
    for folder in folders:
        folder.mkdir(parents=True)
        server.create(folder)
    gone, left, alive = (name_of(server, folder) for folder in folders)
    shutil.rmtree(folders[0].parent)
    for name, age in ((gone, 3600), (left, 2 * DAY), (alive, 3600)):
        note(name, {**comments()[name], "made": time.time() - age})
    sweep()
    assert {gone, left, alive} & names() == {alive}
    server.drop(folders[2])


def test_a_folder_that_may_not_be_looked_at_is_not_gone(
    server: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.create(folder)
    real = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    name = name_of(server, folder)
    note(name, {**comments()[name], "made": 0.0})
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refuse)
        patch.setattr(os, "lstat", lambda path: refuse(path, follow_symlinks=False))
        sweep()
    assert name in names()


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        ("lab_new_of_somebody_else", {}),
        ("lab_new_somebody", {}),
        ("lab_somebody", {"used": "yesterday"}),
        ("lab_somebody", {"lab": "own"}),
        ("lab_somebody", {"lab": "own", "folder": "/nowhere/at/all", "made": [], "away": []}),
    ],
)
def test_names_and_comments_of_others_do_not_stop_the_sweep(
    server: Engine, name: str, comment: dict[str, object]
) -> None:
    with administrator() as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        note(name, comment)
        sweep()
        assert name in names()
        connection.execute(f'DROP DATABASE "{name}"')


def test_the_sweep_comes_by_itself(server: Engine, tmp_path: Path, own_state: Path) -> None:
    server.create(tmp_path)
    (own_state / "postgres" / "swept").unlink()
    with administrator() as connection:
        connection.execute("CREATE DATABASE lab_new_1000000000_abandoned")
    server.drop(tmp_path)
    assert "lab_new_1000000000_abandoned" not in names()


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), OSError("no room")])
def test_a_sweep_that_fails_does_not_fail_what_it_follows(
    server: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(engine_module, "SWEEP_EVERY", 0.0)
    monkeypatch.setattr(Databases, "sweep", fail)
    server.create(folder)
    assert name_of(server, folder) in names()


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
