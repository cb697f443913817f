"""An error says which cell to run where Python's own message does not."""

import errno
import json
from pathlib import Path

import psycopg
import pytest

from migration_lab.shops import workspace
from tests.notebook.conftest import Cell

FIRST = "from migration_lab.notebook import lab\nshop = lab.open('01')"
HELPER = "def bring(name):\n    return shop.read(name)"
PROOF = "assert shop.read('README.md') == 'x'"
FLASK = "%flask db current"


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook with these cells, each code unless it begins with a heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [{"cell_type": "markdown" if each.startswith("#") else "code", "source": each} for each in cells]
    path.write_text(json.dumps({"cells": made}))


@pytest.fixture
def notebook(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook whose first cell is as in a lesson, with a section that makes a name, and one that proves."""
    path = tiny / "notebooks/01_tiny.ipynb"
    write_notebook(path, "# A", FIRST, "## What is it?", FLASK, HELPER, "## Why?", "bring('README.md')", PROOF)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))


def test_a_name_that_an_earlier_cell_makes_is_found(notebook: None, run: Cell, lost: Cell) -> None:
    run(FIRST)
    assert (
        "Run the cell that begins `def bring(name):`, under “What is it?”. It makes `bring`. Then run this cell again."
        in lost("bring('README.md')")
    )
    assert "Run the first code cell of this notebook. It makes `shop`." in lost("del shop\nshop.sql('SELECT 1')")
    assert "It makes" not in lost("nothing_that_a_cell_makes")


def test_an_assert_without_words_says_what_to_run_and_what_was_printed(notebook: None, run: Cell, lost: Cell) -> None:
    run(FIRST)
    run("shop.path('README.md').write_text('y')")
    run(FLASK)
    shown = lost(PROOF)
    assert "Run the cells of “Why?” again, from its first one and in order." in shown
    assert "The last command was `flask db current`, with exit code 0. It printed last:" in shown
    assert "`0001 (head)`" in shown
    assert "Run the cells" not in lost("assert False, 'its own words'")
    assert "Run the cells of this section again" in lost("assert not shop.read('README.md')")  # edited, not saved


def test_an_error_that_says_itself_what_to_do_is_left_alone(notebook: None, run: Cell, lost: Cell) -> None:
    run(FIRST)
    for cell in ("shop.read('nowhere.py')", "1 / 0", "1 +", "%nothing", "%flask db upgrade nowhere"):
        shown = lost(cell)
        assert "Run the" not in shown.replace("Run the cell with", ""), cell


def test_a_notebook_that_cannot_be_read_leaves_the_error_as_it_is(
    run: Cell, lost: Cell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(FIRST)
    for text in ("", "{}", '{"cells": 1}'):
        (tmp_path / "spoiled.ipynb").write_text(text)
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "spoiled.ipynb"))
        assert "callback" not in lost("nothing_that_a_cell_makes")
    assert "Run the cells of this section again" in lost("assert False")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "There is no room left on the disk. Make room"),
        (RuntimeError("can't start new thread"), "The system has reached its limit of threads. Shut down"),
        (psycopg.OperationalError("FATAL: sorry, too many clients already"), "has no free connection. Shut down"),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "Run `shop = lab.resume()`"),
    ],
)
def test_what_the_machine_or_the_server_refuses_to_the_course_is_said_in_a_sentence(
    error: Exception, said: str, notebook: None, lost: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(workspace, "open_lesson", refuse)
    assert said in lost(FIRST)
    assert "Make room" not in lost("raise OSError(28, 'No space left on device')")  # the cell's own
