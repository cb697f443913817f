"""A notebook as an HTML page, as `jupyter nbconvert` and JupyterLab's *Export as HTML* make it here."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbconvert import get_exporter
from traitlets.config import Config

from migration_lab.ground import places
from migration_lab.ground.html import button, card, table
from migration_lab.ground.jupyter.exporting import clean_html

SHARED = places.course_root() / "jupyter"
OUTPUTS = {
    "table": table("Two rows, `a` and b", ("name", "value"), [("a", 1), ("b", "<i>")]),
    "note": card(button("docmanager:open", {}, "Open")),
    "fold": "<details><summary>More</summary><pre>all of it</pre></details>",
    "picture": '<svg class="lab-timeline" viewBox="0 0 9 9" role="img" aria-label="A picture"><path d="M0,0h9"/></svg>',
    "foreign": "<style>td { color: red }</style><p onclick='act()'>words</p><script>act()</script>",
}


def page(exporter: str, *, sanitize: bool) -> str:
    """A notebook with these outputs, exported with what the environment has in `etc/jupyter`."""
    outputs = [nbformat.v4.new_output("display_data", {"text/html": html}) for html in OUTPUTS.values()]
    cells = [nbformat.v4.new_markdown_cell("# A title\n\nProse."), nbformat.v4.new_code_cell("1", outputs=outputs)]
    config = Config(json.loads(Path(sys.prefix, "etc/jupyter/jupyter_config.json").read_text(encoding="utf-8")))
    made = get_exporter(exporter)(config=config, sanitize_html=sanitize)  # type: ignore[no-untyped-call]
    return str(made.from_notebook_node(nbformat.v4.new_notebook(cells=cells))[0])


@pytest.mark.parametrize("sanitize", [True, False], ids=["sanitized", "as it is"])
def test_a_page_keeps_tables_folds_and_pictures_and_prints_no_tags(sanitize: bool) -> None:
    exported = page("html", sanitize=sanitize)
    for kept in (
        '<th scope="col">name</th>',
        "<caption>Two rows, <code>a</code> and b</caption>",
        "<details><summary>More</summary>",
        'viewbox="0 0 9 9"',  # so written by nbconvert; a browser reads it as `viewBox`
        'aria-label="A picture"',
        "<p>Prose.</p>",
        "&lt;i&gt;",
    ):
        assert kept in exported
    assert not re.findall(r"&lt;/?(?:p|h1|table|th|details|svg|style|button)\b", exported)
    assert (SHARED / "labextension/static/lab.css").read_text(encoding="utf-8") in exported


def test_a_sanitized_page_has_nothing_of_a_script_or_style_and_nothing_that_acts() -> None:
    exported = page("html", sanitize=True)
    assert "<p>words</p>" in exported
    assert "act()" not in exported
    assert "td { color: red }" not in exported
    assert "javascript" not in clean_html('<a href="javascript:act()">a</a><a href="data:text/html,x">b</a>')


def test_slides_are_still_slides() -> None:
    assert "Reveal.initialize" in page("slides", sanitize=True)


def test_no_output_brings_a_style_of_its_own() -> None:
    """Stored solutions would change whenever a style does, and exported pages would print it."""
    sources = (places.course_root() / "migration_lab").rglob("*.py")
    assert [path.name for path in sources if "<style" in path.read_text(encoding="utf-8")] == []


def test_what_the_environment_has_is_what_the_course_ships() -> None:
    for name, place in {
        "labextension": "share/jupyter/labextensions/migration-lab",
        "nbconvert": "share/jupyter/nbconvert/templates/migration-lab",
    }.items():
        for path in (each for each in (SHARED / name).rglob("*") if each.is_file()):
            installed = Path(sys.prefix, place, path.relative_to(SHARED / name))
            assert installed.read_bytes() == path.read_bytes(), "run `python run.py test` to install it again"
