"""What the samples come to: waits and holds with a beginning and an end, and questions about them."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from migration_lab.ground.text_table import text_table

# From weak to strong, as https://www.postgresql.org/docs/current/explicit-locking.html lists them, and the states of
# https://www.sqlite.org/lockingv3.html. A database has the one or the other; EXCLUSIVE is in both.
STRENGTH = {
    "ACCESS SHARE": 1,
    "ROW SHARE": 2,
    "ROW EXCLUSIVE": 3,
    "SHARE UPDATE EXCLUSIVE": 4,
    "SHARE": 5,
    "SHARE ROW EXCLUSIVE": 6,
    "EXCLUSIVE": 7,
    "ACCESS EXCLUSIVE": 8,
    "SHARED": 1,
    "RESERVED": 2,
    "PENDING": 3,
}
WHOLE_FILE = "the whole file"
NO_QUEUE = "There is no queue for a file: a session that finds it locked tries again and again."
LONG = 0.2  # seconds; what is shorter is not put in words, because another machine's samples may miss it
UNNAMED = {"session": "a session", "process": "another process"}  # a name that is only a number, without it


@dataclass(frozen=True)
class Wait:
    """A session that waited for a lock.

    `mode` is SQL's name of a lock on the table, or `row` for a wait until another transaction has ended that changed
    the same row, or what else Postgres waits for: `advisory`, `virtualxid` (a concurrent index build that waits for
    older transactions). `table` is empty where there is none. `blockers` are all who stood in its way at one time or
    another. `begin` and `end` are seconds of `time.monotonic()`, which all processes of a machine share; `end` is the
    first sample in which it no longer waited. `sql` is the beginning of what it was doing. `at_least` is how long it
    had lasted by the server's own clock when it was last seen: a late sample makes that shorter, and never longer.
    """

    who: str
    pid: int
    table: str
    mode: str
    blockers: tuple[str, ...]
    begin: float
    end: float
    sql: str = ""
    at_least: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.begin


@dataclass(frozen=True)
class Hold:
    """A lock that a session had, from the first sample that saw it to the first that did not; as for `Wait`."""

    who: str
    pid: int
    table: str
    mode: str
    begin: float
    end: float
    sql: str = ""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.begin


Span = TypeVar("Span", Wait, Hold)


class Seen:
    """All that was seen so far. It may be asked while samples still arrive.

    On SQLite nobody queues: a session that finds the file locked asks again and again, so there are no waits. Its locks
    are on the whole file, so any table may be asked about. Where several processes read, one of them is seen.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open_waits: dict[tuple[int, str, str], Wait] = {}
        self._open_holds: dict[tuple[int, str, str], Hold] = {}
        self._waits: list[Wait] = []
        self._holds: list[Hold] = []
        self._most_blocked = 0
        self._at: float | None = None  # the latest sample
        self._precision = 0.0

    def add(self, at: float, waits: Iterable[Wait], holds: Iterable[Hold]) -> None:
        """Take in one sample: who waits and who holds at this moment. Their `end` is not looked at."""
        with self._changed:
            waiting = {(each.pid, each.table, each.mode): each for each in waits}
            holding = {(each.pid, each.table, each.mode): each for each in holds}
            if self._at is not None:
                self._precision = max(self._precision, at - self._at)
            self._at = at
            self._most_blocked = max(self._most_blocked, len({each.pid for each in waiting.values()}))
            for key, wait in list(self._open_waits.items()):
                now = waiting.get(key)
                if now is None or _is_another(wait, now):
                    self._waits.append(replace(self._open_waits.pop(key), end=at))
            for key, now in waiting.items():
                earlier = self._open_waits.get(key, now)
                blockers = tuple(sorted({*earlier.blockers, *now.blockers}))
                at_least = max(earlier.at_least, now.at_least)
                self._open_waits[key] = replace(earlier, blockers=blockers, end=at, at_least=at_least)
            for held in [key for key in self._open_holds if key not in holding]:
                self._holds.append(replace(self._open_holds.pop(held), end=at))
            for key, hold in holding.items():
                self._open_holds[key] = replace(self._open_holds.get(key, hold), end=at)
            self._changed.notify_all()

    @property
    def waits(self) -> tuple[Wait, ...]:
        """Every wait, in the order in which they began; those that still last end with the latest sample."""
        with self._changed:
            return tuple(sorted([*self._waits, *self._open_waits.values()], key=lambda each: (each.begin, each.who)))

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Every lock that was held, in the order in which they were first seen.

        On Postgres from ROW SHARE on: plain reading (ACCESS SHARE) is left out, because every query does it; so is
        the server's own autovacuum.
        """
        with self._changed:
            return tuple(sorted([*self._holds, *self._open_holds.values()], key=lambda each: (each.begin, each.who)))

    def strongest(self, table: str) -> str | None:
        """The strongest mode in which anybody was seen to hold this table; None when nobody was."""
        modes = {each.mode for each in self.holds if each.table in (table, WHOLE_FILE)}
        return max(modes, key=lambda mode: STRENGTH.get(mode, 0), default=None)

    def held_for(self, table: str, mode: str) -> float:
        """For how many seconds somebody held this table in this mode; two at once count once."""
        return _covered(each for each in self.holds if each.table in (table, WHOLE_FILE) and each.mode == mode)

    def blocked_for(self, table: str | None = None) -> float:
        """For how many seconds at least one session waited, for this table or for anything; two at once count once."""
        return _covered(each for each in self.waits if table is None or each.table == table)

    @property
    def most_blocked(self) -> int:
        """How many sessions waited at the same moment, at most."""
        with self._changed:
            return self._most_blocked

    @property
    def precision(self) -> float:
        """By how many seconds a beginning or an end may be off: the longest time between two samples so far."""
        with self._changed:
            return self._precision

    def who_blocked(self) -> list[tuple[str, int, str]]:
        """Who stood in whose way: (blocker, how many waits it prolonged, for which table), the worst first."""
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for wait in self.waits:
            for blocker in wait.blockers:
                counts[blocker, wait.table] += 1
        return sorted(((who, n, table) for (who, table), n in counts.items()), key=lambda each: (-each[1], each))

    def as_text(self) -> str:
        """Who waited and who held, sorted, alike ones in one line, with the longest of them in seconds."""
        waits = [
            [who, table or "-", mode, str(len(each)), _longest(each), ", ".join(_blockers(each))]
            for (who, table, mode), each in _alike(self.waits)
        ]
        holds = [[who, table, mode, str(len(each)), _longest(each)] for (who, table, mode), each in _alike(self.holds)]
        blocked = f"At most {self.most_blocked} waited at once; there was a wait for {self.blocked_for():.2f} s in all."
        lines = [blocked if waits else NO_QUEUE if self._is_file() else "Nobody waited."]
        if waits:
            lines += [
                "",
                *text_table(["waited", "for", "mode", "times", "longest", "blocked by"], waits, numeric=(3, 4)),
            ]
        if holds:
            lines += ["", *text_table(["held", "what", "mode", "times", "longest"], holds, numeric=(3, 4))]
        return "\n".join(lines)

    def in_words(self, at_least: float = LONG) -> str:
        """The same without numbers, process ids and times: the same words on every machine.

        Args:
            at_least: seconds; what was shorter is left out, because samples may miss it.
        """
        waits = [each for each in self.waits if each.seconds >= at_least]
        holds = [each for each in self.holds if each.seconds >= at_least]
        lines: list[str] = []
        for (who, table, mode), each in _alike([replace(wait, who=_worded(wait.who)) for wait in waits]):
            blockers = sorted({_worded(blocker) for blocker in _blockers(each)})
            lines.append(
                f"{who} waited for {_lock(mode, table)}"
                + (f", blocked by {' and '.join(blockers)}" if blockers else "")
            )
        for (who, table, mode), _ in _alike([replace(hold, who=_worded(hold.who)) for hold in holds]):
            lines.append(f"{who} held {_lock(mode, table)}")
        return "\n".join(lines if waits or self._is_file() else ["no long waits", *lines])

    def _is_file(self) -> bool:
        """Whether it is a SQLite file, as far as can be told from who held it."""
        return any(each.table == WHOLE_FILE for each in self.holds)


def _is_another(wait: Wait, now: Wait) -> bool:
    """Whether the same session gave up between two samples and waits again. (A row may take two locks one after the
    other, and the samples cannot tell that from a second row.)
    """
    return now.mode != "row" and now.begin != wait.begin


def _covered(spans: Iterable[Wait | Hold]) -> float:
    """The length of all spans laid over each other, in seconds."""
    total, until = 0.0, float("-inf")
    for span in sorted(spans, key=lambda each: each.begin):
        total += max(span.end - max(span.begin, until), 0)
        until = max(until, span.end)
    return total


def _alike(spans: Sequence[Span]) -> Iterator[tuple[tuple[str, str, str], list[Span]]]:
    def key(span: Span) -> tuple[str, str, str]:
        return span.who, span.table, span.mode

    for same, group in groupby(sorted(spans, key=key), key=key):
        yield same, list(group)


def _longest(spans: Sequence[Wait] | Sequence[Hold]) -> str:
    return f"{max(each.seconds for each in spans):.2f} s"


def _blockers(waits: Sequence[Wait]) -> list[str]:
    return sorted({blocker for wait in waits for blocker in wait.blockers})


def _worded(who: str) -> str:
    """A name without a number that differs from run to run."""
    kind, _, number = who.partition(" ")
    return UNNAMED.get(kind, who) if number.isdigit() else who


def _lock(mode: str, table: str) -> str:
    what = {"row": "a row", "advisory": "an advisory lock", "virtualxid": "older transactions"}.get(mode, mode)
    if mode == "row":
        return f"{what} of {table}" if table else what
    return f"{what} on {table}" if table else what
