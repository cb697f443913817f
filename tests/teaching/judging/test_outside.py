"""Checks: trouble from outside is reported as such, is not an attempt, and does not hide what was judged."""

import errno
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from migration_lab.ground.course import Lesson
from migration_lab.ground.engines import Engine
from migration_lab.ground.errors import LabError
from migration_lab.shops.templates import Template, template_at
from migration_lab.teaching import progress
from migration_lab.teaching.judging import check, trial
from migration_lab.teaching.judging.outside import ran_out
from migration_lab.teaching.judging.report import as_text
from migration_lab.teaching.judging.trial import CAN_BE_JUDGED
from tests.teaching.judging.exercise import judge_with, leftovers, opened, solve, unmet
from tests.tiny_course import ADD, DROP


@pytest.mark.parametrize(
    ("up", "found"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "was killed from outside, by SIGKILL."),
        (
            "raise OSError(28, 'No space left on device')",
            "could not run: there is no room left on the disk.",
        ),
        (
            "import sqlite3\nraise sqlite3.OperationalError('database or disk is full')",
            "could not run: there is no room left on the disk.",
        ),
        (
            "raise OSError(24, 'Too many open files')",
            "the machine or the server has reached a limit of files, connections or processes.",
        ),
        ("import os\nos._exit(9)", None),
        ("1 / 0", None),
    ],
)
def test_what_ends_a_command_from_outside_is_no_miss(up: str, found: str | None, root: Path) -> None:
    work = opened()
    solve(work, up, DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert (finding.expectation.id == CAN_BE_JUDGED) == (found is not None)
    assert finding.found.startswith("`flask db upgrade` ") or finding.found
    assert (found or "") in finding.found
    assert progress.load().exercise("01.1").tries == (0 if found else 1)


def test_a_session_that_the_server_ended_is_no_miss(root: Path) -> None:
    work = opened("postgres")
    solve(work, 'op.execute("SELECT pg_terminate_backend(pg_backend_pid())")', DROP)
    finding = unmet(check("01.1", work, only=["postgres"]))
    assert finding.expectation.id == CAN_BE_JUDGED
    assert "the Postgres server was stopped or restarted during the check" in finding.found
    assert progress.load().exercise("01.1").tries == 0


@pytest.mark.parametrize("error", ["OSError(errno.ENOSPC, 'No space left on device')", "MemoryError()"])
def test_what_the_check_itself_runs_out_of_is_not_said_to_be_a_mistake(error: str, root: Path) -> None:
    judge_with(root, f"        import errno\n        raise {error}")
    work = opened()
    solve(work)
    assert unmet(check("01.1", work, only=["sqlite"])).expectation.id == CAN_BE_JUDGED


def test_a_file_that_is_not_there_is_not_taken_for_that() -> None:
    assert ran_out(FileNotFoundError(errno.ENOENT, "No such file")) is None


def test_sqlites_verdict_is_shown_where_postgres_has_no_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(lesson: Lesson, scene: str | None, engine: Engine) -> Template:
        if engine.name == "postgres":
            raise LabError("There is no room left for Postgres's databases.", "Make room on the disk.")
        return template_at(lesson, scene, engine)

    work = opened()
    solve(work)
    monkeypatch.setattr(trial, "template_at", no_room)
    verdict = check("01.1", work)
    assert [(each.engine, each.unmet is None) for each in verdict.engines] == [("sqlite", True), ("postgres", False)]
    assert "There is no room left for Postgres's databases." in as_text(verdict)
    assert progress.load().exercise("01.1").tries == 0


def test_a_verdict_is_shown_where_progress_cannot_be_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = opened()
    solve(work)

    def full(*_: object, **__: object) -> None:
        raise LabError("Your progress cannot be saved: No space left on device.", "Make room on the disk.")

    monkeypatch.setattr(progress, "record_check", full)
    verdict = check("01.1", work, only=["sqlite"])
    assert verdict.passed
    assert "Your progress cannot be saved: No space left on device. Make room on the disk." in as_text(verdict)


# ------------------------------------------------------------------------------------------- what is left running

DAEMON = """\
import os, time, pathlib
note = pathlib.Path('pid').absolute()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir('/')
    os.closerange(0, 256)
    os.environ.clear()
    note.write_text(str(os.getpid()))
    time.sleep(600)
until = time.monotonic() + 30
while not (note.exists() and note.read_text()) and time.monotonic() < until:
    time.sleep(0.01)
pathlib.Path('pids').open('a').write(note.read_text() + ' ')
note.unlink()
"""
STARTED = "import subprocess, pathlib\nstarted = subprocess.Popen(['sleep', '600'], start_new_session=True, env={})\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes carry no mark")
@pytest.mark.parametrize("forked", ["1", "0"])
def test_what_a_revision_leaves_running_ends_with_the_check(
    forked: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_FORKSERVER", forked)
    monkeypatch.setattr("migration_lab.teaching.judging.database.COMMAND_SECONDS", 120)
    judge_with(
        root,
        "        copy = self.fresh(watched=False)\n        copy.must('db upgrade')\n"
        "        self.miss(expected='x', found=(copy.folder / 'pids').read_text())",
        more="first = last = ()",
    )
    work = opened()
    solve(work, f"{DAEMON}{STARTED}pathlib.Path('pids').open('a').write(str(started.pid))\n{ADD}", DROP)
    found = unmet(check("01.1", work, only=["sqlite"])).found
    assert found.replace(" ", "").isdigit(), found
    pids = [int(each) for each in found.split()]
    assert len(pids) == 2
    until = time.monotonic() + 30
    while any(map(_runs, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(_runs, pids))
    assert leftovers(root) == []
    assert _runs(os.getpid())


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
