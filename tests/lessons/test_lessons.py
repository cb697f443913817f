"""Every lesson runs on each of its engines: alone in a fresh home, a second time in the same one, and after later ones.

Alone and again, a lesson runs on the engine that it names first. In reverse order, all run on Postgres.
"""

from pathlib import Path
from typing import Any

import pytest

from migration_lab import course, places
from tests.lessons.ends import assert_it_ends_where_the_next_begins

LESSONS = [each for each in course.lessons() if each.is_written]


def test_there_is_a_notebook_for_each_lesson_that_is_written() -> None:
    found = {path.stem for path in (places.course_root() / "notebooks").glob("*.ipynb")}
    assert found == {each.slug for each in LESSONS} | {each.name for each in course.tracks()}
    assert found, "no lesson is written"


def test_the_lessons_run_in_reverse_order(run_notebook: Any, home: Path) -> None:
    """No lesson needs what another one left behind: the course runs from its end to its beginning in one home."""
    for lesson in reversed(LESSONS):
        assert "postgres" in lesson.manifest.engines
        run_notebook(f"notebooks/{lesson.slug}.ipynb", home, "postgres")
        assert_it_ends_where_the_next_begins(lesson, home, "postgres")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_lesson_runs_alone_and_again(lesson: course.Lesson, run_notebook: Any, home: Path) -> None:
    engine = lesson.manifest.engines[0]
    first = run_notebook(f"notebooks/{lesson.slug}.ipynb", home, engine)
    assert_it_ends_where_the_next_begins(lesson, home, engine)
    again = run_notebook(f"notebooks/{lesson.slug}.ipynb", home, engine)
    for ran in (first, again):
        assert any("proof" in cell["metadata"].get("tags", ()) for cell in ran["cells"])
