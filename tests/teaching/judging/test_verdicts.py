"""Checks: what the verdict says, and whose mistake it names."""

import re
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.course import EngineName
from migration_lab.ground.errors import LabError
from migration_lab.teaching import progress
from migration_lab.teaching.judging import EngineVerdict, Expectation, Finding, Verdict, check, judge_of
from migration_lab.teaching.judging.report import as_html, as_text
from tests.teaching.judging.exercise import CHECKS, judge_with, leftovers, opened, solve, unmet
from tests.tiny_course import ADD, DROP, revision

THERE = "'nickname' in {each['name'] for each in sa.inspect(op.get_bind()).get_columns('users')}"
THERE_OR_ADD = f"if not {THERE}: {ADD}"

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
        (ADD + "\nfrom shop import User", DROP, "new_database", "ImportError: cannot import name 'User' from 'shop'"),
        (ADD, DROP + "\nfrom shop import User", "downgrade", "ImportError: cannot import name 'User' from 'shop'"),
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


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ('self.expect_values("users.email", lambda row: "x", where=self.head)', "Every value is as it was"),
        ('self.expect_values("users.nickname", lambda row: "x", where=self.head)', "Every value is as it was"),
        ('self.expect_values("users.email", lambda row: "x", where=self.walk.back())', ""),
        ('self.expect_gone("users.email", where=self.head, cause="It was not dropped.")', "It was not dropped."),
        ('self.expect_gone("users.phone", where=self.head); self.miss(expected="", found="", cause="gone")', "gone"),
        ('self.expect_as_they_were("view"); self.miss(expected="", found="", cause="none")', "none"),
    ],
)
def test_what_was_measured_is_the_cause(body: str, cause: str, root: Path) -> None:
    judge_with(root, f"        {body}")
    work = opened()
    solve(work)
    found = unmet(check("01.1", work, only=["sqlite"])).cause
    assert found.startswith(cause)
    assert bool(found) is bool(cause)


def test_the_error_of_a_command_that_has_to_succeed_is_found(root: Path) -> None:
    say = 'copy, expected="It runs.", heading="It ended with:")'
    judge_with(
        root,
        "        copy = self.fresh(watched=False)\n"
        f'        self.expect_success(copy.flask("db current"), {say}\n'
        f'        self.expect_success(copy.flask("db upgrade 9999"), {say}',
    )
    work = opened()
    solve(work)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expected == "It runs."
    heading, error = finding.found.split("\n", 1)
    assert heading == "It ended with:"
    assert "Can't locate revision identified by '9999'" in error


@pytest.mark.parametrize(("added", "says"), [("\nLATER = 1\n", "+ LATER = 1"), ("\n# later\n", "")])
def test_a_revision_that_had_run_may_get_comments_only(added: str, says: str, root: Path) -> None:
    judge_with(root, "        pass", more='last = ("past",)')
    work = opened()
    solve(work)
    first = next((work.folder / "migrations/versions").glob("0001_*.py"))
    first.write_text(first.read_text() + added)
    found = check("01.1", work, only=["sqlite"]).engines[0].unmet
    assert (found.found.strip().splitlines()[-1] if found else "") == says
    assert found is None or found.expectation.id == "past"


def test_drift_is_reported_by_what_alembic_detected(root: Path) -> None:
    work = opened()
    solve(work)
    model = work.folder / "shop.py"
    model.write_text(model.read_text() + "    phone: Mapped[str | None]\n")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "no_drift"
    assert finding.found == "Detected added column 'users.phone'"


