"""What happened in one run: requests, commands with their revisions, and waits for locks, on one clock."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic

from migration_lab.instruments.locks import Open
from migration_lab.instruments.traffic import Figures, Outcome, figures

# Alembic's message at the beginning of a revision.
RUNNING = re.compile(r"Running (?:upgrade|downgrade) (.*?) ?-> ?([^,]*)")


@dataclass(frozen=True)
class Mark:
    """A moment, in seconds of `time.monotonic()`, and its name: where a revision began, or a phase."""

    at: float
    name: str


@dataclass
class Span:
    """A command or another activity; `end` is None while it runs. Seconds of `time.monotonic()`."""

    name: str
    begin: float
    end: float | None = None
    exit_code: int | None = None
    marks: list[Mark] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end if self.end is not None else monotonic()) - self.begin

    def heard(self, text: str) -> None:
        """Record the revisions whose beginning a command prints."""
        for line in text.splitlines():
            if found := RUNNING.search(line):
                below, above = found[1], found[2]
                self.marks.append(Mark(monotonic(), above or f"below {below}"))


@contextmanager
def spanning(spans: list[Span], name: str) -> Iterator[Span]:
    """Measure a block, and add it to the list when it begins."""
    span = Span(name, monotonic())
    spans.append(span)
    try:
        yield span
    finally:
        span.end = monotonic()


@dataclass(frozen=True)
class Blocked:
    """A time in which a session waited for a lock on a table (`None`: for a row or a transaction)."""

    who: str
    table: str | None
    begin: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """One run. `began` is in seconds of `time.monotonic()`; lists are in the order of time."""

    title: str
    began: float
    outcomes: Sequence[Outcome]
    spans: Sequence[Span] = ()
    phases: Sequence[Mark] = ()
    blocked: Sequence[Blocked] = ()
    held: Sequence[Open] = ()

    @property
    def open_sessions(self) -> list[tuple[str, float, float]]:
        """Sessions that blocked others with an open transaction: name, and from when until when of this run."""
        parts = [
            (each.name, max(each.begin, self.began), min(each.end if each.end is not None else self.last, self.last))
            for each in self.held
        ]
        return [(name, begin, end) for name, begin, end in parts if begin < end]

    @cached_property
    def reads(self) -> Figures:
        """The requests that only read."""
        return figures([each for each in self.outcomes if not each.writes])

    @cached_property
    def writes(self) -> Figures:
        """The requests that write."""
        return figures([each for each in self.outcomes if each.writes])

    @property
    def seconds(self) -> float:
        """How long it lasted, up to the last answer and the last command."""
        return self.last - self.began

    @property
    def last(self) -> float:
        """The latest moment of all."""
        ends = [each.end for each in self.outcomes] + [each.end for each in self.spans if each.end]
        return max([*ends, self.began])

    @property
    def blocked_for(self) -> float:
        """Seconds in which at least one session waited for a lock."""
        return sum(end - begin for begin, end in merged((each.begin, each.end) for each in self.blocked))

    @property
    def working(self) -> float:
        """Seconds that the commands took."""
        return sum(each.seconds for each in self.spans)


def merged(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same time, each moment of it once."""
    found: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found
