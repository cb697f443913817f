"""An expectation, and its `Miss`. The methods of a judge, `expect_column` and others, are in `vocabulary.py`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """One thing that must be true of the result; a method of the exercise's judge.

    Args:
        id: the method's name; a wrong answer names the one that must reject it.
        looks_at: the method's docstring, which learners read before they start: "`users.email` is unique".
        look: the method itself; it returns when the expectation is met, and raises `Miss` when it is not.
        is_own: whether it is the exercise's own, so that it must reject one of the wrong answers; not a shared one.
    """

    id: str
    looks_at: str
    look: Callable[[Any], None]
    is_own: bool = False


@dataclass(frozen=True)
class Finding:
    """An expectation that is not met.

    `cause` is empty if no measurement supports one. All parts are the same on each run.
    """

    expectation: Expectation
    expected: str
    found: str
    cause: str
    next_step: str


class Miss(Exception):  # noqa: N818 - an answer's shortcoming, not an error
    """Raised by an expectation at the first thing that is wrong.

    Args:
        expected: what should be there, in the learner's words.
        found: what is there instead, the same on each run: no path, no time.
        cause: why, as far as a measurement supports it.
        next_step: what to do now.
        of: the id of the expectation that is not met, if it is not the one that raised this.
    """

    def __init__(self, *, expected: str, found: str, cause: str = "", next_step: str = "", of: str = "") -> None:
        super().__init__(f"expected: {expected} Found: {found}")
        self.expected = expected
        self.found = found or "nothing"
        self.cause = cause
        self.next_step = next_step
        self.of = of


@contextmanager
def part_of(expectation: str) -> Iterator[None]:
    """Attribute a miss in the block to this expectation, by its id, unless it names another."""
    try:
        yield
    except Miss as miss:
        miss.of = miss.of or expectation
        raise


class JudgeError(Exception):
    """A mistake in a judge, never in an answer."""
