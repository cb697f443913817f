"""Every lesson runs on each of its engines: alone in a fresh home, and again in the same one.

Alone, a lesson runs from top to bottom on the engine that it names first. Then it runs in the same home on the one that
it names last, which is Postgres, by a reader who runs each section twice.

A lesson whose cells name an engine each time runs the same cells on both. The whole suite leaves its first run to
`lab prove` and `--thorough`: each of its cells runs in the second.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from migration_lab.ground import course, places
from migration_lab.making import build
from migration_lab.making.solutions import executed
from tests.lessons.conftest import is_proof, is_thorough
from tests.lessons.ends import assert_it_ends_where_the_next_begins
from tests.lessons.provoked import assert_its_failures_are_provoked

HANGING = '''\
%%writefile migrations/versions/0009_hanging.py
"""hang"""

import time

revision = "0009"
down_revision = "0002"


def upgrade():
    time.sleep(600)
'''
PAUSED = (
    'from threading import Thread\nfrom migration_lab.notebook import lab\nshop = lab.open("03", engine="sqlite")',
    "import time\nfrom migration_lab.shops.flask_command import COMMAND_SECONDS\nbegun = time.monotonic()",
    HANGING,
    'limited = Thread(target=shop.flask, args=("db upgrade",))\nlimited.start()',
    "limited.join(30)\nassert not limited.is_alive()",
    'assert time.monotonic() - begun < COMMAND_SECONDS, "the pauses were real, and the clock was not ahead"',
    'meant = shop.start("db upgrade")',
    "assert meant.is_running",
    "meant.stop()\nassert not meant.is_running",
)
LESSONS = [each for each in course.lessons() if each.is_written]


def test_there_is_a_notebook_for_each_lesson_that_is_written() -> None:
    found = {path.stem for path in (places.course_root() / "notebooks").glob("*.ipynb")}
    assert found == {each.slug for each in LESSONS} | {each.name for each in course.tracks()} | {"contents"}
    assert found, "no lesson is written"


def test_the_lessons_open_in_reverse_order(home: Path) -> None:
    """No lesson stumbles over what a later one has left in the same home; all its cells run when it runs alone.

    One kernel opens them all, as a kernel of its own for each takes ten times as long.
    """
    starts = [cell for lesson in reversed(LESSONS) for cell in build.cells_of(lesson)[0] if "start" in cell.tags]
    assert len(starts) >= len(LESSONS)
    executed(notebook_of([each.source for each in starts]), title="notebooks/starts.ipynb", home=home)
    opened = {path.name[:2] for path in (home / "shops").glob("[0-9]*")}
    assert opened == {lesson.number for lesson in LESSONS}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_lesson_runs_alone_and_again(
    lesson: course.Lesson, run_notebook: Any, home: Path, pytestconfig: pytest.Config
) -> None:
    """In the second run each section runs twice: it finds things as they were, and breaks nothing after it."""
    first = lesson.manifest.engines[0]
    assert lesson.manifest.engines[-1] == "postgres"
    if is_thorough(pytestconfig) or not names_its_engines(lesson):
        assert_it_proves_what_it_says(lesson, run_notebook(lesson, home, first))
        assert_it_ends_where_the_next_begins(lesson, home, first)
    assert_it_proves_what_it_says(lesson, run_notebook(lesson, home, "postgres", twice=True))
    for name in {first, "postgres"}:
        assert_it_ends_where_the_next_begins(lesson, home, name)


def names_its_engines(lesson: course.Lesson) -> bool:
    """Whether each cell that opens a shop says on which engine, so that the usual one makes no difference."""
    opens = re.findall(r"lab\.open\(.*?\)", "\n".join(each.source for each in build.cells_of(lesson)[0]), re.DOTALL)
    assert opens, f"{lesson.slug} opens no shop"
    return all("engine=" in each for each in opens)


def assert_it_proves_what_it_says(lesson: course.Lesson, ran: dict[str, Any]) -> None:
    """It has cells that prove, and the failures of its manifest are seen."""
    assert any(is_proof(cell) for cell in ran["cells"])
    assert_its_failures_are_provoked(lesson, ran)


def test_each_later_part_runs_alone(run_notebook: Any, home: Path) -> None:
    """A reader who comes back on another day begins a part in a fresh kernel, with whatever the days before left."""
    for lesson in (each for each in LESSONS if each.manifest.parts):
        own = home / lesson.number
        for part in lesson.manifest.parts[1:]:
            ran = run_notebook(lesson, own, lesson.manifest.engines[0], part=part)
            assert any(is_proof(cell) for cell in ran["cells"])
        assert_it_ends_where_the_next_begins(lesson, own, lesson.manifest.engines[0])


def test_a_reader_who_takes_two_minutes_meets_a_limit_only_where_there_is_one(with_pauses: None, home: Path) -> None:
    """The control of all tests here: their clock is ahead, and a command that is meant to hang does not care."""
    executed(notebook_of(PAUSED), title="notebooks/pauses.ipynb", home=home)


def notebook_of(sources: Sequence[str]) -> dict[str, Any]:
    """A notebook with these code cells."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
    made: dict[str, Any] = nbformat.v4.new_notebook(cells=cells)
    return made
