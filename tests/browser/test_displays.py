"""What the lab shows, in a real browser: it can be read, heard, printed and exported.

One JupyterLab serves all of these tests, and one notebook has all that the lab shows. `conftest.py` looks after each of
them whether the console has an error or a request has left this machine.
"""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, expect

from migration_lab.making.cells import FAILS
from migration_lab.teaching import quiz
from tests.browser.lab_page import LabPage, write_notebook

pytestmark = pytest.mark.browser

LESSON = "notebooks/02_first_migration.ipynb"
DISPLAYS = "notebooks/displays.ipynb"
# The lines of a text as the browser breaks them.
BROKEN_LINES = """pre => {
    const text = pre.firstChild, range = document.createRange(), lines = [];
    let last = null;
    for (let at = 0; at < text.length; at++) {
        range.setStart(text, at); range.setEnd(text, at + 1);
        const top = Math.round(range.getBoundingClientRect().top);
        if (top !== last) { lines.push(""); last = top; }
        lines[lines.length - 1] += text.data[at];
    }
    return lines;
}"""
TALL = "import sqlalchemy\nsqlalchemy.create_engine('sqlite://').connect().exec_driver_sql('SELECT 1 FROM nothing')"
FAILING = ("%flask db revision --no-such-option", "%flask db upgrade 9999", TALL)
# All that the lab shows, in the states that a learner sees: questions of every kind, answered wrong and right.
DISPLAY_CELLS = (
    "from migration_lab.notebook import lab, quiz_widget",
    'shop = lab.open("02", scene="after_the_lesson")',
    "shop.revisions()",
    "shop.schema()",
    'shop.sql("SELECT * FROM users")',
    'shop.execute("ALTER TABLE users ADD COLUMN nickname VARCHAR(20)")',
    "shop.changes()",
    'shop.edit("shop/models/user.py")',
    'shop.read("shop/models/user.py")',
    *FAILING,
    'reads, writes = "SELECT * FROM users WHERE id = :id", "UPDATE users SET email = email WHERE id = :id"',
    'with shop.sql_traffic("a title with <b>", reads=reads, writes=writes) as seen:\n'
    "    seen.wait_for(10)\n"
    "    %flask db history\n"
    '    seen.phase("after it")',
    "lab.side_by_side(seen, seen)",
    "seen.locks",
    'shop.storage("users")',
    'shop.storage("users").since(shop.storage("users"))',
    'lab.explain("Target database is not up to date.")',
    'lab.explain("nothing that anybody knows")',
    "lab.contents()",
    'lab.exercise("02.1")',
    'lab.check("02.1")',
    *['lab.hint("02.1")'] * 3,
    "def answered(question, answer):\n"
    "    widget = quiz_widget.show(question)\n"
    "    widget.form.answer = answer\n"
    "    widget.check.click()\n"
    "    return widget",
    'answered("02-which-witness", "`flask db history`")',
    'answered("02-message-for-the-history", "`add users last_login_at`")',
    'answered("02-what-init-touches", ["There is a first revision file."])',
    'lab.compare("02-what-init-touches")',
    'answered("02-review-0002", [2, 4])',
    'answered("02-tables-after-upgrade", "2")',
    'answered("02-what-alembic-remembers", "versions")',
    'answered("02-order-of-the-loop", quiz_widget.quiz.find("02-order-of-the-loop").shown)',
    "lab.progress()",
)


@pytest.fixture(scope="module")
def displays(window: LabPage, my_work: Path) -> str:
    """A notebook with one cell for each thing that the lab shows, all of them run."""
    tags = {source: {"tags": [FAILS]} if source in FAILING else {} for source in DISPLAY_CELLS}
    cells = [nbformat.v4.new_code_cell(source, metadata=tags[source]) for source in DISPLAY_CELLS]
    write_notebook(my_work / DISPLAYS, cells)
    window.open(DISPLAYS)
    window.run_all()
    assert window.failed() == []
    return DISPLAYS


