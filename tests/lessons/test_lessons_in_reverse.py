"""No lesson needs what another one left behind: the course runs from its end to its beginning in one home."""

from pathlib import Path
from typing import Any

from migration_lab import course, places

LESSONS = [each for each in course.lessons() if each.is_written]


def test_there_is_a_notebook_for_each_lesson_that_is_written() -> None:
    found = {path.stem for path in (places.course_root() / "notebooks").glob("*.ipynb")}
    assert found == {each.slug for each in LESSONS} | {each.name for each in course.tracks()}
    assert found, "no lesson is written"


def test_the_lessons_run_in_reverse_order(run_notebook: Any, home: Path) -> None:
    for lesson in reversed(LESSONS):
        run_notebook(f"notebooks/{lesson.slug}.ipynb", home, "sqlite")
