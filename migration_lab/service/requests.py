"""Requests that keep arriving at a steady pace while something else happens, and what became of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType
from typing import Any, Protocol, Self

from migration_lab.errors import LabError

WORKERS = 8
PATIENCE_SECONDS = 30

# A shop is read more often than written to.
READS_AND_WRITES: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/users", None),
    ("GET", "/users/1/orders", None),
    ("POST", "/orders", {"user_id": 1, "amount_cents": 1250}),
    ("GET", "/users/1", None),
)


class Answer(Protocol):
    """What a request comes back with."""

    @property
    def status(self) -> int: ...
    @property
    def ok(self) -> bool: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """One request: when it was due (seconds from the start), how long its sender waited from then, and the answer."""

    second: float
    waited: float
    phase: str
    request: str
    status: int
    ok: bool
    reason: str


class Requests:
    """Paced requests in the background, from entering `with` until leaving it.

    Each request has a moment at which it is due, and its wait counts from then: a stall is not hidden by requests that
    were sent late because of it (the mistake called coordinated omission). `phase("...")` gives a name to what follows.
    """

    def __init__(
        self,
        send: Callable[[str, str, Any], Answer],
        *,
        per_second: float = 20,
        mix: Sequence[Any] = READS_AND_WRITES,
    ) -> None:
        self._send = send
        self._pause = 1 / per_second
        self._mix = mix
        self._phases = ["at first"]
        self._outcomes: list[Outcome] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._pacer: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._pacer = threading.Thread(target=self._pace, daemon=True)
        self._pacer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._pacer:
            self._pacer.join()

    @property
    def outcomes(self) -> list[Outcome]:
        """All requests that have come to an end, in the order in which they were due."""
        with self._changed:
            return sorted(self._outcomes, key=lambda outcome: outcome.second)

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
        self._phases.append(name)

    def wait_for(self, count: int) -> None:
        """Wait until this many requests that were due in the present phase have come to an end.

        Raises:
            LabError: that took longer than `PATIENCE_SECONDS`.
        """
        phase = self._phases[-1]
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._in(phase)) >= count, timeout=PATIENCE_SECONDS):
                raise LabError(
                    f"Fewer than {count} requests came to an end within {PATIENCE_SECONDS} seconds.",
                    "Look at `service.log()`: the shop may have ended, or wait for a lock.",
                )

    def failed_in(self, phase: str) -> int:
        """How many requests of this phase failed."""
        return sum(not outcome.ok for outcome in self._in(phase))

    def answered_in(self, phase: str) -> int:
        """How many requests of this phase got what they asked for."""
        return sum(outcome.ok for outcome in self._in(phase))

    def in_words(self) -> str:
        """What became of the requests of each phase, without numbers: the same words on every machine."""
        lines = []
        for phase, outcomes in self._by_phase():
            good = sum(outcome.ok for outcome in outcomes)
            said = "no requests" if not outcomes else "all failed" if not good else "some failed"
            lines.append(f"{phase}: {'all answered' if outcomes and good == len(outcomes) else said}")
            lines += [f"    {reason}" for reason in sorted(_reasons(outcomes))]
        return "\n".join(lines)

    def as_text(self) -> str:
        """How many requests of each phase were answered, how many failed and why, and when the first and last did."""
        lines = [
            f"{self.answered} requests answered, {self.failed} failed; the longest wait was {self.longest_wait:.2f} s"
        ]
        for phase, outcomes in self._by_phase():
            bad = [outcome.second for outcome in outcomes if not outcome.ok]
            when = f", from second {bad[0]:.1f} to second {bad[-1]:.1f}" if bad else ""
            lines.append(f"{phase}: {len(outcomes) - len(bad)} answered, {len(bad)} failed{when}")
            lines += [
                f"    {count} time{'' if count == 1 else 's'}: {reason}"
                for reason, count in sorted(_reasons(outcomes).items())
            ]
        return "\n".join(lines)

    def _in(self, phase: str) -> list[Outcome]:
        return [outcome for outcome in self._outcomes if outcome.phase == phase]

    def _by_phase(self) -> list[tuple[str, list[Outcome]]]:
        outcomes = self.outcomes
        phases = dict.fromkeys(self._phases)
        return [(phase, [each for each in outcomes if each.phase == phase]) for phase in phases]

    def _pace(self) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(WORKERS) as workers:
            for number, request in enumerate(cycle(self._mix)):
                due = number * self._pause
                if self._stopping.wait(max(began + due - time.monotonic(), 0)):
                    return
                workers.submit(self._one, request, began, due, self._phases[-1])

    def _one(self, request: tuple[str, str, Any], began: float, due: float, phase: str) -> None:
        method, path, body = request
        answer = self._send(method, path, body)
        outcome = Outcome(
            due, time.monotonic() - began - due, phase, f"{method} {path}", answer.status, answer.ok, answer.reason
        )
        with self._changed:
            self._outcomes.append(outcome)
            self._changed.notify_all()


def _reasons(outcomes: Sequence[Outcome]) -> Counter[str]:
    """Why requests failed, and how many for each reason."""
    return Counter(f"{each.status or 'no status'}: {each.reason}" for each in outcomes if not each.ok)
