"""Checks: the learner's work is unchanged, an attempt is counted, and nothing is left behind."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from migration_lab.ground import engines
from migration_lab.ground.course import EngineName
from migration_lab.ground.errors import LabError
from migration_lab.instruments import query
from migration_lab.shops.identity import Workspace
from migration_lab.shops.origin import database_sign
from migration_lab.teaching import progress
from migration_lab.teaching.judging import check
from migration_lab.teaching.judging.copies import LEFTOVER_SECONDS
from migration_lab.teaching.judging.report import as_html, as_text
from tests.teaching.judging.exercise import judge_with, leftovers, opened, solve, unmet
from tests.tiny_course import ADD, DROP

OWN = ("OwnDatabaseJudge", "first = last = ()")
LIMIT = 60  # seconds of a command: many times what a check takes to end on a busy machine

# ---------------------------------------------------------------------------------- what is the learner's stays so


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_learners_files_and_database_are_not_touched(engine: EngineName, root: Path) -> None:
    judge_with(
        root,
        "        for each in (self.own, self.fresh()):\n"
        '            each.execute("DELETE FROM users")\n            each.flask("db downgrade base")\n'
        '        self.expect(self.own.schema().tables == (), expected="x", found="y")',
        *OWN,
    )
    work = opened(engine)
    solve(work, ADD + '\nopen("left_behind", "w").close()', DROP)
    before = progress.fingerprint(work.folder), database_sign(work.engine, work.folder)
    check("01.1", work)
    assert (progress.fingerprint(work.folder), database_sign(work.engine, work.folder)) == before
    assert len(query.query(work.url, "SELECT * FROM users")) == 3
    assert leftovers(root) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_learners_own_database_is_read_while_a_session_is_open(engine: EngineName, root: Path) -> None:
    judge_with(
        root,
        "        emails = [each['email'] for each in self.now.rows_of('users')]\n"
        "        code = self.own.flask('db current').exit_code\n"
        "        self.miss(expected='x', found=f'{emails} {self.now.revisions} {code}')",
        *OWN,
    )
    work = opened(engine)
    query.execute(work.url, "INSERT INTO users (email) VALUES ('new@example.com')")
    if engine == "postgres":
        url = make_url(work.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url) as session:
            session.execute("SELECT * FROM users")
            verdict = check("01.1", work)
    else:
        session_ = sqlite3.connect(make_url(work.url).database or "", isolation_level=None)
        session_.execute("BEGIN")
        session_.execute("SELECT * FROM users").fetchall()
        verdict = check("01.1", work)
        session_.close()
    assert [each.engine for each in verdict.engines] == [engine]
    assert "'李雷@例子.中国', 'new@example.com'] ('0001',) 0" in unmet(verdict).found


@contextmanager
def locked(work: Workspace) -> Iterator[None]:
    """Another program keeps everybody from reading."""
    url = make_url(work.url)
    if work.engine.name == "sqlite":
        with closing(sqlite3.connect(url.database or "", isolation_level=None)) as session:
            session.execute("BEGIN EXCLUSIVE")
            yield
        return
    shown = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(shown) as connection:
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_locked_database_is_told(engine: EngineName, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.teaching.judging.learner_database.LOCK_SECONDS", 1)
    judge_with(root, "        self.own", *OWN)
    work = opened(engine)
    with locked(work):
        finding = unmet(check("01.1", work))
    assert finding.found.startswith("Your database cannot be read: ")
    assert "lock" in finding.found
    assert finding.next_step == "End the transaction or the program that holds it, then check again."
    assert progress.load().exercise("01.1").tries == 0
    assert leftovers(root) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_no_command_in_a_folder_below_reaches_the_learners_database(engine: EngineName, root: Path) -> None:
    judge_with(
        root,
        '        done = self.own.flask("db downgrade base", folder=self.own.folder / "below")\n'
        '        gone = done.exit_code == 0 and self.own.schema().table("users") is None\n'
        '        self.expect(gone, expected="x", found=done.output)',
        *OWN,
    )
    work = opened(engine)
    below = work.folder / "below"
    shutil.copytree(work.folder, below, ignore=shutil.ignore_patterns("instance"))
    absolute = f"FLASK_APP=shop\nDATABASE_URL={work.url}\n"  # as somebody might write it who wants to be sure
    (below / ".flaskenv").write_text(absolute if engine == "sqlite" else (work.folder / ".flaskenv").read_text())
    assert check("01.1", work).passed
    assert len(query.query(work.url, "SELECT * FROM users")) == 3


def test_a_checkout_whose_database_url_is_broken_stays_broken(root: Path) -> None:
    work = opened()
    flaskenv = work.folder / ".flaskenv"
    flaskenv.write_text("FLASK_APP=shop\nDATABASE_URL=postgres://localhost/shop\n", encoding="utf-8")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "upgrade"
    assert "NoSuchModuleError" in finding.found
    assert "Write `postgresql+psycopg://`" in finding.next_step  # as the field guide says


# ---------------------------------------------------------------------------------------- engines, tries, tidiness


def test_without_postgres_it_is_judged_on_sqlite_and_that_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_no_postgres", lambda: "There is no Postgres. Set LAB_POSTGRES_URL.")
    work = opened()
    solve(work)
    verdict = check("01.1", work)
    assert [each.engine for each in verdict.engines] == ["sqlite"]
    assert verdict.passed
    assert "PostgreSQL is not available here, so it was not judged there. There is no Postgres. Set" in as_text(verdict)
    assert "so it was not judged there" in as_html(verdict)


def test_a_check_counts_as_a_try_when_something_changed(root: Path) -> None:
    work = opened()
    check("01.1", work, only=["sqlite"])
    assert (progress.load().exercise("01.1").checks, progress.load().exercise("01.1").tries) == (1, 0)
    solve(work, "pass")
    for _ in range(2):
        check("01.1", work, only=["sqlite"])
    assert (progress.load().exercise("01.1").checks, progress.load().exercise("01.1").failed_tries) == (3, 1)
    solve(work)
    check("01.1", work, only=["sqlite"])
    record = progress.load().exercise("01.1")
    assert (record.checks, record.failed_tries, record.passed) == (4, 1, True)


def test_a_workspace_that_is_gone_is_told(root: Path) -> None:
    work = opened()
    shutil.rmtree(work.folder)
    with pytest.raises(LabError, match=r"Run `lab reset 01\.1`"):
        check("01.1", work)


def test_what_a_killed_check_left_behind_is_removed_by_a_later_one(root: Path) -> None:
    work = opened()
    trials = root.parent / "state" / "trials"
    for name in ("sqlite-killed", "sqlite-running"):
        (trials / name / "1" / "exercise-01.1-sqlite").mkdir(parents=True)
    long_ago = time.time() - LEFTOVER_SECONDS - 60
    os.utime(trials / "sqlite-killed", (long_ago, long_ago))
    check("01.1", work, only=["sqlite"])
    assert leftovers(root) == [trials / "sqlite-running"]
    shutil.rmtree(trials / "sqlite-running")


def test_ctrl_c_ends_a_check_and_leaves_nothing_behind(root: Path) -> None:
    work = opened()
    solve(work, f"import time\ntime.sleep({2 * LIMIT})", DROP)
    program = (
        "from migration_lab.shops import workspace\nfrom migration_lab.shops.identity import Identity\n"
        "from migration_lab.teaching.judging import check, database\n"
        f"database.COMMAND_SECONDS = {LIMIT}\n"
        "work = workspace.find(Identity.of_exercise('01.1', 'sqlite'))\nprint('go', flush=True)\ncheck('01.1', work)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"LAB_STATE": str(root.parent / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "go\n"
    until = time.monotonic() + 60
    while not leftovers(root) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)  # into the migration, most likely; wherever it is, nothing may be left
    sent = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=2 * LIMIT)
    assert time.monotonic() - sent < LIMIT, "a command on the other engine ran to its limit"
    assert "KeyboardInterrupt" in said
    assert leftovers(root) == []
