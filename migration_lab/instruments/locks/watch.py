"""Watches the locks of a database for the length of a `with` block, from a process of its own."""

import os
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from migration_lab.ground import connect
from migration_lab.ground.errors import LabError
from migration_lab.instruments.locks import sessions
from migration_lab.instruments.locks.seen import WHOLE_FILE, Hold, Seen, Wait
from migration_lab.shops.companion import Companion

EVERY_SECONDS = 0.02  # between two samples, as a rule; `Seen.precision` says how it really was
START_SECONDS = 120
STOP_SECONDS = 2
PATIENCE_SECONDS = 60
HIDDEN = (
    "Of other roles' sessions the server shows the locks, but not the SQL: "
    "for that, your role has to be a member of pg_monitor (or pg_read_all_stats)."
)


class Watch(Seen):
    """What is seen while the block of `with watch(url) as seen:` runs, and afterwards.

    The block begins when the first sample has arrived. At its end the watching process is gone, whatever happened.
    """

    def __init__(self, url: str, every: float) -> None:
        super().__init__()
        self.url = url
        self._every = every
        self._file = ""
        self._companion: Companion | None = None
        self._trouble: str | None = None
        self._hides = False
        self._ended = False
        self._latest = float("-inf")
        self._names: dict[int, str] = {}

    @property
    def trouble(self) -> str | None:
        """Why not all could be seen, as a sentence; None when all went well."""
        return self._trouble or (HIDDEN if self._hides else None)

    def __enter__(self) -> Self:
        task = self._task()
        self._companion = Companion("migration_lab.instruments.locks.child", self.take, self._note_end)
        try:
            self._companion.tell(task)
            with self._changed:
                if not self._changed.wait_for(lambda: self._ended or self._latest > 0, START_SECONDS):
                    self._trouble = f"The locks could not be watched: nothing was seen within {START_SECONDS} seconds."
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def look(self) -> Self:
        """Wait until a sample has arrived that was taken after this call; returns at once when there will be none."""
        now = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._latest > now, PATIENCE_SECONDS)
        return self

    def wait_until_blocked(self, count: int = 1, *, by: str = "") -> Self:
        """Wait until this many sessions wait for a lock at the same moment.

        Args:
            by: count only those that a session of this name blocks.

        Raises:
            LabError: that did not happen within `PATIENCE_SECONDS`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._blocked_now(by) >= count, PATIENCE_SECONDS)
            if self._blocked_now(by) < count:
                raise LabError(
                    self._trouble or f"Fewer than {count} sessions waited within {PATIENCE_SECONDS} seconds.",
                    "SQLite has no queue; on Postgres, look at what should have held the lock.",
                )
        return self

    def as_text(self) -> str:
        """As for `Seen`, and what went wrong, if anything did."""
        return "\n".join(filter(None, [super().as_text(), self.trouble]))

    def _blocked_now(self, by: str) -> int:
        return len({each.pid for each in self._open_waits.values() if not by or by in each.blockers})

    def _task(self) -> dict[str, Any]:
        """What the child is to do, as it reads it."""
        self._file = sessions.sqlite_file(self.url)
        if self._file:
            return {"engine": "sqlite", "file": self._file, "every": self._every}
        parameters = connect.parameters_of(self.url)
        return {"engine": "postgres", "parameters": parameters, "every": self._every}

    def take(self, sample: dict[str, Any]) -> None:
        """Take in a sample as the watching process sends it; see `child`."""
        at = sample["at"]
        waits = [
            Wait(who, pid, table, mode, tuple(blockers), begin, at, sql, lasts)
            for who, pid, table, mode, blockers, begin, sql, lasts in sample["waits"]
        ]
        holds = [
            Hold(who or self._name(pid), pid, table or WHOLE_FILE, mode, begin, at, sql)
            for who, pid, table, mode, begin, sql in sample["holds"]
        ]
        with self._changed:
            self._latest = sample["asked"]
            self._hides = self._hides or sample.get("hides", False)
            self.add(at, waits, holds)

    def _name(self, pid: int) -> str:
        """The name of a process that has locked a SQLite file; processes tell no names, so it is told by what it is."""
        if pid == os.getpid():
            return " and ".join(sessions.names_on(self._file)) or "this process"
        if pid not in self._names:
            self._names[pid] = _process_name(pid)
        return self._names[pid]

    def _note_end(self, said: str | None) -> None:
        with self._changed:
            self._ended = True
            if said is not None:
                self._trouble = f"Watching the locks ended early: {said or 'it ended without a message'}."
            self._changed.notify_all()

    def _stop(self) -> None:
        companion, self._companion = self._companion, None
        if companion is not None:
            companion.stop(STOP_SECONDS)


def watch(url: str, every: float = EVERY_SECONDS) -> Watch:
    """Watch who holds and who waits for locks, while a block runs: `with locks.watch(url) as seen: ...`.

    What lasts for less than `every` may be missed, so keep a transaction open (`holding`) to see its locks for sure.
    Watching costs little: on Postgres a sample is one short query that reads the server's lock table from memory and
    takes far less time than the pause between two of them. It grows with the number of locks, and somewhat more with
    the number of sessions that wait. Queries beside it keep their usual pace, within what differs from run to run.

    Args:
        url: a SQLAlchemy URL.
        every: seconds between two samples.

    Raises:
        LabError: on entry, when the URL is not one or names a database in memory. What else goes wrong is in
            `seen.trouble`.
    """
    return Watch(url, every)


def _process_name(pid: int) -> str:
    import psutil

    with suppress(psutil.Error, OSError, ValueError):
        process = psutil.Process(pid)
        line = " ".join(process.cmdline())
        if "migration_lab.instruments.traffic" in line:
            return "requests"  # as its sessions are called on Postgres
        if "migration_lab.shops.process" in line:
            return "flask"  # the forkserver's children look like it, whatever they have become
        if name := process.environ().get("PGAPPNAME"):
            return name
    return f"process {pid}"
