"""Checks: what a learner is told, that nothing of theirs is touched, and that nothing is left behind."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import make_url

from migration_lab import course, engines, progress, query, workspace
from migration_lab.checking import Expectation, Finding, Verdict, check, judge_of, judges
from migration_lab.checking.copies import LEFTOVER_SECONDS
from migration_lab.checking.expectations import NO_DRIFT, UPGRADE, JudgeError
from migration_lab.checking.report import as_html, as_text
from migration_lab.course import EngineName
from migration_lab.errors import LabError
from migration_lab.record import database_sign
from migration_lab.workspace import Workspace
from tests import tiny_course
from tests.tiny_course import ADD, DROP, revision

CHECKS = f"{tiny_course.FOLDER}/checks.py"


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAB_COURSE", str(tiny_course.make(tmp_path / "course")))
    # Trials in a place of this test alone: other workers check at the same time.
    monkeypatch.setattr("migration_lab.checking.copies.places", SimpleNamespace(state=lambda: tmp_path / "state"))
    course.lessons.cache_clear()
    yield tmp_path / "course"
    course.lessons.cache_clear()


def opened(engine: EngineName = "sqlite") -> Workspace:
    return workspace.open_exercise("01.1", engines.engine(engine)).workspace


def solve(work: Workspace, up: str = ADD, down: str = DROP) -> None:
    """Write the model's line and a revision, as a learner does."""
    model = work.folder / "shop.py"
    line = "    nickname: Mapped[str | None] = mapped_column(String(40))\n"
    if line not in model.read_text():
        model.write_text(model.read_text() + line)
    (work.folder / "migrations/versions/0002_add_users_nickname.py").write_text(revision(up, down), encoding="utf-8")


def judge_with(root: Path, body: str, head: str = 'UPGRADE, Expectation("mine", "it is so", "cause", "next")') -> None:
    """Replace the exercise's judge; `body` is indented Python."""
    (root / CHECKS).write_text(
        "from migration_lab.checking import *\nfrom migration_lab.checking import Expectation, judges\n\n"
        f'@judges("01.1", {head})\ndef judge(trial):\n{body}\n',
        encoding="utf-8",
    )


def unmet(verdict: Verdict) -> Finding:
    finding = verdict.engines[0].unmet
    assert finding is not None
    return finding


def leftovers(root: Path) -> list[Path]:
    return list((root.parent / "state" / "trials").glob("*"))


# ------------------------------------------------------------------------------------------- what a learner is told


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    ("up", "down", "expected", "found"),
    [
        (
            "1 / 0",
            DROP,
            "upgrade",
            "ZeroDivisionError: division by zero\n(in migrations/versions/0002_add_users_nickname",
        ),
        ('open(__file__ + ".gone")', DROP, "upgrade", "'migrations/versions/0002_add_users_nickname.py.gone'"),
        (ADD + "\nraise SystemExit(3)", DROP, "upgrade", "ends with exit code 3"),
        (ADD, "pass", "downgrade", "Compared with before the upgrade:\nusers: column nickname added"),
        (ADD, DROP + "\n1 / 0", "downgrade", "ZeroDivisionError"),
        (
            ADD + '\nop.create_index("ix_users_email", "users", ["email"])',
            DROP,
            "no_other_change",
            "ix_users_email added",
        ),
        (
            ADD + "\nop.execute(\"UPDATE users SET email = 'x' WHERE id = 2\")",
            DROP,
            "rows_kept",
            '"o\'neill@example.com"',
        ),
        (ADD + '\nop.execute("DELETE FROM users WHERE id = 2")', DROP, "rows_kept", "the row with id 2 is gone"),
    ],
)
def test_each_ready_made_expectation_finds_its_mistake(
    up: str, down: str, expected: str, found: str, engine: EngineName, root: Path
) -> None:
    work = opened(engine)
    solve(work, up, down)
    finding = unmet(check("01.1", work, only=[engine]))
    assert finding.expectation.id == expected
    assert found in finding.found
    assert str(root.parent) not in finding.found


def test_drift_is_told_by_what_alembic_detected(root: Path) -> None:
    work = opened()
    solve(work)
    model = work.folder / "shop.py"
    model.write_text(model.read_text() + "    phone: Mapped[str | None]\n")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation == NO_DRIFT
    assert finding.found == "Detected added column 'users.phone'"


