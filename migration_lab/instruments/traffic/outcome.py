"""What became of one request, and of many."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One request.

    Args:
        due: the moment at which it was to be sent, in seconds of `time.monotonic()`.
        waited: seconds from then until its answer: a stall is not hidden by requests that were sent late because of it.
        phase: the name of what went on at that moment.
        request: `GET /users/{id}`, or the SQL; the same for all requests of a kind.
        writes: whether it was to change something.
        status: of HTTP; 0 when no answer came, and in direct SQL, which has none.
        reason: why it failed; empty when it did not.
    """

    due: float
    waited: float
    phase: str
    request: str
    writes: bool
    status: int
    ok: bool
    reason: str

    @property
    def end(self) -> float:
        """When the answer came, in seconds of `time.monotonic()`."""
        return self.due + self.waited


@dataclass(frozen=True)
class Figures:
    """The waits of some requests, in seconds; 0 where there were none."""

    count: int
    failed: int
    median: float
    p99: float
    worst: float


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """How many there were, how many failed, and how long they waited."""
    waits = sorted(each.waited for each in outcomes)
    return Figures(
        len(outcomes),
        sum(not each.ok for each in outcomes),
        percentile(waits, 50),
        percentile(waits, 99),
        waits[-1] if waits else 0.0,
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed (nearest rank); 0 for no values."""
    if not ascending:
        return 0.0
    return ascending[max(math.ceil(len(ascending) * percent / 100) - 1, 0)]


def reasons(outcomes: Sequence[Outcome]) -> Counter[str]:
    """Why requests failed, and how many for each reason."""
    return Counter(_reason(each) for each in outcomes if not each.ok)


def _reason(outcome: Outcome) -> str:
    return f"{outcome.status or 'no status'}: {outcome.reason}"
