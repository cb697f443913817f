"""Workspaces that are damaged or cannot be created: this is reported or repaired, and no work is lost."""

import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from migration_lab.ground.course import lesson
from migration_lab.ground.engines import Engine, engine
from migration_lab.ground.errors import LabError
from migration_lab.shops import kept, workspace
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.identity import FILE_NAME, Workspace
from migration_lab.shops.origin import database_sign, files_sign
from migration_lab.shops.workspace import find, open_lesson, restore, resume
from tests.shops.work import CHANGED, SHOP, START, emails, execute, opened, second, write

pytestmark = pytest.mark.usefixtures("no_databases_left", "tiny_course")


def test_a_workspace_that_was_never_opened_or_was_deleted_is_said(each_engine: Engine, home: Path) -> None:
    for get in (resume, find):
        with pytest.raises(LabError, match=r"\(02_second-\w+\) is not there. Run `lab open 02_second"):
            get(second(each_engine))
    at = opened(each_engine)
    shutil.rmtree(home / "shops")
    for get in (resume, find):
        with pytest.raises(LabError, match="is not there"):
            get(second(each_engine))
    with pytest.raises(LabError, match="lab reset 02_second"):
        run_flask(at, "db", "current")
    assert opened(each_engine) == at
    assert emails(at) == START


