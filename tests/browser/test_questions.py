"""A question in a notebook, as a learner answers it: keys and clicks in JupyterLab, in a real browser."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage, write_notebook

pytestmark = pytest.mark.browser

LESSON = "notebooks/02_first_migration.ipynb"


def test_a_question_is_answered_by_keyboard_alone(window: LabPage) -> None:
    window.open(LESSON)
    window.run("import shutil")
    question = window.run('lab.quiz("02-which-witness")')
    press = window.page.keyboard.press

    tab_to(window, question.locator("input[type=radio]").first)
    press("Space")
    press("ArrowDown")
    expect(question.get_by_label("flask db history")).to_be_checked()
    tab_to(window, question.get_by_role("button", name="Check"))
    press("Enter")
    said = question.get_by_role("status")
    expect(said).to_contain_text("It reads your files. Nobody touched those.")

    tab_to(window, question.get_by_label("flask db history"), "Shift+Tab")
    press("ArrowDown")
    expect(question.get_by_label("flask db check")).to_be_checked()
    tab_to(window, question.get_by_role("button", name="Check"))
    press("Space")
    expect(said).to_contain_text("It compares the real tables with your models.")


def test_enter_judges_all_that_was_typed(window: LabPage, my_work: Path, tmp_path: Path) -> None:
    window.open(LESSON)
    window.run("import shutil")
    question = window.run('lab.quiz("02-tables-after-upgrade")')
    field, twin = question.get_by_label("Your answer"), question.locator(".lab-quiz-twin")
    for typed in ("12543", "13543", "14543"):
        with busy_kernel(window, tmp_path / typed):
            field.fill("")
            field.type(typed)
            field.press("Enter")
        expect(twin).to_contain_text(typed)
    stored = json.loads((my_work / "progress.json").read_text(encoding="utf-8"))["quiz"]["02-tables-after-upgrade"]
    assert stored["attempts"] == 3


def test_a_choice_counts_that_was_changed_just_before_the_click(window: LabPage, tmp_path: Path) -> None:
    """However late the browser hears that the kernel has handled the first choice, and sends the second."""
    window.open(LESSON)
    window.run("import shutil")
    question = window.run('lab.quiz("02-which-witness")')
    with busy_kernel(window, tmp_path / "go"):
        question.get_by_label("flask db current").check()
        question.get_by_label("flask db history").check()
        question.get_by_role("button", name="Check").click()
    window.page.evaluate("() => { const end = Date.now() + 2000; while (Date.now() < end); }")
    expect(question.get_by_role("status")).to_contain_text("It reads your files. Nobody touched those.")
    expect(question.get_by_role("status")).not_to_contain_text("flask db current")


@contextmanager
def busy_kernel(window: LabPage, flag: Path) -> Iterator[None]:
    """Meanwhile the browser keeps back what is typed and chosen, but not that a button or Enter was pressed."""
    execute = "code => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code}) }"
    wait = f"while not pathlib.Path({str(flag)!r}).exists(): time.sleep(0.05)"
    window.page.evaluate(execute, f"import pathlib, time\n{wait}\ntime.sleep(0.2)")
    yield
    flag.touch()


def test_the_focus_goes_to_the_answer_when_its_button_goes(window: LabPage) -> None:
    window.open(LESSON)
    window.run("import shutil")
    question = window.run('lab.quiz("02-what-alembic-remembers")')
    question.get_by_label("Your answer").fill("no such thing")
    question.get_by_role("button", name="Check").click()
    button = question.get_by_role("button", name="Show the answer")
    button.click()
    expect(button).to_be_hidden()
    window.page.wait_for_function("() => document.activeElement.classList.contains('lab-quiz-said')")


def test_a_question_outlives_its_kernel(window: LabPage, my_work: Path) -> None:
    path = "notebooks/outlives.ipynb"
    write_notebook(my_work / path, ("from migration_lab.notebook import lab", 'lab.quiz("02-which-witness")'))
    window.open(path)
    window.run("from migration_lab")
    output = window.run("lab.quiz")
    twin, radio = output.locator(".lab-quiz-twin"), output.locator("input[type=radio]").first
    expect(radio).to_be_visible()
    expect(twin).to_be_hidden()
    output.get_by_label("flask db history").check()
    output.get_by_role("button", name="Check").click()
    expect(twin).to_contain_text("It reads your files. Nobody touched those.")

    def is_readable() -> None:
        expect(twin).to_be_visible()
        for words in ("You answered: flask db history", "Run this cell to answer."):
            expect(twin).to_contain_text(words)
        expect(radio).to_be_hidden()
        expect(output.get_by_text("Error displaying widget")).to_be_hidden()
        expect(output.locator(".jupyter-widgets-disconnected:visible")).to_have_count(0)

    window.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    is_readable()
    window.command("docmanager:save")
    window.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    window.command("application:close")
    window.open(path)
    output = window.select("lab.quiz").locator(".jp-OutputArea").first
    twin, radio = output.locator(".lab-quiz-twin"), output.locator("input[type=radio]")
    expect(output.get_by_text("Error displaying widget")).to_have_count(1)  # what JupyterLab says, and nobody sees
    is_readable()
    # JupyterLab complains of the dead model, and of its own questions to the kernel that the restart cut short.
    known = ("widget model not found", "Canceled future")
    window.complaints[:] = [each for each in window.complaints if not any(words in each for words in known)]


def test_an_answer_appears_when_its_prediction_has_been_compared(window: LabPage, my_work: Path) -> None:
    """Also for those who only read: the button beside the comparison shows it at once."""
    cells: list[Any] = ["from migration_lab.notebook import lab"]
    for number in (1, 2):
        cells += [
            'lab.compare("02-tables-after-upgrade")',
            nbformat.v4.new_markdown_cell(f"Answer {number}."),
            f"proof = {number}",
            nbformat.v4.new_markdown_cell(f"## Section {number + 1}"),
        ]
    write_notebook(my_work / "answers.ipynb", cells)
    window.open("answers.ipynb")
    shown = window.page.locator(".jp-Notebook:visible")
    buttons = shown.get_by_role("button", name="Show it now")
    expect(buttons).to_have_count(2)
    expect(shown.get_by_role("heading", name="Section 3")).to_be_visible()
    expect(shown.locator("p", has_text="Answer 1.")).to_be_hidden()
    expect(shown.locator(".jp-CodeCell", has_text="proof = 1")).to_be_hidden()
    faults = Axe().run(window.page, ".lab-answer-waits", {"resultTypes": ["violations", "passes"]}).response
    assert faults["passes"]
    assert faults["violations"] == []
    window.run("from migration_lab")
    window.run("lab.compare")
    expect(shown.locator("p", has_text="Answer 1.")).to_be_visible()
    expect(shown.locator(".jp-CodeCell", has_text="proof = 1")).to_be_visible()
    expect(shown.locator("p", has_text="Answer 2.")).to_be_hidden()
    buttons.press("Enter")
    expect(shown.locator("p", has_text="Answer 2.")).to_be_visible()
    expect(buttons).to_have_count(0)
    window.command("docmanager:save")
    window.command("application:close")


def tab_to(window: LabPage, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the focus is there; a person would give up after so many, and not begin before it is shown."""
    expect(target).to_be_visible()
    for _ in range(15):
        window.page.keyboard.press(key)
        if target.evaluate("node => node === document.activeElement"):
            return
    there = window.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"15 times {key} did not lead to {target}; the focus is at {there}")