def test_a_screen_reader_hears_the_question_as_the_name_of_its_options(window: LabPage, displays: str) -> None:
    window.open(displays)
    window.select('answered("02-which-witness"').scroll_into_view_if_needed()
    session = window.page.context.new_cdp_session(window.page)
    nodes = {each["nodeId"]: each for each in session.send("Accessibility.getFullAXTree")["nodes"]}
    session.detach()

    def name(node: dict[str, Any]) -> str:
        return str(node.get("name", {}).get("value", ""))

    def below(node: dict[str, Any], role: str) -> list[str]:
        children = [nodes[each] for each in node.get("childIds", ()) if each in nodes]
        own = [name(each) for each in children if each.get("role", {}).get("value") == role]
        return own + [found for each in children for found in below(each, role)]

    groups = [each for each in nodes.values() if each.get("role", {}).get("value") == "radiogroup"]
    (witness,) = [each for each in groups if "flask db history" in below(each, "radio")]
    prompt = quiz.find("02-which-witness").prompt
    assert " ".join(name(witness).split()) == " ".join(prompt.replace("`", "").split())
    assert all(below(witness, "radio"))
    radios = window.page.locator(".jp-Notebook:visible .lab-quiz input[type=radio]")
    names = radios.evaluate_all("radios => radios.map(each => each.name)")
    assert all(names)
    assert len(set(names)) == len(groups)


def test_a_large_table_is_scrolled_by_arrow_keys(window: LabPage, displays: str) -> None:
    """The course's settings leave these keys to the outputs; JupyterLab goes from cell to cell with them."""
    window.open(displays)
    window.run("from migration_lab")
    table = "lab.table([f'column_{n}' for n in range(40)], [range(40)] * 30)"
    window.insert_after("from migration_lab", table)
    output = window.run(table)
    window.command("notebook:enable-output-scrolling")
    region = output.get_by_role("group", name="30 rows")
    for key, box, side in (("ArrowRight", region, "scrollLeft"), ("ArrowDown", output, "scrollTop")):
        region.focus()
        before = box.evaluate(f"box => box.{side}")
        window.page.keyboard.press(key)
        expect(box).not_to_have_js_property(side, before)
        expect(region).to_be_focused()


def test_a_button_opens_a_file_beside_the_notebook(window: LabPage, displays: str, my_work: Path) -> None:
    window.open(displays)
    window.run('shop = lab.open("02", scene="after_the_lesson")')
    button = window.run('shop.edit("shop/models/user.py")').get_by_role("button")
    button.click()
    editor = window.page.locator(".jp-FileEditor:visible")
    expect(editor).to_contain_text("A person, known by an email address.")
    expect(window.page.locator(".jp-Notebook:visible")).to_have_count(1)
    editor.locator(".cm-content").click()
    window.page.keyboard.press("ControlOrMeta+Home")
    window.page.keyboard.insert_text("# edited\n")
    window.command("docmanager:save")
    assert (my_work / "shops/02_first_migration-after_the_lesson-sqlite/shop/models/user.py").read_text()[
        :8
    ] == "# edited"
    window.command("application:close")


def test_revisions_are_a_picture_with_words_for_those_who_do_not_see_it(window: LabPage, displays: str) -> None:
    window.open(displays)
    graph = window.select("shop.revisions()").locator(".jp-RenderedMermaid")
    expect(graph.locator("img")).to_have_attribute("alt", "The history of revisions")
    expect(graph.locator("figcaption")).to_contain_text("2 revisions, heads 0002. database is at 0002")
    size = graph.locator("img").evaluate("async image => (await image.decode(), image.naturalHeight)")
    assert size > 100


def test_a_timeline_is_a_picture_with_a_name_and_a_table_of_its_numbers(window: LabPage, displays: str) -> None:
    window.open(displays)
    output = window.select("lab.side_by_side").locator(".jp-OutputArea").first
    expect(output.get_by_role("img", name="Timeline of requests")).to_be_visible()
    expect(output.get_by_role("cell", name="a title with <b>").first).to_be_visible()
    for heading in ("run", "failed"):
        expect(output.get_by_role("columnheader", name=heading, exact=True)).to_be_visible()
    output.get_by_text("What happened when").click()
    expect(output.get_by_text("flask db history took").first).to_be_visible()


