"""Every lesson runs on SQLite: alone in a fresh home, and a second time in the same one."""

from pathlib import Path
from typing import Any

import pytest

from migration_lab import course
from tests.lessons.ends import assert_it_ends_where_the_next_begins

LESSONS = [each for each in course.lessons() if each.is_written and "sqlite" in each.manifest.engines]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_lesson_runs_alone_and_again(lesson: course.Lesson, run_notebook: Any, home: Path) -> None:
    first = run_notebook(f"notebooks/{lesson.slug}.ipynb", home, "sqlite")
    assert_it_ends_where_the_next_begins(lesson, home, "sqlite")
    again = run_notebook(f"notebooks/{lesson.slug}.ipynb", home, "sqlite")
    for ran in (first, again):
        assert any("proof" in cell["metadata"].get("tags", ()) for cell in ran["cells"])