def test_a_second_upgrade_with_another_result_is_reported(root: Path) -> None:
    work = opened()
    once = (
        "from pathlib import Path\n"
        'first = not Path("done").exists()\nPath("done").touch()\n'
        f"{ADD} if first else op.add_column('users', sa.Column('nickname', sa.String(9)))"
    )
    solve(work, once, DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "upgrade_again"
    assert "nickname changed from (VARCHAR(40)" in finding.found


def test_a_loss_on_the_way_back_from_a_revision_before_the_head_is_reported(root: Path) -> None:
    work = opened()
    lost = """op.execute("UPDATE users SET email = 'lost ' || id WHERE nickname IS NULL")"""
    solve(work, ADD, f"{lost}\n{DROP}")
    fills = revision("pass", """op.execute("UPDATE users SET nickname = 'x'")""")
    second = work.folder / "migrations/versions/0003_fill_in.py"
    second.write_text(fills.replace('"0002"', '"0003"').replace('"0001"', '"0002"'), encoding="utf-8")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "rows_kept"
    assert "after a way up to `0002` and back from there" in finding.found


def test_two_heads_are_reported(root: Path) -> None:
    judge_with(root, "        self.one_head()", more='first, last = (), ("one_head",)')
    work = opened()
    solve(work)
    other = work.folder / "migrations/versions/0003_other.py"
    other.write_text(revision(ADD, DROP).replace('"0002"', '"0003"'), encoding="utf-8")
    assert {"0002", "0003"} == set(re.findall(r"\d{4}", unmet(check("01.1", work, only=["sqlite"])).found))


def test_an_endless_revision_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.teaching.judging.database.COMMAND_SECONDS", 1.5)
    work = opened()
    solve(work, "while True: pass", DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == "upgrade"
    assert finding.found == "`flask db upgrade` was stopped after 1.5 seconds."
    assert finding.cause == "A revision or a model takes too long, or never finishes."
    assert "a loop without an end" in finding.next_step
    assert leftovers(root) == []


def test_a_judges_own_words_for_an_error_are_used(root: Path) -> None:
    judge_with(root, "        self.upgrade()", more='causes = {"F29": ("It is there.", "Leave it out.")}')
    work = opened()
    solve(work, 'op.create_table("users", sa.Column("id", sa.Integer))')
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert (finding.cause, finding.next_step) == ("It is there.", "Leave it out.")
    solve(work, "1 / 0")
    assert unmet(check("01.1", work, only=["sqlite"])).cause != "It is there.", "a cause belongs to its error"


def test_a_command_of_the_judges_own_that_does_not_end_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.teaching.judging.database.COMMAND_SECONDS", 1.5)
    judge_with(root, '        self.fresh().flask("db upgrade")', more="first = last = ()")
    work = opened()
    solve(work, "while True: pass", DROP)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.cause == "A revision or a model takes too long, or never finishes."
    assert progress.load().exercise("01.1").tries == 1


def test_a_judge_may_give_commands_more_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.teaching.judging.database.COMMAND_SECONDS", 0.01)
    judge_with(root, "        self.upgrade()", more="seconds = 60; first = last = ()")
    work = opened()
    solve(work)
    assert check("01.1", work, only=["sqlite"]).passed


def test_the_rows_of_a_renamed_column_are_followed(root: Path) -> None:
    moves = 'moves = {"users.email": "users.mail"}; changes = ("users.email", "users.mail"); last = ("rows_kept",)'
    judge_with(root, "        self.upgrade()", more=moves)
    work = opened()
    with_batch = 'with op.batch_alter_table("users") as batch: batch.alter_column("{}", new_column_name="{}")'
    solve(work, with_batch.format("email", "mail"), with_batch.format("mail", "email"))
    assert check("01.1", work).passed
    back = 'op.add_column("users", sa.Column("email", sa.String(120)))\nop.drop_column("users", "mail")'
    solve(work, 'op.add_column("users", sa.Column("mail", sa.String(120)))\nop.drop_column("users", "email")', back)
    assert "was 'ann@example.com' and `mail` is NULL, after the upgrade" in unmet(check("01.1", work)).found
    solve(work, 'op.drop_column("users", "email")', back.partition("\n")[0])
    assert "`users.email`: the column is gone" in unmet(check("01.1", work)).found


def test_an_untouched_exercise_says_so_and_tells_no_story(root: Path) -> None:
    finding = unmet(check("01.1", opened(), only=["sqlite"]))
    assert finding.cause == "Nothing has been changed yet."
    assert progress.load().exercise("01.1").tries == 0


# ------------------------------------------------------------------- what no exit code and no word of the files hides


def test_an_upgrade_that_keeps_nothing_is_reported_as_that(root: Path) -> None:
    work = opened("postgres")
    solve(work)
    env = work.folder / "migrations/env.py"
    ends = "            context.run_migrations()\n"
    text = env.read_text()
    env.write_text(text[: text.rindex(ends)] + ends + "            connection.rollback()\n")
    finding = unmet(check("01.1", work, only=["postgres"]))
    assert finding.expectation.id == "upgrade"
    assert "exit code 0, and the database stands at `0001`" in finding.found
    assert "was not kept" in finding.cause


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    ("file", "old", "new", "expected", "found"),
    [
        pytest.param(
            "shop.py", "Migrate(app, db)", "Migrate(app, db, include_object=lambda *_: False)",
            "no_drift", "does not see a column", id="a filter that hides everything",
        ),
        pytest.param(
            "shop.py", "Migrate(app, db)", "Migrate(app, db, include_object=lambda _o, _n, kind, *_: kind != 'index')",
            "no_drift", "does not see an index", id="a filter that hides indexes",
        ),
        pytest.param(
            "shop.py", "Migrate(app, db)",
            "Migrate(app, db)\nimport alembic.command\nalembic.command.check = lambda *_, **__: None",
            "no_drift", "does not see a column", id="a check that was replaced",
        ),
        pytest.param(
            "shop.py", "    nickname: Mapped", "    if 'check' in __import__('sys').argv: nickname: Mapped",
            "no_drift", "Detected removed column 'users.nickname'", id="a model for the check only",
        ),
        pytest.param(
            "shop.py", "mapped_column(String(40))", "mapped_column(String(40), default='')",
            "no_drift", "`default=''`", id="a value that nobody has given",
        ),
    ],
)  # fmt: skip
def test_the_files_are_not_believed(
    file: str, old: str, new: str, expected: str, found: str, engine: EngineName, root: Path
) -> None:
    work = opened(engine)
    solve(work)
    text = (work.folder / file).read_text()
    assert old in text
    (work.folder / file).write_text(text.replace(old, new, 1))
    finding = unmet(check("01.1", work, only=[engine]))
    assert (finding.expectation.id, found in finding.found) == (expected, True), finding


@pytest.mark.parametrize(
    ("up", "down", "expected", "found"),
    [
        pytest.param(
            f"{ADD}\nif op.get_bind().exec_driver_sql('SELECT count(*) FROM users').scalar() == 0: {DROP}", DROP,
            "new_database", "has none", id="nothing on an empty database",
        ),
        pytest.param(
            ADD, f'{DROP}\nop.execute("DELETE FROM users WHERE id = (SELECT max(id) FROM users)")',
            "rows_kept", "is gone, after the downgrade", id="a row that arrived after the upgrade",
        ),
        pytest.param(
            ADD, f"if op.get_bind().exec_driver_sql('SELECT max(nickname) FROM users').scalar() is None: {DROP}",
            "downgrade", "users: column nickname added", id="a column that stays when it has been used",
        ),
        pytest.param(
            f"{ADD}\nop.execute('CREATE TABLE IF NOT EXISTS t (id INTEGER)')", DROP,
            "no_other_change", "t: table added", id="another table",
        ),
        pytest.param(
            f"{ADD}\nop.execute(\"UPDATE users SET nickname = 'n' || random()\")", DROP,
            "rows_kept", "after the second upgrade", id="another value each time",
        ),
    ],
)  # fmt: skip
def test_what_happens_on_the_way_is_seen(up: str, down: str, expected: str, found: str, root: Path) -> None:
    work = opened()
    solve(work, up, down)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert (finding.expectation.id, found in finding.found) == (expected, True), finding


@pytest.mark.parametrize(
    ("may_leave", "up", "down", "expected"),
    [
        ("'users.nickname',", ADD, DROP, ""),
        ("'users.nickname',", THERE_OR_ADD, "pass", ""),
        ("'users.nickname',", ADD, "pass", "upgrade_again"),
        ("'users.nickname',", THERE_OR_ADD, "op.execute('CREATE INDEX i ON users (nickname)')", "downgrade"),
        ("", THERE_OR_ADD, "pass", "downgrade"),
    ],
)
def test_a_downgrade_may_leave_what_its_judge_allows(
    may_leave: str, up: str, down: str, expected: str, root: Path
) -> None:
    more = f"changes, may_leave = ('users.nickname',), ({may_leave})\n    last = ('downgrade', 'upgrade_again')"
    judge_with(root, "        pass", more=more)
    work = opened()
    solve(work, up, down)
    finding = check("01.1", work, only=["sqlite"]).engines[0].unmet
    assert (finding.expectation.id if finding else "") == expected, finding


def test_a_downgrade_may_refuse_while_a_new_column_is_in_use(root: Path) -> None:
    work = opened()
    used = "op.get_bind().exec_driver_sql('SELECT max(nickname) FROM users').scalar()"
    solve(work, ADD, f"if {used}: raise RuntimeError('there are nicknames')\n{DROP}")
    assert check("01.1", work, only=["sqlite"]).engines[0].unmet is None


def test_a_function_that_outlives_its_trigger_is_named_as_the_cause(root: Path) -> None:
    work = opened("postgres")
    body = "AS 'BEGIN RETURN NEW; END'"
    solve(work, f'{ADD}\nop.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql {body}")')
    finding = unmet(check("01.1", work, only=["postgres"]))
    assert "function f() added" in finding.found
    assert "none drops it" in finding.cause


# --------------------------------------------------------------------------------------------- whose mistake it is


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("        None.x", "AttributeError: 'NoneType' object has no attribute 'x' (checks.py, line 11)"),
        ("        self.nothing_of_that_name", "has no attribute 'nothing_of_that_name'"),
    ],
)
def test_a_mistake_in_a_judge_is_said_to_be_ours(body: str, said: str, root: Path) -> None:
    judge_with(root, body)
    work = opened()
    verdict = check("01.1", work, only=["sqlite"])
    assert not verdict.passed
    assert said in unmet(verdict).found
    assert unmet(verdict).cause == "This is a mistake in the course, not in your work."
    solve(work)
    check("01.1", work, only=["sqlite"])
    assert progress.load().exercise("01.1").tries == 0, "what cannot be judged is no try"


