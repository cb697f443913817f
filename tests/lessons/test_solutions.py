"""The solutions print the stored outputs, and their exercises pass: each check judges them on both engines.

`tests/lessons/test_exercises.py` works through them on the engine that the notebook does not open.

nbval compares a cell only when it has a stored output, and passes silently where there is none. So what it really
compared is counted: with a wrong output planted in every cell that has one, exactly these cells fail.
"""

import json
import os
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migration_lab.ground import course, places
from migration_lab.making import build
from migration_lab.making.notebooks import solution_notebook, without_outputs
from migration_lab.making.solutions import MOMENTS, kernel_environment
from migration_lab.teaching import progress

WITH_EXERCISES = [each for each in course.lessons() if each.is_written and each.manifest.exercises]
CELL_SECONDS = 600
# Many times what the longest takes on a loaded machine: a limit, so that a run that hangs is told.
NBVAL_SECONDS = 1800


@dataclass(frozen=True)
class Compared:
    """What nbval found, by the number of the code cell."""

    passed: frozenset[int]
    failed: frozenset[int]
    output: str


def nbval(notebook: dict[str, Any], name: str, home: Path) -> Compared:
    """Run a notebook in a home of its own and compare what its cells print with what is stored."""
    compared = nbval_once(notebook, name, home)
    if re.search(r"[Kk]ernel (dead|died|didn't respond)", compared.output):
        # About one kernel in 800 dies at its start on a loaded machine: once is bad luck, twice is a fault.
        warnings.warn(f"The kernel of {name} died and was started again.", stacklevel=1)
        compared = nbval_once(notebook, name, home)
    return compared


def nbval_once(notebook: dict[str, Any], name: str, home: Path) -> Compared:
    folder = home / "exercises"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / name).write_text(json.dumps(notebook), encoding="utf-8")
    sanitize = "".join(f"[moment{n}]\nregex: {m.pattern}\nreplace: {always}\n" for n, (m, always) in enumerate(MOMENTS))
    (folder / "sanitize.cfg").write_text(sanitize, encoding="utf-8")
    report = folder / "report.xml"
    report.unlink(missing_ok=True)  # of a run whose kernel died
    command = [sys.executable, "-m", "pytest", "-p", "migration_lab.ground.jupyter.lean", "-p", "nbval.plugin"]
    command += ["--nbval", "--nbval-current-env", "--rootdir=.", "-c", "pytest.ini"]
    command += [f"--nbval-cell-timeout={CELL_SECONDS}", f"--junitxml={report}", "-p", "no:cacheprovider", "-q", name]
    command.append("--nbval-sanitize-with=sanitize.cfg")
    env = {each: value for each, value in os.environ.items() if not each.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=kernel_environment({**env, "LAB_WORK": str(home), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
        capture_output=True,
        text=True,
        timeout=NBVAL_SECONDS,
    )
    output = done.stdout + done.stderr
    assert report.exists(), output
    cases = ET.parse(report).getroot().iter("testcase")
    verdicts = {int(case.attrib["name"].rpartition(" ")[2]): not list(case) for case in cases}
    passed = frozenset(number for number, good in verdicts.items() if good)
    return Compared(passed, frozenset(verdicts) - passed, output)


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def with_outputs(notebook: dict[str, Any]) -> frozenset[int]:
    """The numbers of the code cells that have an output to compare."""
    return frozenset(number for number, cell in enumerate(code_cells(notebook)) if cell["outputs"])


def plant_wrong_outputs(notebook: dict[str, Any]) -> None:
    for cell in code_cells(notebook):
        for output in cell["outputs"][:1]:
            if "text" in output:
                output["text"] = ["wrong\n"]
            else:
                output["data"] = dict.fromkeys(output["data"], "wrong")


def stored(slug: str) -> dict[str, Any]:
    path = places.course_root() / "solutions" / f"{slug}.ipynb"
    assert path.exists(), f"solutions/{slug}.ipynb is not there: run `lab build {slug[:2]}`"
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def test_there_is_a_solution_for_each_lesson_with_exercises() -> None:
    for folder, names in (
        ("exercises", {each.exercises_file for each in WITH_EXERCISES}),
        ("solutions", {f"{each.slug}.ipynb" for each in WITH_EXERCISES}),
    ):
        assert {path.name for path in (places.course_root() / folder).glob("*.ipynb")} == names
    assert WITH_EXERCISES, "no lesson with exercises is written"


@pytest.mark.parametrize("lesson", WITH_EXERCISES, ids=lambda lesson: lesson.slug)
def test_a_solution_prints_what_is_stored_and_passes(lesson: course.Lesson, home: Path) -> None:
    notebook = stored(lesson.slug)
    fresh = solution_notebook(lesson, build.cells_of(lesson)[1])
    assert without_outputs(notebook) == fresh, (
        f"solutions/{lesson.slug}.ipynb has other cells than lessons/{lesson.slug}/exercises.md: "
        f"run `lab build {lesson.number}`"
    )
    compared = nbval(notebook, f"{lesson.slug}.ipynb", home)
    assert not compared.failed, compared.output
    assert compared.passed == frozenset(range(len(code_cells(notebook))))
    assert with_outputs(notebook), "nothing was compared"
    for exercise in lesson.manifest.exercises:
        in_exercise = [cell for cell in code_cells(notebook) if cell["metadata"].get("exercise") == exercise]
        assert any(cell["outputs"] for cell in in_exercise), f"nothing of exercise {exercise} was compared"
        assert progress.load().exercise(exercise).passed, f"exercise {exercise} was not passed"


def test_a_wrong_output_planted_in_each_cell_is_found_in_each(home: Path) -> None:
    """Every cell of the smallest solution that has an output is really compared."""
    smallest = min((each.slug for each in WITH_EXERCISES), key=lambda slug: len(code_cells(stored(slug))))
    notebook = stored(smallest)
    plant_wrong_outputs(notebook)
    compared = nbval(notebook, f"{smallest}.ipynb", home)
    assert compared.failed == with_outputs(notebook), compared.output
