"""Requests that keep arriving at a steady pace while something else happens, and what became of them."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from migration_lab.ground.errors import LabError
from migration_lab.instruments.traffic.outcome import Outcome, reasons
from migration_lab.shops.companion import Companion

PATIENCE_SECONDS = 30.0  # without an answer; a busy machine may take longer for all that is due
START_SECONDS = 120.0
END_SECONDS = 60.0  # without an answer: more than the generator itself allows
FIRST_PHASE = "at first"


class Requests:
    """Paced requests from a process of their own, from entering `with` until leaving it.

    Each request has a moment at which it is due, and its wait counts from then: a stall is not hidden by requests that
    were sent late because of it (the mistake called coordinated omission). `phase("...")` gives a name to what follows.

    Args:
        plan: from `plan.over_http` or `plan.over_sql`.
        on_end: called when no more are sent.
    """

    def __init__(self, plan: dict[str, Any], *, on_end: Callable[[], None] = lambda: None) -> None:
        self._plan = plan
        self._on_end = on_end
        self._phases: list[tuple[float, str]] = [(0.0, FIRST_PHASE)]
        self._outcomes: list[Outcome] = []
        self._changed = threading.Condition()
        self._companion: Companion | None = None
        self._has_ended = False
        self._moves = self._moved = 0  # of the targets: how many were ordered, and the last that is complete
        self.began = 0.0  # when the first request was due, in seconds of `time.monotonic()`

    def __enter__(self) -> Self:
        self._companion = Companion("migration_lab.instruments.traffic.generator", self._take, self._note_end)
        try:
            self._companion.tell(self._plan)
            with self._changed:
                self._changed.wait_for(lambda: self.began or self._has_ended, timeout=START_SECONDS)
            if not self.began:
                raise LabError("The requests do not start.", "Run the cell again; `lab doctor` looks at the machine.")
        except BaseException:
            self._end(at_once=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        died = self._has_ended
        self._end(at_once=kind is not None and not issubclass(kind, Exception))
        if died and kind is None:
            raise _died()

    @property
    def outcomes(self) -> list[Outcome]:
        """All requests that have come to an end, in the order in which they were due."""
        with self._changed:
            return sorted(self._outcomes, key=lambda outcome: outcome.due)

    @property
    def phases(self) -> list[tuple[float, str]]:
        """When each phase began, in seconds of `time.monotonic()`, and its name; the first begins at 0."""
        return list(self._phases)

    @property
    def answered(self) -> int:
        """How many requests got what they asked for."""
        return sum(outcome.ok for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """How many requests got an error, or no answer."""
        return sum(not outcome.ok for outcome in self.outcomes)

    @property
    def longest_wait(self) -> float:
        """The longest that any sender waited, in seconds."""
        return max((outcome.waited for outcome in self.outcomes), default=0.0)

    def phase(self, name: str) -> None:
        """Give a name to what happens from now on."""
        with self._changed:  # no answer may be counted between the moment and its name
            self._phases.append((time.monotonic(), name))

    def retarget(self, targets: Mapping[int, float], *, within: float = 0) -> None:
        """From now on send to these ports, in these shares.

        Args:
            within: how many seconds to wait, at most, until every request that was sent to other targets has ended.
        """
        if not self._companion:
            return
        self._moves += 1
        self._companion.tell({"targets": [list(each) for each in targets.items()], "move": self._moves})
        with self._changed:
            self._changed.wait_for(lambda: self._moved >= self._moves or self._has_ended, timeout=within)

    def wait_for(self, count: int) -> None:
        """Wait until this many requests that were due in the present phase have come to an end.

        Raises:
            LabError: none came to an end for `PATIENCE_SECONDS`, or the process that sends them has ended.
        """
        since = self._phases[-1][0]

        def enough() -> bool:
            return sum(each.due >= since for each in self._outcomes) >= count

        with self._changed:
            self._wait_while_answers_come(enough, PATIENCE_SECONDS)
            if enough():
                return
        if self._has_ended:
            raise _died()
        raise LabError(
            f"Fewer than {count} requests have finished, and no more came within {PATIENCE_SECONDS:.0f} seconds.",
            "Look at `service.log()`: the shop may have ended, or wait for a lock.",
        )

    def failed_in(self, phase: str) -> int:
        """How many requests of this phase failed."""
        return sum(not outcome.ok for outcome in self.outcomes if outcome.phase == phase)

    def answered_in(self, phase: str) -> int:
        """How many requests of this phase got what they asked for."""
        return sum(outcome.ok for outcome in self.outcomes if outcome.phase == phase)

    def in_words(self) -> str:
        """What became of the requests of each phase, without numbers: the same words on every machine."""
        lines = []
        for phase, outcomes in self._by_phase():
            good = sum(outcome.ok for outcome in outcomes)
            said = "no requests" if not outcomes else "all failed" if not good else "some failed"
            lines.append(f"{phase}: {'all answered' if outcomes and good == len(outcomes) else said}")
            lines += [f"    {reason}" for reason in sorted(reasons(outcomes))]
        return "\n".join(lines)

    def as_text(self) -> str:
        """How many requests of each phase were answered, how many failed and why, and when the first and last did."""
        lines = [
            f"{self.answered} requests answered, {self.failed} failed; the longest wait was {self.longest_wait:.2f} s"
        ]
        for phase, outcomes in self._by_phase():
            bad = [outcome.due - self.began for outcome in outcomes if not outcome.ok]
            when = f", from second {bad[0]:.1f} to second {bad[-1]:.1f}" if bad else ""
            lines.append(f"{phase}: {len(outcomes) - len(bad)} answered, {len(bad)} failed{when}")
            lines += [
                f"    {count} time{'' if count == 1 else 's'}: {reason}"
                for reason, count in sorted(reasons(outcomes).items())
            ]
        return "\n".join(lines)

    def _by_phase(self) -> list[tuple[str, Sequence[Outcome]]]:
        outcomes = self.outcomes
        names = dict.fromkeys(name for _, name in self._phases)
        return [(name, [each for each in outcomes if each.phase == name]) for name in names]

    def _take(self, said: Any) -> None:
        """Take note of what the generator says: when it began, each request, and that it has moved."""
        with self._changed:
            if isinstance(said, dict):
                self.began = said.get("began", self.began)
                self._moved = said.get("moved", self._moved)
            else:
                due, waited, request, writes, status, ok, reason = said
                phase = next(name for since, name in reversed(self._phases) if due >= since)
                self._outcomes.append(Outcome(due, waited, phase, request, writes, status, ok, reason))
            self._changed.notify_all()

    def _note_end(self, said: str | None) -> None:
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _end(self, *, at_once: bool) -> None:
        """Send no more; wait for what is under way, unless at once."""
        companion, self._companion = self._companion, None
        if companion is None:
            return
        self._on_end()
        try:
            if not at_once:
                companion.tell({"stop": True})
                with self._changed:
                    self._wait_while_answers_come(lambda: False, END_SECONDS)
        finally:
            companion.stop(0)

    def _wait_while_answers_come(self, enough: Callable[[], bool], seconds: float) -> None:
        """Wait until it is enough, the process has ended, or no request came to an end for so many seconds."""
        while not (enough() or self._has_ended):
            count = len(self._outcomes)
            if not self._changed.wait_for(lambda: len(self._outcomes) > count or self._has_ended, timeout=seconds):  # noqa: B023
                return


def _died() -> LabError:
    return LabError("The process that sends the requests ended early.", "Run the cell again.")
