"""The tests of a shop: which there are, which of them passed while a script ran, and what pytest said in the end."""

import ast
import re
from pathlib import Path

from migration_lab.shops.script import Ran
from migration_lab.teaching.judging.words import text_of

NOTES = "tests_that_passed.txt"
NOTES_THEM = f"""

def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        with open("{NOTES}", "a", encoding="utf-8") as notes:
            notes.write(report.nodeid.partition("[")[0] + "\\n")
"""


def tests_in(folder: Path) -> dict[str, str]:
    """The tests in the folder `tests` of a shop as pytest names them, with what they say; comments do not count."""
    return {
        f"tests/{file.name}::{each.name}": ast.dump(each)
        for file in sorted((folder / "tests").glob("test_*.py"))
        for each in ast.parse(text_of(file)).body
        if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")
    }


def note_those_that_pass(folder: Path) -> None:
    """From now on, each test of a shop that passes leaves a note, for `those_that_passed`."""
    with (folder / "tests/conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(NOTES_THEM)


def those_that_passed(folder: Path) -> set[str]:
    """The tests that have passed since `note_those_that_pass`, as pytest names them."""
    notes = folder / NOTES
    return set(text_of(notes).splitlines()) if notes.exists() else set()


def summary(ran: Ran) -> str:
    """The last line that pytest printed, without its seconds, and the first reason for a failure."""
    lines = [line.strip("= ") for line in ran.output.strip().splitlines()]
    reasons = [line for line in lines if line.startswith("E ")]
    last = re.sub(r" in [\d.]+s.*", "", lines[-1]) if lines else "pytest printed nothing"
    return f"{last}." + (f" {reasons[0][1:].strip()[:200]}" if reasons else "")
