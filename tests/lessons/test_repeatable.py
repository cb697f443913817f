"""Each cell may edit its file twice, because readers run cells and whole sections again."""

import re

import pytest

from migration_lab.ground import course
from migration_lab.making import build
from migration_lab.making.notebooks import lesson_notebook
from migration_lab.making.solutions import written_at
from tests.lessons.twice import each_section_twice, edits_a_file, name_each_cell

IN_PLACE = re.compile(r"\b(\w+)\.write_text\(\s*\1\.read_text\([^)]*\)\.replace\(")
LESSONS = [each for each in course.lessons() if each.is_written]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_text_is_replaced_in_a_way_that_can_be_repeated(lesson: course.Lesson) -> None:
    found = IN_PLACE.search((lesson.folder / "lesson.md").read_text(encoding="utf-8"))
    assert found is None, f"{found[0] if found else ''}...: use `shop.replace`, which changes a file only once"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_look_at_locks_is_at_those_of_one_database(lesson: course.Lesson) -> None:
    """A copy of a database gives its tables the same numbers, and `pg_locks` has the locks of all databases."""
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    alone = re.findall(r"FROM pg_locks(?!\s+JOIN pg_database\b)[^\n]*", text)
    assert not alone, f"{alone[0]}: join pg_database, and ask for datname = current_database()"


def test_each_section_stands_there_twice_and_its_edits_once_more() -> None:
    lesson = course.lesson("02")
    cells = build.cells_of(lesson)[0]
    times = {cell.position: 0 for cell in cells}
    for cell in (twice := each_section_twice(cells)):
        times[cell.position] += 1
    opening = cells[0].position
    assert times[opening] == 1
    assert {times[cell.position] for cell in cells if edits_a_file(cell)} == {3}
    made = lesson_notebook(lesson, twice)["cells"]
    name_each_cell(made)
    assert len({cell["id"] for cell in made}) == len(made)
    (edit, *_) = [cell for cell in cells if edits_a_file(cell)]
    again = [cell["id"] for cell in made if cell["id"].startswith(f"02-lesson-{edit.position:03}")]
    assert ["runs again" in written_at(identity) for identity in again] == [False, True, True]