def test_a_second_upgrade_that_meets_a_leftover_is_told(root: Path) -> None:
    work = opened()
    solve(work, 'op.execute("CREATE TEMP TABLE IF NOT EXISTS t (x int)")\n' + ADD, DROP)
    once = (
        "from pathlib import Path\n"
        'first = not Path("done").exists()\nPath("done").touch()\n'
        f"{ADD} if first else op.add_column('users', sa.Column('nickname', sa.String(9)))"
    )
    solve(work, once, DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "upgrade_again"
    assert "nickname changed from (VARCHAR(40)" in finding.found


def test_two_heads_are_told(root: Path) -> None:
    judge_with(root, "    trial.one_head()", "ONE_HEAD")
    work = opened()
    solve(work)
    other = work.folder / "migrations/versions/0003_other.py"
    other.write_text(revision(ADD, DROP, rev_id="0003"), encoding="utf-8")
    assert sorted(unmet(check("01.1", work, only=["sqlite"])).found.split(", ")) == ["0002", "0003"]


def test_an_endless_revision_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.checking.copies.COMMAND_SECONDS", 1.5)
    work = opened()
    solve(work, "while True: pass", DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "upgrade"
    assert finding.found == "`flask db upgrade` was stopped after 1.5 seconds."
    assert "a loop without an end" in finding.expectation.next_step
    assert leftovers(root) == []


def test_the_rows_of_a_renamed_column_are_followed(root: Path) -> None:
    judge_with(
        root, '    trial.upgrade()\n    trial.rows_kept(renamed={"users.email": "users.mail"})', "UPGRADE, ROWS_KEPT"
    )
    work = opened()
    with_batch = 'with op.batch_alter_table("users") as batch: batch.alter_column("email", new_column_name="mail")'
    solve(work, with_batch, "pass")
    assert check("01.1", work).passed
    solve(work, 'op.add_column("users", sa.Column("mail", sa.String(120)))\nop.drop_column("users", "email")', "pass")
    assert "was 'ann@example.com' and is None, after the upgrade" in unmet(check("01.1", work)).found
    solve(work, 'op.drop_column("users", "email")', "pass")
    assert "`users.email`: the column is gone" in unmet(check("01.1", work)).found


# --------------------------------------------------------------------------------------------- whose mistake it is


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    trial.upgrade()", "JudgeError: nobody looked at mine"),
        ('    trial.expect("hers", True, expected="x", found="y")', "looks at 'hers', which it does not declare"),
        (
            "    trial.upgrade()\n    None.x",
            "AttributeError: 'NoneType' object has no attribute 'x' (checks.py, line 7)",
        ),
        ("    trial.downgrade()", "JudgeError: trial.upgrade() comes first"),
        ("    trial.learner", "without own_database=True"),
    ],
)
def test_a_mistake_in_a_judge_is_said_to_be_ours(body: str, said: str, root: Path) -> None:
    judge_with(root, body)
    work = opened()
    verdict = check("01.1", work, only=["sqlite"])
    assert not verdict.passed
    assert said in unmet(verdict).found
    assert unmet(verdict).expectation.cause == "This is a mistake in the course, not in your work."


@pytest.mark.parametrize("text", ["", "1 / 0", "def ("])
def test_a_missing_or_broken_judge_is_said_to_be_ours(text: str, root: Path) -> None:
    (root / CHECKS).write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=r"cannot be used: .* This is a mistake in the course, not in your work"):
        judge_of(course.lesson("01"), "01.1")


def test_what_a_judge_cannot_read_is_told(root: Path) -> None:
    judge_with(root, '    trial.history()\n    trial.upgrade()\n    trial.expect("mine", True, expected="", found="")')
    work = opened()
    (work.folder / "migrations/versions/0002_broken.py").write_text("def (", encoding="utf-8")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert "0002_broken.py is not Python" in finding.found
    assert finding.expectation.next_step == "Correct the file."


def test_an_expectation_is_declared_once_and_what_rejects_the_stub_is_declared() -> None:
    mine = Expectation("mine", "it is so", "cause", "next")
    with pytest.raises(JudgeError, match="declares mine more than once"):
        judges("01.1", mine, UPGRADE, mine)
    with pytest.raises(JudgeError, match="does not declare 'hers'"):
        judges("01.1", mine, stub_fails="hers")
    assert judges("01.1", UPGRADE, mine)(lambda trial: None).stub_fails == "mine"