def test_a_tall_traceback_folds_and_opens(window: LabPage, displays: str) -> None:
    window.open(displays)
    output = window.select(TALL).locator(".jp-OutputArea").first
    expect(output).to_contain_text("Cell In[")
    expect(output.locator("[style*=color], [class*=ansi]")).to_have_count(0)  # no colour of a terminal fits both themes
    folded = output.get_by_text("in Connection.exec_driver_sql(").last
    expect(folded).to_be_hidden()
    output.get_by_text("The whole traceback").click()
    expect(folded).to_be_visible()


def test_what_is_printed_breaks_between_words(window: LabPage, displays: str) -> None:
    window.open(displays)
    window.run("from migration_lab")
    window.insert_after("from migration_lab", "print('words and ' * 80 + 'x' * 400)")
    printed = window.run("print('words and").locator("pre")
    lines = printed.evaluate(BROKEN_LINES)
    assert len(lines) > 4
    assert all(each.endswith(" ") for each in lines if "x" not in each)
    assert printed.evaluate("pre => pre.scrollWidth <= pre.clientWidth")


def test_code_is_not_cut_off_where_the_window_is_narrow(window: LabPage, displays: str) -> None:
    window.open(displays)
    usual = window.page.viewport_size
    assert usual
    window.page.set_viewport_size({"width": 900, "height": 900})
    code = window.select('answered("02-order-of-the-loop"').locator(".cm-scroller").first
    expect(code).to_contain_text("02-order-of-the-loop")
    assert code.evaluate("code => code.scrollWidth <= code.clientWidth")
    window.page.set_viewport_size(usual)


def test_links_in_the_text_differ_by_more_than_their_colour(window: LabPage) -> None:
    window.open(LESSON)
    text = {"include": [[".jp-MarkdownOutput"]]}
    options = {"resultTypes": ["violations", "passes"], "runOnly": ["link-in-text-block"]}
    with window.tall():
        found = Axe().run(window.page, text, options).response
    assert found["violations"] == []
    assert found["passes"]


def test_export_as_html_with_its_defaults_keeps_what_is_shown(
    window: LabPage, displays: str, browser: Browser, tmp_path: Path
) -> None:
    window.open(displays)
    window.command("docmanager:save")
    get = "path => fetch(`/nbconvert/html/${path}?download=true&sanitize_html=true`).then(answer => answer.text())"
    exported = tmp_path / "page.html"
    exported.write_text(window.page.evaluate(get, displays), encoding="utf-8")
    with browser.new_context(java_script_enabled=False, offline=True) as context:
        page = context.new_page()
        page.goto(exported.as_uri(), wait_until="domcontentloaded")
        assert not re.findall(r"</?(?:p|h1|table|th|td|details|svg|style|section|button)\b", page.inner_text("main"))
        expect(page.get_by_role("img", name="Timeline of requests").first).to_be_visible()
        expect(page.get_by_role("columnheader", name="failed").first).to_be_visible()
        expect(page.locator("details").first).to_be_visible()
        expect(page.locator(".lab-verdict.lab-missed")).not_to_have_css("border-left-width", "0px")
        expect(page.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_outputs_have_no_serious_fault_of_accessibility(window: LabPage, displays: str, theme: str) -> None:
    window.open(displays)
    options: dict[str, Any] = {"resultTypes": ["violations", "passes"]}
    if theme == "dark":  # only the colours differ
        options["runOnly"] = ["color-contrast"]
    with window.tall(), window.theme(theme):
        # The prompts are JupyterLab's, which fades them where a cell is not the active one.
        outputs = {"include": [[".jp-OutputArea"]], "exclude": [[".jp-OutputArea-prompt"]]}
        found = Axe().run(window.page, outputs, options).response
    faults = [
        (fault["id"], fault["impact"], [node["html"] for node in fault["nodes"]])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert faults == [], json.dumps(faults, indent=1)
    looked_at = {rule["id"]: len(rule["nodes"]) for rule in found["passes"]}
    assert theme == "dark" or looked_at["label"] > 20
    assert looked_at["color-contrast"] > 100