@pytest.mark.parametrize("record", [None, "", "{}", '{"name": "02_sec'])
def test_a_half_written_workspace_is_said_and_replaced(record: str | None, each_engine: Engine) -> None:
    at = opened(each_engine)
    (at.folder / FILE_NAME).unlink()
    if record is not None:
        (at.folder / FILE_NAME).write_text(record)
    text = (at.folder / SHOP).read_text()
    (at.folder / SHOP).write_text(text[: len(text) // 2])
    (at.folder / "rows.sql").unlink()
    each_engine.drop(at.folder)  # it comes after the files
    with pytest.raises(LabError, match="is incomplete: opening it was interrupted"):
        resume(second(each_engine))
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is None
    assert (again.workspace.folder / SHOP).read_text() == text
    assert resume(second(each_engine)) == again.workspace


def _utf_16(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")


def _read_only(path: Path) -> None:
    path.write_text("MINE=yes\n", encoding="utf-8")
    path.chmod(0o444)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "mine.txt").write_text("mine", encoding="utf-8")


@pytest.mark.parametrize("spoil", [_utf_16, _read_only, _folder])
def test_a_spoilt_flaskenv_is_said_and_stands_in_the_way_of_nothing(
    spoil: Callable[[Path], None], each_engine: Engine
) -> None:
    at = opened(each_engine)
    spoil(at.folder / ".flaskenv")
    with pytest.raises(LabError, match="lab reset 02_second"):
        run_flask(at, "db", "current")
    again = workspace.reset("02", each_engine)
    assert run_flask(again.workspace, "db", "current").exit_code == 0
    assert again.kept  # with whatever the learner made of the file
    assert emails(again.workspace) == START
    kept = Workspace(again.kept, at.identity)
    assert run_flask(kept, "db", "current").exit_code == 0
    if spoil is _folder:
        assert [path.read_text() for path in again.kept.glob(".flaskenv-*/mine.txt")] == ["mine"]


def test_a_workspace_that_became_a_link_is_replaced_and_its_target_stays(each_engine: Engine, tmp_path: Path) -> None:
    at = opened(each_engine)
    for target in (tmp_path / "elsewhere", tmp_path / "nowhere"):
        if at.folder.is_symlink():
            at.folder.unlink()
        else:
            shutil.move(at.folder, tmp_path / "elsewhere")
        at.folder.symlink_to(target)
        again = open_lesson(lesson("02"), each_engine).workspace
        assert not again.folder.is_symlink()
        assert emails(again) == START
        shutil.rmtree(again.folder)
        again.folder.symlink_to(target)
    assert (tmp_path / "elsewhere" / SHOP).is_file()


def test_the_sign_of_the_files_does_not_read_a_large_one_at_once(tmp_path: Path) -> None:
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(300 * 1024**2)
    tracemalloc.start()
    try:
        assert files_sign(tmp_path) != files_sign(tmp_path, only_if_not_in=tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * 1024**2


@pytest.mark.parametrize("how", ["a file written", "a row updated"])
def test_work_without_a_record_is_kept(how: str, each_engine: Engine) -> None:
    at = opened(each_engine)
    (at.folder / FILE_NAME).unlink()
    do: Callable[[Workspace], object] = CHANGED[how]
    do(at)
    assert open_lesson(lesson("02"), each_engine).kept is not None


@pytest.mark.parametrize("how", ["move", "write_flaskenv"])
def test_work_that_cannot_be_kept_stays_where_it_is(
    how: str, each_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(each_engine)
    execute(at, "UPDATE users SET email = 'mine'")
    write(at, "notes.txt")

    def fail(*_: object) -> None:
        raise LabError("The Postgres server does not answer.", "Start it.")

    with monkeypatch.context() as patched:
        if how == "move":
            patched.setattr(type(each_engine), "move", fail)
        else:
            patched.setattr(kept, "write_flaskenv", fail)
        with pytest.raises(LabError, match="does not answer"):
            opened(each_engine)
    assert (at.folder / "notes.txt").exists()
    assert emails(at) == ["mine"] * len(START)
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is not None
    assert emails(Workspace(again.kept, at.identity)) == ["mine"] * len(START)
    assert emails(at) == START


def test_work_that_cannot_be_brought_back_changes_nothing(each_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(each_engine)
    write(at, "first.txt")
    opened(each_engine)
    write(at, "second.txt")
    move = kept.move

    def fail_to_come_back(folder: Path, to: Path, engine: Engine) -> None:
        if to == at.folder and not (folder / "second.txt").exists():
            raise OSError(28, "No space left on device")
        move(folder, to, engine)

    with monkeypatch.context() as patched:
        patched.setattr(kept, "move", fail_to_come_back)
        with pytest.raises(LabError, match="cannot be moved back: No space left on device"):
            restore("02")
    assert (at.folder / "second.txt").exists()
    assert emails(at) == START
    assert (restore("02").workspace.folder / "first.txt").exists()


def test_an_open_session_does_not_stop_a_reset(each_engine: Engine) -> None:
    at = opened(each_engine)
    made = sqlalchemy.create_engine(at.url, poolclass=sqlalchemy.NullPool)
    with made.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM users").fetchall()
        write(at, "notes.txt")
        assert open_lesson(lesson("02"), each_engine).kept is not None
        assert emails(at) == START
        connection.invalidate()


def test_a_folder_that_cannot_be_written_is_said(each_engine: Engine, home: Path) -> None:
    home.mkdir()
    (home / "shops").mkdir()
    (home / "shops" / f"02_second-{each_engine.name}").write_text("a file in its place")
    with pytest.raises(LabError, match="cannot be written"):
        opened(each_engine)


KILLED = """
import os, sys, threading, time
from pathlib import Path
from migration_lab.ground.course import lesson
from migration_lab.ground.engines import engine
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.git_command import run_git
from migration_lab.shops.workspace import open_lesson
at = open_lesson(lesson("02"), engine(sys.argv[1])).workspace
path = at.folder / "migrations/versions/0003_slow.py"
path.write_text('''
import time
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    op.execute("UPDATE users SET email = 'half'")
    open("begun", "w").close()
    time.sleep(600)
''')
def kill():
    while not (at.folder / "begun").exists():
        time.sleep(0.02)
    os.kill(os.getpid(), 9)
threading.Thread(target=kill).start()
run_flask(at, "db", "upgrade")
"""


def test_a_kernel_killed_in_an_upgrade_leaves_a_database_that_works(each_engine: Engine) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, each_engine.name]).returncode == -9
    at = resume(second(each_engine))
    assert emails(at) == START
    (at.folder / "migrations/versions/0003_slow.py").unlink()
    assert run_flask(at, "db", "downgrade", timeout=30).exit_code == 0
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is not None
    assert emails(again.workspace) == START


def test_a_server_without_room_for_one_more_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = engine("postgres")
    at = opened(postgres)
    sign, connect = database_sign(postgres, at.folder), psycopg.connect
    refused: list[Exception] = []

    def connect_after_one(*given: Any, **named: Any) -> psycopg.Connection:
        if not refused:
            refused.append(psycopg.OperationalError("FATAL: sorry, too many clients already"))
            raise refused[0]
        return connect(*given, **named)

    monkeypatch.setattr(psycopg, "connect", connect_after_one)
    assert database_sign(postgres, at.folder) == sign
    assert refused


def test_a_deleted_current_folder_does_not_matter(
    each_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    at = opened(each_engine)
    assert run_flask(at, "db", "current").exit_code == 0
