"""An answer is given as by a learner, and Ctrl+C is not a fault of the answer."""

from dataclasses import replace

import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making.answers import Answer, answers_of
from migration_lab.making.giving import give

pytestmark = pytest.mark.usefixtures("home")


def answer_with(source: str) -> Answer:
    """The solution of 02.1 with these words in its first cell."""
    solution = next(each for each in answers_of(course.lesson("02")) if each.kind == "solution")
    answer = replace(solution)  # others use the same object
    vars(answer)["cells"] = [replace(solution.cells[0], source=source)]
    return answer


def test_ctrl_c_in_a_cell_ends_the_giving() -> None:
    with pytest.raises(KeyboardInterrupt):
        give(answer_with("raise KeyboardInterrupt"), "sqlite", ["sqlite"])


def test_a_cell_that_fails_is_named() -> None:
    with pytest.raises(LabError, match=r"exercises.md, line \d+.* failed with ZeroDivisionError"):
        give(answer_with("1 / 0"), "sqlite", ["sqlite"])
