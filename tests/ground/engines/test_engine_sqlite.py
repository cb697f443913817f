"""SQLite databases: created, cloned and dropped without leaving files behind."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from migration_lab.ground.engines import Engine, engine
from migration_lab.ground.errors import LabError


@pytest.fixture
def sqlite() -> Engine:
    return engine("sqlite")


def rows(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "instance" / "shop.db")) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM users")]


def fill(folder: Path, *names: str, journal: str = "DELETE") -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "instance" / "shop.db")
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute("CREATE TABLE users (name TEXT)")
    connection.executemany("INSERT INTO users VALUES (?)", [(name,) for name in names])
    connection.commit()
    return connection


def test_a_clone_has_the_rows_of_the_template_and_changes_alone(sqlite: Engine, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    sqlite.create(first)
    fill(first, "ann").close()
    sqlite.save_template(first, "clone-alone")
    for folder in (second, first):
        sqlite.clone("clone-alone", folder)
    with closing(sqlite3.connect(second / "instance" / "shop.db")) as connection, connection:
        connection.execute("INSERT INTO users VALUES ('bob')")
    assert (rows(first), rows(second)) == (["ann"], ["ann", "bob"])
    assert [each.name for each in (second / "instance").iterdir()] == ["shop.db"]


def test_a_template_holds_what_is_still_in_the_write_ahead_log(sqlite: Engine, tmp_path: Path) -> None:
    sqlite.create(tmp_path)
    with closing(fill(tmp_path, "ann", journal="WAL")):
        assert (tmp_path / "instance" / "shop.db-wal").stat().st_size > 0
        sqlite.save_template(tmp_path, "wal")
    sqlite.clone("wal", tmp_path / "copy")
    assert rows(tmp_path / "copy") == ["ann"]


def test_a_journal_left_by_a_killed_process_is_not_played_into_the_clone(sqlite: Engine, tmp_path: Path) -> None:
    sqlite.create(tmp_path)
    fill(tmp_path, "ann").close()
    sqlite.save_template(tmp_path, "journal")
    for suffix in ("-journal", "-wal", "-shm"):
        (tmp_path / "instance" / f"shop.db{suffix}").write_bytes(b"left behind")
    sqlite.clone("journal", tmp_path)
    assert [each.name for each in (tmp_path / "instance").iterdir()] == ["shop.db"]
    assert rows(tmp_path) == ["ann"]


def test_create_empties_and_drop_removes(sqlite: Engine, tmp_path: Path) -> None:
    sqlite.create(tmp_path)
    fill(tmp_path, "ann").close()
    sqlite.create(tmp_path)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        rows(tmp_path)
    sqlite.drop(tmp_path)
    sqlite.drop(tmp_path)
    assert list((tmp_path / "instance").iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "100%", "what?", "50%20off", "#1", 'o\'neill "x"', "李雷"])
def test_the_url_leads_to_the_file_whatever_the_folder_is_called(sqlite: Engine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    sqlite.create(folder)
    fill(folder, "ann").close()
    url = make_url(sqlite.sqlalchemy_url(folder))
    connected = create_engine(url)
    with connected.connect() as connection:
        assert connection.execute(text("SELECT name FROM users")).scalar() == "ann"
    connected.dispose()


def test_the_url_in_the_workspace_names_no_folder_of_the_machine(sqlite: Engine, tmp_path: Path) -> None:
    assert sqlite.url(tmp_path) == "sqlite:///shop.db"


def test_a_template_that_is_gone_or_a_database_that_is_missing_says_what_to_do(sqlite: Engine, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is gone"):
        sqlite.clone("never-made", tmp_path)
    with pytest.raises(LabError, match="has no database"):
        sqlite.save_template(tmp_path, "nothing")
    assert not sqlite.has_template("nothing")


def test_a_database_that_is_not_one_cannot_become_a_template(sqlite: Engine, tmp_path: Path) -> None:
    sqlite.create(tmp_path)
    (tmp_path / "instance" / "shop.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LabError, match="cannot be copied"):
        sqlite.save_template(tmp_path, "broken")
    assert not sqlite.has_template("broken")


def test_a_template_can_be_dropped(sqlite: Engine, tmp_path: Path) -> None:
    sqlite.create(tmp_path)
    sqlite.save_template(tmp_path, "short-lived")
    sqlite.drop_template("short-lived")
    sqlite.drop_template("short-lived")
    assert not sqlite.has_template("short-lived")


def test_an_engine_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(LabError, match="The engines are sqlite and postgres"):
        engine("mysql")
