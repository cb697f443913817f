"""The course as a learner works in it: notebooks in JupyterLab, in a real browser.

One JupyterLab serves all of these tests. Each opens what it needs and leaves the rest alone, so that they may run in
any order; `conftest.py` looks after each of them whether the console has an error or a request has left this machine.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, Route, expect

from migration_lab.making.cells import FAILS
from tests.browser.lab_page import IS_STARTING, LIMIT, LabPage, write_notebook

pytestmark = pytest.mark.browser

LESSON = "notebooks/02_first_migration.ipynb"
EXERCISES = "exercises/02_exercises.ipynb"
USER = '''\
%%writefile shop/models/user.py
"""Who may order."""

from datetime import datetime

from sqlalchemy import DateTime, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.extensions import db
from shop.models.order import Order


class User(db.Model):
    """A person, known by an email address."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    last_login_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    display_name: Mapped[str | None] = mapped_column(String(LENGTH))

    orders: Mapped[list[Order]] = relationship(back_populates="user")
'''
MIGRATE = '%flask db migrate --rev-id 0003 -m "add users display_name"'
UPGRADE = "%flask db upgrade"


def test_the_command_of_the_readme_opens_the_contents_and_they_lead_on(window: LabPage) -> None:
    """What is next can be seen before a cell has run; links lead to lessons, and to exercises and back."""
    window.open("notebooks/contents.ipynb")
    here = window.page.locator(".jp-Notebook:visible")
    expect(here.locator("h1")).to_contain_text("Contents")
    expect(here.get_by_text("exercises passed")).to_be_visible()
    expect(window.page.locator(".jp-Dialog, .Toastify__toast")).to_have_count(0)
    here.get_by_role("link", name="02.1 An optional display name").click()
    window.wait_until_ready(EXERCISES)
    window.page.locator(".jp-Notebook:visible").get_by_role("link", name="03 Review what autogenerate wrote").click()
    window.wait_until_ready("notebooks/03_review_autogenerate.ipynb")
    window.page.locator(".jp-Notebook:visible").get_by_role("link", name="Contents").first.click()
    window.wait_until_ready("notebooks/contents.ipynb")


def test_every_cell_of_lesson_02_runs(window: LabPage) -> None:
    window.open(LESSON)
    window.run_all()
    cells = window.cells()
    assert len(cells) > 60
    assert window.failed() == []
    said = [each["evalue"] for cell in cells if FAILS in cell["tags"] for each in cell["outputs"] if "evalue" in each]
    assert said
    assert all("This cell is meant to fail" in each for each in said)


def test_an_exercise_done_wrong_and_then_right(window: LabPage) -> None:
    window.open(EXERCISES)
    window.run("from migration_lab")
    window.run('shop = lab.exercise("02.1")')
    window.type_into("# Your turn: change the model", USER.replace("LENGTH", "40"))
    window.insert_after("%%writefile", UPGRADE)
    window.insert_after("%%writefile", MIGRATE)
    for cell in ("%%writefile", MIGRATE, UPGRADE):
        window.run(cell)

    wrong = window.run('lab.check("02.1")')
    for words in (
        "Not there yet on SQLite and PostgreSQL.",
        "What was expected\nusers.display_name: text of up to 80 characters, may be null, without a default.",
        "What is there instead\nusers.display_name is VARCHAR(40)",
        "Next step\nChange the model as the ticket asks, and make the revision again.",
    ):
        expect(wrong.locator(".lab-missed")).to_contain_text(words, use_inner_text=True)

    goes_on = window.run('shop = lab.exercise("02.1")')
    expect(goes_on).to_contain_text("You go on with the work that is in it.")
    window.insert_after('shop = lab.exercise("02.1")', 'shop = lab.reset("02.1")')
    again = window.run('shop = lab.reset("02.1")')
    expect(again).to_contain_text("Your earlier work is kept in shops/kept/exercise-02.1-sqlite")
    window.type_into("%%writefile", USER.replace("LENGTH", "80"))
    for cell in ("%%writefile", MIGRATE, UPGRADE):
        window.run(cell)
    right = window.run('lab.check("02.1")')
    expect(right.locator(".lab-passed")).to_contain_text("Passed on SQLite and PostgreSQL.")
    expect(right.locator(".lab-missed")).to_have_count(0)


@pytest.fixture
def files(window: LabPage, my_work: Path) -> LabPage:
    """A notebook with a shop and buttons that open its files, in front."""
    sources = (
        'from migration_lab.notebook import lab\nshop = lab.open("02")',
        'shop.edit(".flaskenv")',
        'shop.edit("README.md")',
        'shop.path("README.md").unlink()',
        "shop.files()",
    )
    write_notebook(my_work / "files.ipynb", sources)
    window.open("files.ipynb")
    window.run("from migration_lab")
    return window


def test_a_hidden_file_opens_and_changes_that_are_not_saved_are_said(files: LabPage, my_work: Path) -> None:
    output = files.run('shop.edit(".flaskenv")')
    expect(output).to_contain_text("Save it with Ctrl+S")
    output.get_by_role("button").click()
    editor, notes = files.page.locator(".jp-FileEditor:visible"), files.page.locator(".Toastify")
    expect(editor).to_contain_text("FLASK_APP=")
    files.open("files.ipynb")
    files.run("shop.files()")
    expect(files.page.get_by_text("Not saved")).to_have_count(0)
    editor.locator(".cm-content").click()
    files.page.keyboard.press("ControlOrMeta+Home")
    files.page.keyboard.insert_text("# mine\n")
    files.open("files.ipynb")
    files.run("shop.files()")
    expect(notes).to_contain_text("Not saved, so the cell does not see your changes: .flaskenv. Save with Ctrl+S.")
    editor.locator(".cm-content").click()
    files.command("docmanager:save")
    # Another notebook may have the first shop of lesson 02, so this one is its second.
    written = [path.read_text() for path in (my_work / "shops").glob("02_first_migration-sqlite*/.flaskenv")]
    assert any(each.startswith("# mine") for each in written)
    files.command("application:close")
    files.command("filebrowser:go-to-path", path="/")
    expect(files.page.locator(".jp-DirListing")).to_contain_text("exercises")
    expect(files.page.locator(".jp-DirListing")).not_to_contain_text(".progress")


def test_a_button_whose_file_is_gone_says_so(files: LabPage) -> None:
    files.run('shop.edit("README.md")')
    files.run("shop.path(")
    files.select('shop.edit("README.md")').get_by_role("button", name="Open README.md").click()
    expect(files.page.locator(".Toastify")).to_contain_text("README.md cannot be opened: it is not there.")
    files.complaints[:] = [each for each in files.complaints if "404 (Not Found)" not in each]


def test_a_cell_that_takes_long_says_so_while_it_runs(window: LabPage, my_work: Path, tmp_path: Path) -> None:
    path, flag = "notebooks/long.ipynb", tmp_path / "flag"
    slow = f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.05)"
    write_notebook(my_work / path, ("from migration_lab.notebook import lab", slow))
    window.open(path)
    window.run("from migration_lab")
    output = window.select("import pathlib").locator(".jp-OutputArea").first
    window.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell') }")
    expect(output).to_contain_text(re.compile(r"Running for \d+ s\."))
    flag.touch()
    expect(output).not_to_contain_text("Running")
    expect(window.select("import pathlib").locator(".jp-Cell-outputWrapper")).to_be_hidden()
    window.command("docmanager:save")


def test_what_is_run_before_the_kernel_is_there_runs_when_it_is(window: LabPage, my_work: Path) -> None:
    path = "notebooks/early.ipynb"
    cells = [f"print('cell', {number})" for number in (1, 2)]
    write_notebook(my_work / path, cells)
    starts: list[Route] = []
    may_start = False

    def hold(route: Route) -> None:
        if route.request.method == "POST" and not may_start:
            starts.append(route)
        else:
            route.fallback()

    window.page.route("**/api/sessions?*", hold)
    window.command("docmanager:open", path=path)
    window.page.wait_for_function("path => window.jupyterapp.shell.currentWidget?.context?.path === path", arg=path)
    shown = window.page.locator(".jp-Notebook:visible")
    expect(shown.locator(".jp-CodeCell")).to_have_count(2)
    window.page.wait_for_function(IS_STARTING)
    window.select("print('cell', 1")
    for _ in cells:
        window.page.keyboard.press("Shift+Enter")
    expect(shown.get_by_text("[*]:")).to_have_count(2)
    may_start = True
    for each in starts:
        each.continue_()
    window.page.unroute("**/api/sessions?*", hold)
    expect(shown.locator(".jp-OutputArea-output")).to_have_text(["cell 1", "cell 2"])
    window.command("docmanager:save")


def test_the_watch_sees_an_error_in_the_console_and_a_request_that_leaves(window: LabPage) -> None:
    with pytest.raises(Error, match="Failed to fetch"):
        window.page.evaluate("fetch('https://example.com/font.woff')")
    window.page.evaluate("setTimeout(() => { throw Error('planted') })")
    window.page.wait_for_timeout(0)
    window.page.evaluate("console.error('planted too')")
    with window.page.expect_event("console", predicate=lambda message: message.text == "last", timeout=LIMIT):
        window.page.evaluate("setTimeout(() => console.log('last'), 50)")
    assert window.strays == ["https://example.com/font.woff"]
    assert any("planted too" in each for each in window.complaints)
    assert any("planted" in each for each in window.complaints)
    window.strays.clear()
    window.complaints.clear()
