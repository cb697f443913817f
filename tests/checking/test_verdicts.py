"""Checks: what a learner is told, and whose mistake it is."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from migration_lab import course, progress
from migration_lab.checking import Expectation, Finding, Verdict, check, judge_of, judges
from migration_lab.checking.expectations import NO_DRIFT, UPGRADE, JudgeError
from migration_lab.checking.report import as_html, as_text
from migration_lab.course import EngineName
from migration_lab.errors import LabError
from tests.checking.exercise import CHECKS, judge_with, leftovers, opened, solve, unmet
from tests.tiny_course import ADD, DROP, revision

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


def test_a_judges_own_words_for_a_usual_expectation_are_told(root: Path) -> None:
    head = '*[Expectation(each.id, "x", "Rows are there.", "Give them a value.") for each in (UPGRADE, NO_DRIFT)]'
    judge_with(root, "    trial.upgrade()\n    trial.no_drift()", head)
    work = opened()
    for body in ("1 / 0", "pass"):
        solve(work, body)
        expectation = unmet(check("01.1", work, only=["sqlite"])).expectation
        assert (expectation.cause, expectation.next_step) == ("Rows are there.", "Give them a value."), expectation.id


def test_a_command_of_the_judges_own_that_does_not_end_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.checking.copies.COMMAND_SECONDS", 1.5)
    judge_with(root, '    trial.flask("db", "upgrade")')
    work = opened()
    solve(work, "while True: pass", DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.cause == "A revision or a model does not come to an end."
    assert progress.load().exercise("01.1").tries == 1


def test_the_rows_of_a_renamed_column_are_followed(root: Path) -> None:
    judge_with(
        root, '    trial.upgrade()\n    trial.rows_kept(renamed={"users.email": "users.mail"})', "UPGRADE, ROWS_KEPT"
    )
    work = opened()
    with_batch = 'with op.batch_alter_table("users") as batch: batch.alter_column("email", new_column_name="mail")'
    solve(work, with_batch, "pass")
    assert check("01.1", work).passed
    solve(work, 'op.add_column("users", sa.Column("mail", sa.String(120)))\nop.drop_column("users", "email")', "pass")
    assert "was 'ann@example.com' and `mail` is None, after the upgrade" in unmet(check("01.1", work)).found
    solve(work, 'op.drop_column("users", "email")', "pass")
    assert "`users.email`: the column is gone" in unmet(check("01.1", work)).found


def test_a_downgrade_that_makes_what_is_still_there_is_told_so(root: Path) -> None:
    judge_with(root, "    trial.upgrade()\n    trial.downgrade()", "UPGRADE, DOWNGRADE")
    work = opened()
    solve(work, "pass", 'op.create_table("users", sa.Column("id", sa.Integer))')
    expectation = unmet(check("01.1", work)).expectation
    assert expectation.id == "downgrade"
    assert "`upgrade()` did not take it away" in expectation.cause
    solve(work, ADD, "pass")
    assert "does not undo" in unmet(check("01.1", work)).expectation.cause


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
    solve(work)
    check("01.1", work, only=["sqlite"])
    assert progress.load().exercise("01.1").tries == 0, "what cannot be judged is no try"


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
    reworded = replace(UPGRADE, cause="Rows are there.")
    assert judges("01.1", reworded, mine)(lambda trial: None).stub_fails == "mine"


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
