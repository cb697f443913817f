"""`lab`: opening, continuing, resetting, checking and help."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from IPython.core.interactiveshell import InteractiveShell

from migration_lab import cli
from migration_lab.ground import course, engines
from migration_lab.ground.errors import LabError
from migration_lab.notebook import displays, lab, running_note, shop
from migration_lab.teaching import explain
from tests import tiny_course
from tests.notebook.conftest import Cell

OPEN = 'shop = lab.open("01")'
COLUMN = "    nickname: Mapped[str | None] = mapped_column(String(40))"
REVISION = tiny_course.revision(tiny_course.ADD, tiny_course.DROP)


def test_opening_says_where_things_are(run: Cell, tiny: Path) -> None:
    assert run(OPEN) == (
        "Lesson 01: A tiny lesson. In a terminal: `cd shops/01_tiny-sqlite`. Database: SQLite, at revision `0001`.\n"
    )
    assert Path.cwd() == tiny / "shops" / "01_tiny-sqlite"
    assert run("shop").endswith("Lesson 01: A tiny lesson, on SQLite\n")


def test_work_in_an_earlier_shop_is_kept_and_named(run: Cell, tiny: Path) -> None:
    run(OPEN)
    assert "kept" not in run(OPEN)
    run("%%writefile mine.py\nx = 1")
    shown = run(OPEN)
    place = shown.partition("Your earlier work is kept in `")[2].partition("`")[0]
    assert (tiny / place / "mine.py").read_text() == "x = 1\n"
    assert not (tiny / "shops" / "01_tiny-sqlite" / "mine.py").exists()
    run("%%writefile other.py\nx = 2")
    shown = run("shop = " + shown.partition(". `")[2].partition("`")[0])
    assert "brings it back" in shown
    assert run("shop.read('mine.py')").endswith("x = 1\n")
    assert "other.py" not in run("shop.files()")


def test_work_that_was_kept_aside_is_listed_and_comes_back(run: Cell, fail: Cell) -> None:
    assert "No work is kept aside." in run("lab.restore()")
    assert "No work of 01.1 is kept aside." in fail('lab.restore("01.1")')
    run('shop = lab.exercise("01.1", engine="postgres")')
    run("shop.execute(\"INSERT INTO users (email) VALUES ('mine')\")")
    run('shop = lab.exercise("01.1", engine="postgres", fresh=True)')
    shown = run("lab.restore()")
    assert "exercise 01.1, PostgreSQL, kept on 20" in shown
    run('shop = lab.restore("01.1")')
    assert run("shop.sql(\"SELECT count(*) FROM users WHERE email = 'mine'\").scalar").endswith("1\n")
    assert "No work is kept aside." in run("lab.restore()")  # the one in its place held none


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_an_exercise_whose_database_is_gone_starts_afresh_and_keeps_the_files(engine: str, run: Cell) -> None:
    run(f'shop = lab.exercise("01.1", engine="{engine}")')
    run("%%writefile mine.py\nx = 1")
    engines.engine(engine).drop(shop.current().workspace.folder)
    shown = run(f'shop = lab.exercise("01.1", engine="{engine}")')
    assert "Your earlier work is kept in" in shown
    assert "at revision `0001`" in shown


def test_an_exercise_goes_on_with_work_and_starts_afresh_when_asked(run: Cell) -> None:
    assert "go on" not in run('shop = lab.exercise("01.1")')
    assert "go on" not in run('shop = lab.exercise("01.1")')
    run("%%writefile mine.py\nx = 1")
    shown = run('shop = lab.exercise("01.1")')
    assert 'You go on with the work that is in it. To start afresh: `shop = lab.reset("01.1")`.' in shown
    assert "The check looks at this:" in shown
    assert "mine.py" in run("shop.files()")
    assert "Your earlier work is kept in" in run('shop = lab.exercise("01.1", fresh=True)')
    assert "mine.py" not in run("shop.files()")


def test_an_exercise_says_what_its_check_looks_at(run: Cell) -> None:
    shown = run('shop = lab.exercise("01.1")')
    assert "Exercise 01.1: An optional nickname." in shown
    assert "- `users.nickname` may be left empty" in shown


def test_postgres_works_the_same(run: Cell) -> None:
    assert "PostgreSQL, at revision `0001`" in run('shop = lab.open("01", engine="postgres")')
    run("%flask db downgrade base")
    assert "users: table removed" in run("shop.changes()")


def test_the_environment_chooses_the_engine(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_ENGINE", "postgres")
    assert "PostgreSQL" in run(OPEN)


def test_an_exercise_for_one_engine_is_opened_on_that_engine(
    run: Cell, fail: Cell, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = course.lesson("01")
    only = lesson.manifest.exercises["01.1"].model_copy(update={"engines": ("sqlite",)})
    manifest = lesson.manifest.model_copy(update={"exercises": {"01.1": only}})
    monkeypatch.setattr(course, "exercise", lambda name: (lesson.model_copy(update={"manifest": manifest}), only))
    monkeypatch.setenv("LAB_ENGINE", "postgres")
    shown = run('shop = lab.exercise("01.1")')
    assert "In a terminal: `cd shops/exercise-01.1-sqlite`" in shown
    assert "LAB_ENGINE asks for another database, and this exercise is for SQLite." in shown
    assert "exercise-01.1-sqlite" in run('lab.resume("01.1")')
    assert "exercise-01.1-sqlite" in run('lab.reset("01.1")')
    assert "Not there yet on SQLite." in run('lab.check("01.1")')
    shown = fail('lab.exercise("01.1", engine="postgres")')
    assert "Exercise 01.1 is not for postgres.\nOpen it without an engine" in shown
    result = CliRunner().invoke(cli.main, ["open", "01.1"])
    assert "exercise-01.1-sqlite" in result.output
    result = CliRunner().invoke(cli.main, ["open", "01.1", "--engine", "postgres"])
    assert "Exercise 01.1 is not for postgres." in result.output


def test_without_postgres_sqlite_goes_on(run: Cell, fail: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", "postgresql://nobody@127.0.0.1:1/postgres")
    assert "LAB_POSTGRES_URL" in fail('lab.open("01", engine="postgres")')
    run(OPEN)


def test_names_that_do_not_exist_are_told(fail: Cell) -> None:
    assert "There is no lesson 'x'. The lessons are 00_before, 01_tiny." in fail('lab.open("x")').replace("\n", " ")
    assert "There is no exercise '01.7'." in fail('lab.exercise("01.7")')
    assert "There is no engine 'mysql'." in fail('lab.open("01", engine="mysql")')
    assert "has no scene 'x'" in fail('lab.open("01", scene="x")')


def test_cells_in_the_wrong_order_are_told(fail: Cell) -> None:
    assert "This notebook has not opened a shop yet." in fail("lab.resume()")
    assert "Run " in fail('lab.check("01.1")')
    assert "Run " in fail('lab.resume("01")')


def test_a_deleted_workspace_names_the_cure_and_the_cure_works(run: Cell, fail: Cell, tiny: Path) -> None:
    run(OPEN)
    shutil.rmtree(tiny / "shops" / "01_tiny-sqlite")
    for cell in ("%flask db current", 'shop.sql("SELECT 1")', "%%writefile shop.py\nx = 1", "shop.files()"):
        assert 'Run `shop = lab.reset("01")`' in fail(cell)
    run('shop = lab.reset("01")')
    assert "0001 (head)" in run("%flask db current")


def test_reset_brings_the_start_back(run: Cell) -> None:
    run(OPEN)
    run("%flask db downgrade base")
    assert "at revision `0001`" in run('shop = lab.reset("01")')


def test_resume_takes_up_the_last_shop_of_this_notebook(
    run: Cell, monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path
) -> None:
    run(OPEN)
    run('lab.exercise("01.1")')
    run(f"import os; os.chdir({str(tmp_path)!r})")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tiny / "notebooks" / "01_tiny.ipynb"))
    assert "`cd shops/01_tiny-sqlite`" in run("shop = lab.resume()")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tiny / "exercises" / "01_exercises.ipynb"))
    assert "`cd shops/exercise-01.1-sqlite`" in run("shop = lab.resume()")
    assert Path.cwd().name == "exercise-01.1-sqlite"


def test_a_check_tells_wrong_from_right_and_hints_open_by_and_by(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "exercises/01_exercises.ipynb")
    run('shop = lab.exercise("01.1")')
    shown = run('lab.check("01.1")')
    assert "Not there yet on SQLite and PostgreSQL." in shown
    assert "Next:" not in shown
    assert "· 01.1 An optional nickname (1 try)" not in run("lab.contents()"), "as it was given is no try"
    assert "Where is it said?" in run('lab.hint("01.1")')
    assert "Look at the model." in run('lab.hint("01.1")')
    assert "Where is it said?" in run('lab.hint("01.1", 1)')
    run(f"%%writefile -a shop.py\n{COLUMN}")
    run(f"%%writefile migrations/versions/0002_nickname.py\n{REVISION}")
    shown = run('lab.check("01.1")')
    assert "Passed on SQLite and PostgreSQL." in shown
    assert shown.endswith("Next: Contents\n"), "the course has one exercise only"
    assert "✓ 01.1 An optional nickname (passed)" in run("lab.contents()")
    assert "01.1 passed" in run("lab.progress()")
    assert "Lesson 01 counts as not begun" in run('lab.progress(forget="01")')
    assert "01.1 open" in run("lab.progress()")


def test_a_check_looks_at_the_shop_that_the_notebook_has_open(run: Cell) -> None:
    run('lab.exercise("01.1", engine="sqlite")')
    run('shop = lab.exercise("01.1", engine="postgres")')
    run(f"%%writefile -a shop.py\n{COLUMN}")
    run(f"%%writefile migrations/versions/0002_nickname.py\n{REVISION}")
    assert "Passed on SQLite and PostgreSQL." in run('lab.check("01.1")')


def test_pasted_errors_are_explained(run: Cell) -> None:
    assert "F01" in run("lab.explain(\"Error: No such command 'db'.\")")
    assert "not in the field guide" in run('lab.explain("something else")')


def test_the_last_error_is_explained_without_its_text(
    run: Cell, fail: Cell, ipython: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sys, "last_value", raising=False)
    assert "No cell has failed" in fail("lab.explain()")
    run(OPEN)
    fail("%flask db upgrade nowhere")
    assert "F14" in run("lab.explain()")
    assert "The last error was: " in (fail('lab.open("77")') and fail("lab.explain()"))
    ipython.run_cell("import no_such_module")  # type: ignore[no-untyped-call]
    assert "G27" in run("lab.explain()")
    ipython.run_cell("assert shop.schema() == 'x'")  # type: ignore[no-untyped-call]
    assert "G26" in run("lab.explain()")
    ipython.run_cell("1 / 0")  # type: ignore[no-untyped-call]
    assert "ZeroDivisionError" in run("lab.explain()")


def test_tab_offers_what_a_learner_can_say() -> None:
    assert dir(lab) == sorted(lab.__all__)


def test_lab_errors_render_as_two_lines() -> None:
    assert LabError("This.", "That.")._render_traceback_() == ["This.", "That."]
    with pytest.raises(LabError):
        engines.engine("oracle")


as_shown = displays.SHOWN["teaching.explain.cards", "Card"]


def test_a_card_does_not_lead_to_the_lesson_that_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    page = explain.card("F01")
    manifest = SimpleNamespace(title="Drift & stamping")
    lesson = SimpleNamespace(slug=page.lesson, number="14", manifest=manifest, is_written=True)
    monkeypatch.setattr(course, "lessons", lambda: (lesson,))
    for folder, leads_there in (("notebooks", False), ("exercises", True)):
        monkeypatch.setenv("JPY_SESSION_NAME", f"/home/ann/my_work/{folder}/{page.lesson}.ipynb")
        shown = as_shown(page)["text/html"]
        assert ("Open lesson 14 Drift &amp; stamping</button>" in shown) == leads_there


def test_a_card_says_when_its_lesson_is_planned() -> None:
    planned = next(each for each in explain.guide().values() if each.is_planned)
    written = explain.card("F01")
    for shown in as_shown(planned).values():
        assert f"{planned.lesson} (planned)" in shown
    assert "button" not in as_shown(planned)["text/html"].partition('lab-card">')[2]
    for shown in as_shown(written).values():
        assert "planned" not in shown


def test_a_check_says_what_it_does(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(running_note, "say", said.append)
    run('shop = lab.exercise("01.1")')
    run('lab.check("01.1")')
    for engine in ("SQLite", "PostgreSQL"):  # in any order: they are judged side by side
        assert any(each.startswith(f"judging on {engine}: `flask db upgrade` runs") for each in said)


def test_a_planned_lesson_says_that_it_has_no_notebook_yet(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "planned" not in run(OPEN)
    monkeypatch.setattr(course.Lesson, "is_written", property(lambda self: False))
    assert "Lesson 01 is planned: it has no notebook yet. This is the shop as the lesson will find it." in run(OPEN)
