"""What a cell does to a file may be done twice, because readers run cells and whole sections again."""

import re

import pytest

from migration_lab import course

IN_PLACE = re.compile(r"\b(\w+)\.write_text\(\s*\1\.read_text\([^)]*\)\.replace\(")
LESSONS = [each for each in course.lessons() if each.is_written]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_text_is_replaced_in_a_way_that_can_be_repeated(lesson: course.Lesson) -> None:
    found = IN_PLACE.search((lesson.folder / "lesson.md").read_text(encoding="utf-8"))
    assert found is None, f"{found[0] if found else ''}...: use `shop.replace`, which changes a file only once"
