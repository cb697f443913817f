"""Workspaces: opened at their start, and never lost when they hold work."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy

from migration_lab.ground import course
from migration_lab.ground.course import lesson
from migration_lab.ground.engines import Engine, engine
from migration_lab.shops.finding import meant, others
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.identity import FILE_NAME, Workspace, read_record
from migration_lab.shops.origin import database_sign, files_sign
from migration_lab.shops.workspace import find, open_exercise, open_lesson, reset, resume
from tests.shops.work import CHANGED, SHOP, START, emails, execute, opened, second, write

pytestmark = pytest.mark.usefixtures("no_databases_left", "tiny_course")


def test_a_lesson_opens_at_its_start(each_engine: Engine, home: Path) -> None:
    at = opened(each_engine)
    assert at.folder == home / "shops" / f"02_second-{each_engine.name}"
    assert at.title == "02_second"
    assert emails(at) == START
    env = (at.folder / ".flaskenv").read_text()
    assert env == f"FLASK_APP=shop\nDATABASE_URL={each_engine.url(at.folder)}\n"
    assert run_flask(at, "db", "current").output.splitlines()[-1] == "0002 (head)"
    assert json.loads((at.folder / FILE_NAME).read_text())["identity"]["lesson"] == "02_second"


def test_exercises_and_scenes_have_workspaces_of_their_own(each_engine: Engine, home: Path) -> None:
    plain, stuck = open_exercise("02.1", each_engine).workspace, open_exercise("02.2", each_engine).workspace
    assert plain.folder == home / "shops" / f"exercise-02.1-{each_engine.name}"
    assert (plain.title, stuck.title) == ("exercise 02.1", "exercise 02.2")
    assert emails(plain) == START
    assert emails(stuck) == [f"from {each_engine.name}"]
    assert find(stuck.identity) == resume(stuck.identity) == stuck


def test_the_whole_name_of_a_workspace_means_that_one(tiny_course: Path, home: Path) -> None:
    on, lesson = engine("sqlite"), course.lesson("02")
    open_lesson(lesson, on)
    at = open_lesson(lesson, on, "stuck").workspace
    assert meant("02", on) == meant("02_second-stuck", on) == at.identity
    assert meant("02_second", on) == second(on)
    assert others(at.identity) == [second(on)]


# ------------------------------------------------------------------------------------------------- what holds work


def analyze(at: Workspace) -> None:
    if at.engine.name == "postgres":  # on SQLite nothing does it but a person
        execute(at, "ANALYZE")


USED_BUT_UNCHANGED = {
    "nothing": lambda at: None,
    "commands that only look": lambda at: [run_flask(at, "db", each) for each in ("current", "history", "check")],
    "an upgrade with nothing to do": lambda at: run_flask(at, "db", "upgrade"),
    "queries": emails,
    "bytecode": lambda at: write(at, "__pycache__/x.pyc"),
    "what pytest leaves": lambda at: write(at, ".pytest_cache/x"),
    "what Jupyter leaves": lambda at: write(at, ".ipynb_checkpoints/x"),
    "statistics, as the server gathers them by itself": lambda at: analyze(at),
    "a file saved unchanged": lambda at: (at.folder / SHOP).write_bytes((at.folder / SHOP).read_bytes()),
}


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


def test_what_a_session_wrote_that_is_just_ending_is_work_too() -> None:
    """Within a second of its last report a session counts what it has written only when it ends."""
    postgres = engine("postgres")
    at = opened(postgres)
    session = psycopg.connect(at.url.replace("+psycopg", ""), autocommit=True)
    session.execute("SELECT count(*) FROM users")  # reports
    session.execute("UPDATE users SET email = 'mine'")  # does not
    process = psutil.Process(session.info.backend_pid)
    process.suspend()
    session.close()
    ending = threading.Timer(1, process.resume)
    ending.start()
    kept = open_lesson(lesson("02"), postgres).kept
    ending.join()
    assert kept is not None


def test_a_kept_workspace_still_works(each_engine: Engine) -> None:
    at = opened(each_engine)
    execute(at, "UPDATE users SET email = 'mine'")
    write(at, "notes.txt")
    kept = open_lesson(lesson("02"), each_engine).kept
    assert kept is not None
    assert (kept / "notes.txt").exists()
    mine = Workspace(kept, at.identity)
    assert run_flask(mine, "db", "downgrade").exit_code == 0
    assert emails(mine) == ["mine"] * len(START)
    assert run_flask(at, "db", "current").output.splitlines()[-1] == "0002 (head)"


def test_at_most_five_are_kept(each_engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for number in range(7):
        monkeypatch.setattr("time.strftime", lambda _, number=number: f"20260101-00000{number}")
        write(opened(each_engine), "notes.txt")
        seen.append(open_lesson(lesson("02"), each_engine))
    assert [each.dropped and each.dropped.name[-1] for each in seen] == [None] * 5 + ["0", "1"]
    assert [path.name[-1] for path in sorted((home / "shops/kept").iterdir())] == list("23456")
    with pytest.raises((sqlalchemy.exc.OperationalError, psycopg.OperationalError)):
        emails(Workspace(seen[0].kept or Path(), second(each_engine)))


def test_two_kept_within_a_second_do_not_collide(each_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.strftime", lambda _: "20260101-000000")
    kept = set()
    for _ in range(3):
        write(opened(each_engine), "notes.txt")
        kept.add(open_lesson(lesson("02"), each_engine).kept)
    assert len(kept) == 3


def test_a_reset_starts_the_lesson_afresh(each_engine: Engine) -> None:
    at = opened(each_engine, "stuck")
    execute(at, "DELETE FROM users")
    again = reset("02", each_engine)
    assert again.kept is not None
    assert again.workspace == at
    assert emails(at) == [f"from {each_engine.name}"]


def test_the_sign_of_a_fresh_clone_is_stable(each_engine: Engine) -> None:
    at = opened(each_engine)
    signs = {database_sign(each_engine, at.folder) for _ in range(3)}
    assert len(signs) == 1
    opened(each_engine)
    if each_engine.name == "postgres":
        assert {database_sign(each_engine, at.folder)} == signs
    assert signs != {"lost"}


def test_a_changed_course_replaces_an_unchanged_workspace(each_engine: Engine, tiny_course: Path) -> None:
    at = opened(each_engine)
    (tiny_course / "sample_app/new.py").write_text("")
    again = open_lesson(lesson("02"), each_engine)
    assert again.kept is None
    assert (at.folder / "new.py").exists()