IMPORT = "from migration_lab.teaching.judging import *\n"


@pytest.mark.parametrize(
    "text",
    [
        "", "1 / 0", "def (",
        f'{IMPORT}class A(FilesJudge):\n    exercise = "01.1"\n    stub_fails = "hers"',
        f'{IMPORT}class A(FilesJudge):\n    exercise = "01.1"\n    def a(self): pass',
    ],
)  # fmt: skip
def test_a_missing_or_broken_judge_is_said_to_be_ours(text: str, root: Path) -> None:
    (root / CHECKS).write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=r"cannot be used: .* This is a mistake in the course, not in your work"):
        judge_of(course.lesson("01"), "01.1")


def test_what_a_judge_cannot_read_is_reported(root: Path) -> None:
    work = opened()
    (work.folder / "migrations/versions/0002_broken.py").write_text("def (", encoding="utf-8")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert "0002_broken.py" in finding.found


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


def test_what_is_not_checked_yet_is_said_once_for_all_engines() -> None:
    names = ("table", "column", "names", "rows")
    table, column, naming, rows = (Expectation(each, f"the {each}", lambda _: None) for each in names)
    sqlite = EngineVerdict("sqlite", (table,), Finding(column, "yes", "no", "", "Look."), (naming, rows))
    postgres = EngineVerdict("postgres", (table, column), Finding(naming, "yes", "no", "", "Look."), (rows,))
    verdict = Verdict("01.1", "A ticket", (sqlite, postgres))
    text, html = as_text(verdict), as_html(verdict)
    assert text.endswith("\n\nNot checked yet\n  · the rows\n\nNot checked yet on SQLite\n  · the names")
    assert [text.count(each) for each in ("· the rows", "· the names")] == [1, 1]
    assert html.count('aria-label="not checked yet"') == 2


def test_html_is_escaped_and_a_passed_verdict_says_where() -> None:
    expectation = Expectation("x", "`a` < b", lambda _: None)
    finding = Finding(expectation, "<b>", "`two` of\nthese <lines>, and a `\nalone", "", "next")
    verdict = Verdict("01.1", "A <title>", (EngineVerdict("sqlite", (), finding),))
    html = as_html(verdict)
    assert "<code>a</code> &lt; b" in html
    assert "<code>two</code> of\nthese &lt;lines&gt;, and a `\nalone</pre>" in html
    assert "A &lt;title&gt;" in html
    assert not re.search(r"<(b|title|lines)>", html)


def test_the_same_mistake_reads_the_same_every_time(root: Path) -> None:
    work = opened()
    solve(work, "op.no_such_thing()", DROP)
    first = as_text(check("01.1", work))
    assert first == as_text(check("01.1", work))
    assert "/" not in first.replace("migrations/versions/", "")
