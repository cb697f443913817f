"""Postgres databases whose folder is gone are swept, and no others."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migration_lab.ground import places
from migration_lab.ground.engines import Engine
from migration_lab.ground.engines.postgres import engine as engine_module
from migration_lab.ground.engines.postgres.databases import DAY, Databases
from tests.ground.engines.seen import administrator, comments, name_of, names, note, with_key


def sweep() -> None:
    """Sweep as the lab does once an hour."""
    with administrator() as connection:
        Databases(connection, "own").sweep()


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
