"""A hint that leads through a copy to a stamp says on which shop to stamp: `%flask` runs on the last copy."""

import pytest

from migration_lab.ground import course

EXERCISES = [
    (name, exercise)
    for lesson in course.lessons()
    if lesson.is_written
    for name, exercise in lesson.manifest.exercises.items()
]


@pytest.mark.parametrize(("name", "exercise"), EXERCISES, ids=[name for name, _ in EXERCISES])
def test_a_hint_says_which_shop_is_stamped(name: str, exercise: course.Exercise) -> None:
    hint = exercise.hints.pointer
    if "stamp" in hint.lower() and "differences" in hint:
        assert "`shop.use()`" in hint, f"the hint of {name} stamps whatever shop is open"
