"""Workspaces: opened at their start, never lost when they hold work, one for each process, healed when damaged."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from migration_lab import course, leases, workspace
from migration_lab.course import lesson
from migration_lab.engines import Engine, engine
from migration_lab.errors import LabError
from migration_lab.flask_command import run_flask
from migration_lab.git_command import run_git
from migration_lab.record import FILE_NAME, database_sign, files_sign, read_record
from migration_lab.workspace import Workspace, find, name_of, open_exercise, open_lesson, others, reset, resume

pytestmark = pytest.mark.usefixtures("tiny_course")

SHOP = "shop/__init__.py"


@pytest.fixture(autouse=True)
def no_databases_left(home: Path, each_engine: Engine) -> Iterator[None]:
    """The server is shared by all tests: take what this one made away again."""
    yield
    for path in [*home.glob("shops/*/"), *home.glob("shops/kept/*/")]:
        if path.is_dir():
            each_engine.drop(path)


def opened(each_engine: Engine, scene: str | None = None) -> Workspace:
    return open_lesson(lesson("02"), each_engine, scene).workspace


def execute(at: Workspace, sql: str) -> None:
    with sqlalchemy.create_engine(at.url, poolclass=sqlalchemy.NullPool).begin() as connection:
        connection.exec_driver_sql(sql)


def emails(at: Workspace) -> list[str]:
    with sqlalchemy.create_engine(at.url, poolclass=sqlalchemy.NullPool).connect() as connection:
        return list(connection.exec_driver_sql("SELECT email FROM users ORDER BY id").scalars())


START = ["ada@example.com", "it's; odd"]


def test_a_lesson_opens_at_its_start(each_engine: Engine, home: Path) -> None:
    at = opened(each_engine)
    assert at.folder == home / "shops" / f"02_second-{each_engine.name}"
    assert at.title == "02_second"
    assert emails(at) == START
    env = (at.folder / ".flaskenv").read_text()
    assert env == f"FLASK_APP=shop\nDATABASE_URL={each_engine.url(at.folder)}\n"
    assert run_flask(at, "db", "current").output.splitlines()[-1] == "0002 (head)"
    assert json.loads((at.folder / FILE_NAME).read_text())["lesson"] == "02_second"


def test_exercises_and_scenes_have_workspaces_of_their_own(each_engine: Engine, home: Path) -> None:
    plain, stuck = open_exercise("02.1", each_engine).workspace, open_exercise("02.2", each_engine).workspace
    assert plain.folder == home / "shops" / f"exercise-02.1-{each_engine.name}"
    assert (plain.title, stuck.title) == ("exercise 02.1", "exercise 02.2")
    assert emails(plain) == START
    assert emails(stuck) == [f"from {each_engine.name}"]
    assert find("exercise-02.2", each_engine) == resume("exercise-02.2", each_engine) == stuck


# ------------------------------------------------------------------------------------------------- what holds work

USED_BUT_UNCHANGED = {
    "nothing": lambda at: None,
    "commands that only look": lambda at: [run_flask(at, "db", each) for each in ("current", "history", "check")],
    "an upgrade with nothing to do": lambda at: run_flask(at, "db", "upgrade"),
    "queries": emails,
    "bytecode": lambda at: _write(at, "shop/__pycache__/x.pyc"),
    "what pytest leaves": lambda at: _write(at, ".pytest_cache/x"),
    "what Jupyter leaves": lambda at: _write(at, ".ipynb_checkpoints/x"),
    "a file saved unchanged": lambda at: (at.folder / SHOP).write_bytes((at.folder / SHOP).read_bytes()),
}
CHANGED = {
    "a file written": lambda at: _write(at, "notes.txt"),
    "a file changed by a letter": lambda at: (at.folder / SHOP).write_text((at.folder / SHOP).read_text()[:-1] + "#"),
    "a repository made": lambda at: run_git(at, "init", "-q"),
    "a file removed": lambda at: (at.folder / SHOP).unlink(),
    "a file renamed": lambda at: (at.folder / SHOP).rename(at.folder / "shop/app.py"),
    ".flaskenv changed": lambda at: _write(at, ".flaskenv"),
    "a broken link": lambda at: (at.folder / "link").symlink_to("nowhere"),
    "a row inserted": lambda at: execute(at, "INSERT INTO users (id, email) VALUES (3, 'x')"),
    "a row updated": lambda at: execute(at, "UPDATE users SET nickname = 'x' WHERE id = 1"),
    "a row deleted": lambda at: execute(at, "DELETE FROM users WHERE id = 1"),
    "a table made": lambda at: execute(at, "CREATE TABLE more (id integer)"),
    "a table dropped": lambda at: execute(at, "DROP TABLE users"),
    "an index made": lambda at: execute(at, "CREATE INDEX more ON users (email)"),
    "a downgrade": lambda at: run_flask(at, "db", "downgrade"),
    "a stamp": lambda at: run_flask(at, "db", "stamp", "0001"),
    "the database lost": lambda at: at.engine.drop(at.folder),
}


def _write(at: Workspace, name: str) -> None:
    (at.folder / name).parent.mkdir(exist_ok=True)
    (at.folder / name).write_text("x")


@pytest.mark.parametrize("how", USED_BUT_UNCHANGED)
def test_an_unchanged_workspace_is_replaced_in_place(how: str, each_engine: Engine) -> None:
    at = opened(each_engine)
    inode = at.folder.stat().st_ino
    do: Callable[[Workspace], object] = USED_BUT_UNCHANGED[how]
    do(at)
    recorded = read_record(at.folder)
    assert recorded is not None
    signs = (files_sign(at.folder), database_sign(each_engine, at.folder))
    assert signs == (recorded.files, recorded.database)  # so that a failure tells which of the two
    again = open_lesson(lesson("02"), each_engine)
    assert (again.workspace, again.kept, again.dropped) == (at, None, None)
    assert emails(at) == START
    assert at.folder.stat().st_ino == inode  # a terminal in this folder stays in it


@pytest.mark.parametrize("how", CHANGED)
def test_a_changed_workspace_is_kept(how: str, each_engine: Engine) -> None:
    at = opened(each_engine)
    do: Callable[[Workspace], object] = CHANGED[how]
    do(at)
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is not None
    assert again.kept.parent == at.folder.parent / "kept"
    assert again.workspace == at
    assert emails(at) == START
    assert not (at.folder / "notes.txt").exists()


def test_a_truncated_table_is_work_too() -> None:
    postgres = engine("postgres")
    at = opened(postgres)
    execute(at, "TRUNCATE users")
    assert open_lesson(lesson("02"), postgres).kept is not None


def test_a_kept_workspace_still_works(each_engine: Engine) -> None:
    at = opened(each_engine)
    execute(at, "UPDATE users SET email = 'mine'")
    _write(at, "notes.txt")
    kept = open_lesson(lesson("02"), each_engine).kept
    assert kept is not None
    assert (kept / "notes.txt").exists()
    mine = Workspace(kept, at.lesson, each_engine, "kept")
    assert run_flask(mine, "db", "downgrade").exit_code == 0
    assert emails(mine) == ["mine", "mine"]
    assert run_flask(at, "db", "current").output.splitlines()[-1] == "0002 (head)"


def test_at_most_five_are_kept(each_engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for number in range(7):
        monkeypatch.setattr("time.strftime", lambda _, number=number: f"20260101-00000{number}")
        _write(opened(each_engine), "notes.txt")
        seen.append(open_lesson(lesson("02"), each_engine))
    assert [each.dropped and each.dropped.name[-1] for each in seen] == [None] * 5 + ["0", "1"]
    assert [path.name[-1] for path in sorted((home / "shops/kept").iterdir())] == list("23456")
    with pytest.raises((sqlalchemy.exc.OperationalError, psycopg.OperationalError)):
        emails(Workspace(seen[0].kept or Path(), lesson("02"), each_engine, ""))


def test_two_kept_within_a_second_do_not_collide(each_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.strftime", lambda _: "20260101-000000")
    kept = set()
    for _ in range(3):
        _write(opened(each_engine), "notes.txt")
        kept.add(open_lesson(lesson("02"), each_engine).kept)
    assert len(kept) == 3


def test_a_reset_starts_the_lesson_afresh(each_engine: Engine) -> None:
    at = opened(each_engine, "stuck")
    execute(at, "DELETE FROM users")
    again = reset("02", each_engine)
    assert again.kept is not None
    assert again.workspace == at
    assert emails(at) == [f"from {each_engine.name}"]


# --------------------------------------------------------------------------------------------------- several processes

OPEN = """
import sys
from migration_lab.course import lesson
from migration_lab.engines import engine
from migration_lab.workspace import open_lesson
at = open_lesson(lesson("02"), engine(sys.argv[1])).workspace
print(at.folder.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another_process() -> Iterator[Callable[[Engine], "subprocess.Popen[str]"]]:
    """Starts a process that opens the lesson and holds it."""
    started: list[subprocess.Popen[str]] = []

    def start(each_engine: Engine) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", OPEN, each_engine.name]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.communicate()


def _first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_process_gets_a_second_workspace(
    each_engine: Engine, another_process: Callable[[Engine], "subprocess.Popen[str]"]
) -> None:
    name = f"02_second-{each_engine.name}"
    first = another_process(each_engine)
    assert _first_line(first) == name
    at = opened(each_engine)
    assert at.folder.name == f"{name}-2"
    assert opened(each_engine) == at  # opening again means its own
    assert find("02_second", each_engine) == resume("02_second", each_engine) == at
    first.kill()
    first.wait()
    assert _first_line(another_process(each_engine)) == name


def test_processes_that_open_at_once_do_not_meet(
    each_engine: Engine, another_process: Callable[[Engine], "subprocess.Popen[str]"]
) -> None:
    name = f"02_second-{each_engine.name}"
    processes = [another_process(each_engine) for _ in range(3)]
    assert sorted(map(_first_line, processes)) == [name, f"{name}-2", f"{name}-3"]


def test_what_another_process_holds_cannot_be_resumed_but_found_and_reset(
    each_engine: Engine, another_process: Callable[[Engine], "subprocess.Popen[str]"]
) -> None:
    name = _first_line(another_process(each_engine))
    with pytest.raises(LabError, match="02_second is open in another notebook"):
        resume("02_second", each_engine)
    at = find("02_second", each_engine)
    assert at.folder.name == name
    _write(at, "notes.txt")
    again = reset("02", each_engine)
    assert again.workspace == at
    assert again.kept is not None


def test_there_is_an_end_to_it(each_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "hold", lambda *_: False)
    with pytest.raises(LabError, match="open in 20 notebooks at once"):
        opened(each_engine)


# ------------------------------------------------------------------------------------------------------------- faults


def test_a_workspace_that_was_never_opened_or_was_deleted_is_said(each_engine: Engine, home: Path) -> None:
    for get in (resume, find):
        with pytest.raises(LabError, match=r"\(02_second-\w+\) is not there. Run `lab open 02_second"):
            get("02_second", each_engine)
    at = opened(each_engine)
    shutil.rmtree(home / "shops")
    for get in (resume, find):
        with pytest.raises(LabError, match="is not there"):
            get("02_second", each_engine)
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
    with pytest.raises(LabError, match="is damaged: it was not made to the end"):
        resume("02_second", each_engine)
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is None
    assert (again.workspace.folder / SHOP).read_text() == text
    assert resume("02_second", each_engine) == again.workspace


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
    _write(at, "notes.txt")

    def fail(*_: object) -> None:
        raise LabError("The Postgres server does not answer.", "Start it.")

    with monkeypatch.context() as patched:
        if how == "move":
            patched.setattr(type(each_engine), "move", fail)
        else:
            patched.setattr(workspace, "write_flaskenv", fail)
        with pytest.raises(LabError, match="does not answer"):
            opened(each_engine)
    assert (at.folder / "notes.txt").exists()
    assert emails(at) == ["mine", "mine"]
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is not None
    assert emails(Workspace(again.kept, at.lesson, each_engine, "kept")) == ["mine", "mine"]
    assert emails(at) == START


def test_an_open_session_does_not_stop_a_reset(each_engine: Engine) -> None:
    at = opened(each_engine)
    made = sqlalchemy.create_engine(at.url, poolclass=sqlalchemy.NullPool)
    with made.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM users").fetchall()
        _write(at, "notes.txt")
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
from migration_lab.course import lesson
from migration_lab.engines import engine
from migration_lab.flask_command import run_flask
from migration_lab.git_command import run_git
from migration_lab.workspace import open_lesson
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
    at = resume("02_second", each_engine)
    assert emails(at) == START
    (at.folder / "migrations/versions/0003_slow.py").unlink()
    assert run_flask(at, "db", "downgrade", timeout=30).exit_code == 0
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is not None
    assert emails(again.workspace) == START


def test_the_sign_of_a_fresh_clone_is_stable(each_engine: Engine) -> None:
    at = opened(each_engine)
    signs = {database_sign(each_engine, at.folder) for _ in range(3)}
    assert len(signs) == 1
    opened(each_engine)
    if each_engine.name == "postgres":
        assert {database_sign(each_engine, at.folder)} == signs
    assert signs != {"lost"}


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


def test_a_changed_course_replaces_an_unchanged_workspace(each_engine: Engine, tiny_course: Path) -> None:
    at = opened(each_engine)
    (tiny_course / "sample_app/new.py").write_text("")
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is None
    assert (at.folder / "new.py").exists()


def test_a_deleted_current_folder_does_not_matter(
    each_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    at = opened(each_engine)
    assert run_flask(at, "db", "current").exit_code == 0


def test_titles() -> None:
    assert workspace.title_of("exercise-02.1") == "exercise 02.1"


def test_the_whole_name_of_a_workspace_means_that_one(tiny_course: Path, home: Path) -> None:
    on, lesson = engine("sqlite"), course.lesson("02")
    open_lesson(lesson, on)
    at = open_lesson(lesson, on, "stuck").workspace
    assert name_of("02", on) == "02_second-stuck"
    assert name_of("02_second", on) == "02_second"
    assert name_of("02_second-stuck", on) == "02_second-stuck"
    assert others(at) == [("02_second", "sqlite")]