# ---------------------------------------------------------------------------------- what is the learner's stays so


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_learners_files_and_database_are_not_touched(engine: EngineName, root: Path) -> None:
    judge_with(
        root,
        '    trial.learner.execute("DELETE FROM users")\n    trial.learner.flask("db", "downgrade", "base")\n'
        '    trial.execute("DELETE FROM users")\n    trial.flask("db", "downgrade", "base")\n'
        '    trial.expect("mine", trial.rows_of("users") == [], expected="x", found="y")',
        'Expectation("mine", "it is so", "cause", "next"), own_database=True',
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
        "    emails = [each['email'] for each in trial.learner.rows_of('users')]\n"
        "    stands = trial.learner.stands_at()\n"
        "    code = trial.learner.flask('db', 'current').exit_code\n"
        "    trial.expect('mine', False, expected='x', found=f'{emails} {stands} {code}')",
        'Expectation("mine", "it is so", "cause", "next"), own_database=True',
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


def test_a_locked_database_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.checking.learner_database.LOCK_SECONDS", 1)
    judge_with(root, "    trial.learner", 'Expectation("mine", "it is so", "cause", "next"), own_database=True')
    work = opened("postgres")
    url = make_url(work.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as session:
        session.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        finding = unmet(check("01.1", work))
    assert finding.found.startswith("Your database cannot be read: ")
    assert "lock" in finding.found
    assert finding.expectation.next_step == "End the transaction or the program that holds it, then check again."
    assert leftovers(root) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_no_command_in_a_folder_below_reaches_the_learners_database(engine: EngineName, root: Path) -> None:
    judge_with(
        root,
        '    done = trial.flask("db", "downgrade", "base", folder=trial.folder / "below")\n'
        '    gone = done.exit_code == 0 and trial.schema().table("users") is None\n'
        '    trial.expect("mine", gone, expected="x", found="y")',
        'Expectation("mine", "it is so", "cause", "next"), own_database=True',
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
    assert finding.expectation.id == UPGRADE.id
    assert "NoSuchModuleError" in finding.found
    assert "Write `postgresql+psycopg://`" in finding.expectation.next_step  # as the field guide says


# ---------------------------------------------------------------------------------------- engines, tries, tidiness


def test_without_postgres_it_is_judged_on_sqlite_and_that_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_no_postgres", lambda: "There is no Postgres. Set LAB_POSTGRES_URL.")
    work = opened()
    solve(work)
    verdict = check("01.1", work)
    assert [each.engine for each in verdict.engines] == ["sqlite"]
    assert verdict.passed
    assert "PostgreSQL cannot be had here, so it was not judged there. There is no Postgres. Set" in as_text(verdict)
    assert "so it was not judged there" in as_html(verdict)


def test_a_check_counts_as_a_try_when_something_changed(root: Path) -> None:
    work = opened()
    for _ in range(2):
        check("01.1", work, only=["sqlite"])
    assert (progress.load().exercise("01.1").checks, progress.load().exercise("01.1").failed_tries) == (2, 1)
    solve(work)
    check("01.1", work, only=["sqlite"])
    record = progress.load().exercise("01.1")
    assert (record.checks, record.failed_tries, record.passed) == (3, 1, True)


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
    solve(work, "import time\ntime.sleep(60)", DROP)
    program = (
        "from migration_lab import engines, workspace\nfrom migration_lab.checking import check\n"
        "work = workspace.find('exercise-01.1', engines.engine('sqlite'))\nprint('go', flush=True)\ncheck('01.1', work)"
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
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert leftovers(root) == []


# ------------------------------------------------------------------------------------------------------- the report


def test_both_reports_say_all_that_a_learner_needs(root: Path) -> None:
    work = opened()
    solve(work, ADD.replace("40", "400"))
    verdict = check("01.1", work, only=["sqlite"])
    text, html = as_text(verdict), as_html(verdict)
    for words in ("What was expected", "What is there instead", "Likely cause", "Next step", "VARCHAR(400)"):
        assert words in text
        assert words in html
    assert text.index("✓ `flask db upgrade` runs") < text.index("✗ `users.nickname` is there")
    assert re.sub(r"\s+", " ", text).count("VARCHAR(400)") == 1
    assert "<code>users.nickname</code>" in html


def test_what_both_engines_say_alike_is_said_once(root: Path) -> None:
    work = opened()
    text = as_text(check("01.1", work))
    assert "Not there yet on SQLite and PostgreSQL." in text
    assert text.count("What was expected") == 1


def test_html_is_escaped_and_a_passed_verdict_says_where() -> None:
    expectation = Expectation("x", "`a` < b", "cause", "next")
    finding = Finding(expectation, "<b>", "two\n<lines>")
    result = SimpleNamespace(engine="sqlite", met=(), unmet=finding, unjudged=())
    verdict = Verdict("01.1", "A <title>", (result,))  # type: ignore[arg-type]
    html = as_html(verdict)
    assert "<code>a</code> &lt; b" in html
    assert "two\n&lt;lines&gt;</pre>" in html
    assert "A &lt;title&gt;" in html
    assert not re.search(r"<(b|title|lines)>", html)


def test_the_same_mistake_reads_the_same_every_time(root: Path) -> None:
    work = opened()
    solve(work, "op.no_such_thing()", DROP)
    first = as_text(check("01.1", work))
    assert first == as_text(check("01.1", work))
    assert "/" not in first.replace("migrations/versions/", "")
