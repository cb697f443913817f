"""What an exercise's result must be: expectations with an id, and the judge that looks at them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migration_lab.checking.trial import Trial


@dataclass(frozen=True)
class Expectation:
    """One thing that must be true of the result.

    Args:
        id: short, unique within the exercise; a wrong answer names the one that must reject it.
        looks_at: what is looked at, shown beside the ticket before the learner starts: "`users.email` is unique".
        cause: the usual reason why it is not met, one or two sentences.
        next_step: what to do then, one or two sentences.
    """

    id: str
    looks_at: str
    cause: str
    next_step: str


@dataclass(frozen=True)
class Finding:
    """An expectation that is not met: what was expected, and what is there instead."""

    expectation: Expectation
    expected: str
    found: str


class Unmet(Exception):  # noqa: N818 - an answer's shortcoming, not an error
    """Raised inside a judge at the first expectation that is not met; it ends the trial."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.expectation.id}: expected {finding.expected}; found {finding.found}")
        self.finding = finding


class JudgeError(Exception):
    """A mistake in a judge, never in an answer: an id that is not declared, or a declared one that was not judged."""


UPGRADE = Expectation(
    id="upgrade",
    looks_at="`flask db upgrade` runs from the start of the exercise, over the rows that are there",
    cause="A revision asks for something that the database cannot do, or that its rows do not allow.",
    next_step="Read the error from its last line, and mend the revision that it comes from. "
    "The check runs it on a fresh copy of the database as it was at the start.",
)
DOWNGRADE = Expectation(
    id="downgrade",
    looks_at="`flask db downgrade`, back to the start, undoes exactly what the upgrade did",
    cause="`downgrade()` is empty, or it does not undo each operation of `upgrade()`.",
    next_step="In `downgrade()`, undo every operation of `upgrade()`, the last one first.",
)
DOWNGRADE_MAKES_TOO_MUCH = replace(
    DOWNGRADE,
    cause="`downgrade()` makes something that is still there, because `upgrade()` did not take it away.",
    next_step="Leave out of `downgrade()` what `upgrade()` no longer does.",
)
UPGRADE_AGAIN = Expectation(
    id="upgrade_again",
    looks_at="`flask db upgrade` runs again after the downgrade and gives the same schema",
    cause="The downgrade leaves something behind that stands in the way of the second upgrade.",
    next_step="Run up, down and up in your workspace. Look with `shop.schema()` at what the downgrade leaves behind.",
)
NO_DRIFT = Expectation(
    id="no_drift",
    looks_at="`flask db check` finds no difference between the models and the database",
    cause="A model says one thing and the revision another, or one of them was not changed.",
    next_step="Decide which of the two is right, and change the other.",
)
ROWS_KEPT = Expectation(
    id="rows_kept",
    looks_at="the rows that were there before keep their values, forward and back",
    cause="A revision drops what it should change, or writes to rows that it should leave alone.",
    next_step="Look for `drop_column`, `drop_table`, `DELETE` and `UPDATE` in the revision. "
    "Change a column in place, or copy its values before it goes.",
)
NO_OTHER_CHANGE = Expectation(
    id="no_other_change",
    looks_at="nothing else in the schema changes",
    cause="The revision holds an operation that the ticket does not ask for. Autogenerate may have written it.",
    next_step="Read the revision line by line, and delete the operations that do not belong to the ticket.",
)
ONE_HEAD = Expectation(
    id="one_head",
    looks_at="the history has one head",
    cause="Two revisions follow the same revision, so that neither is the last.",
    next_step="Run `flask db heads`, and join the heads or delete the revision that is one too many.",
)
READY_MADE = (UPGRADE, DOWNGRADE, UPGRADE_AGAIN, NO_DRIFT, ROWS_KEPT, NO_OTHER_CHANGE, ONE_HEAD)


@dataclass(frozen=True)
class Judge:
    """The judgement of one exercise.

    `own_database` says that it looks at the learner's own database, of which there is one, on one engine: then only
    that engine is judged. `stub_fails` is the id of the expectation that rejects the exercise as it is shipped.
    """

    exercise: str
    expectations: tuple[Expectation, ...]
    function: "Callable[[Trial], None]"
    own_database: bool
    stub_fails: str

    def declared(self, expectation_id: str) -> Expectation:
        """The expectation with this id.

        Raises:
            JudgeError: the exercise declares none.
        """
        for each in self.expectations:
            if each.id == expectation_id:
                return each
        raise JudgeError(f"the judge of {self.exercise} looks at {expectation_id!r}, which it does not declare")


def judges(
    exercise: str, *expectations: Expectation, own_database: bool = False, stub_fails: str | None = None
) -> "Callable[[Callable[[Trial], None]], Judge]":
    """Make a function the judge of an exercise; it looks at every one of the expectations, or stops at the first miss.

    Args:
        exercise: the id in the manifest, "02.1".
        expectations: in the order in which the learner reads them.
        own_database: the judge looks at `trial.learner`; see `Judge`.
        stub_fails: the id that rejects the untouched exercise; without it, the first that is not ready-made.

    Raises:
        JudgeError: an id is declared twice, or `stub_fails` is not declared.
    """
    ids = [each.id for each in expectations]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise JudgeError(f"the judge of {exercise} declares {', '.join(twice)} more than once")
    ready_made = {each.id for each in READY_MADE}
    own = [each.id for each in expectations if each.id not in ready_made]
    first = stub_fails or (own or [*ids, ""])[0]
    if first not in ids:
        raise JudgeError(
            f"the judge of {exercise} does not declare {first!r}, which must reject the untouched exercise"
        )

    def wrap(function: "Callable[[Trial], None]") -> Judge:
        return Judge(exercise, expectations, function, own_database, first)

    return wrap
