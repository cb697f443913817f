"""Commands that die before one of their statements, or wait there for a word: for judges.

A hook in the copy's `env.py` counts the statements that change something. COMMIT is none of them: to die before one is
to die before the last statement that it would have kept.

    for number in range(1, len(Interruptions(self.fresh()).statements("db upgrade")) + 1):
        copy = self.fresh()
        Interruptions(copy).die_before(number, "db upgrade")
        again = copy.flask("db upgrade")

`paused_before` keeps the process waiting with all its locks while the block does something else, such as
`in_background(copy, "db upgrade")`; `paused.completed()` lets it go on.
"""

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from migration_lab.checking.database import Database
from migration_lab.checking.under_traffic import STOPPED
from migration_lab.process import Completed, StoppedError

DIED = 70  # the exit code of a command that the hook ended
PATIENCE_SECONDS = 8.0
POLL_SECONDS = 0.02
REPEATS = 3  # questions that a session has asked before, one after the other: it asks again and again
STILL_SECONDS = 0.4
SLEEP_SECONDS = 2.0  # a statement that lets the server sleep for so long is one that waits for somebody
VALUES = re.compile(r"'(?:[^']|'')*'|\b\d+\b")

# The learner's own env.py runs below it, under its own name, so that tracebacks stay true.
HOOK = """
def _interrupt():
    import json, os, pathlib, re, time
    import sqlalchemy

    folder = pathlib.Path(__file__).parent
    try:  # the plan is for one command; another that runs in this copy meanwhile finds none
        plan = json.loads((folder / "interruption.json").replace(folder / "interruption.taken").read_text())
    except FileNotFoundError:
        return
    log = (folder / "statements.txt").open("a", encoding="utf-8")
    looks = re.compile(r"\\s*(select|pragma|show|set|begin|savepoint|release|rollback|explain)\\b", re.IGNORECASE)
    sent = 0

    def about_to(statement):
        nonlocal sent
        sent += 1
        log.write(" ".join(statement.split()) + "\\n")
        log.flush()
        if sent != plan["before"]:
            return
        if plan["dies"]:
            os._exit(plan["dies"])
        (folder / "waits").touch()
        until = time.monotonic() + plan["patience"]  # a judge that was killed says no word
        while not (folder / "goes_on").exists() and time.monotonic() < until:
            time.sleep(plan["poll"])

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def execute(connection, cursor, statement, *_):
        if not looks.match(statement):
            about_to(statement)


_interrupt()
with open(__file__ + ".theirs", encoding="utf-8") as theirs:
    exec(compile(theirs.read(), __file__, "exec"))
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
OTHERS = f"{SESSIONS} AND pid <> pg_backend_pid()"
BLOCKED = f"{SESSIONS} AND cardinality(pg_blocking_pids(pid)) > 0"
ASKED = """
    SELECT pid, query_start::text, query, wait_event IS NOT DISTINCT FROM 'PgSleep'
        AND clock_timestamp() - query_start > make_interval(secs => {seconds})
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Interruptions:
    """Interrupts commands in one copy.

    Args:
        copy: its `env.py` is changed, and changed back by each command that has come to an end.
        folder: the migrations' folder in it.
    """

    def __init__(self, copy: Database, folder: str = "migrations") -> None:
        self._copy = copy
        self._folder = copy.folder / folder

    def statements(self, command: str) -> list[str]:
        """Run a command that has to succeed, and list what it sent to the database to change something.

        Raises:
            Miss: it fails, or does not come to an end.
        """
        with self._hooked(before=0, dies=0):
            self._copy.must(command)
        log = self._folder / "statements.txt"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def die_before(self, number: int, command: str) -> Completed:
        """Run a command that dies, as if its machine did, before its statement of this number (from 1).

        The exit code is `DIED` unless it ended earlier. Afterwards none of its sessions is left on the server.
        """
        with self._hooked(before=number, dies=DIED):
            completed = run(self._copy, command)
        if self._copy.engine.name == "postgres":
            wait_for(lambda: self._copy.sql(OTHERS).scalar == 0)
        return completed

    @contextmanager
    def paused_before(self, number: int, command: str) -> "Iterator[Paused]":
        """Run a command up to its statement of this number; it waits there until told to go on, or the block ends."""
        with self._hooked(before=number, dies=0):
            paused = Paused(self._folder, lambda: run(self._copy, command))
            try:
                yield paused
            finally:
                paused.completed()

    @contextmanager
    def _hooked(self, *, before: int, dies: int) -> Iterator[None]:
        env, theirs = self._folder / "env.py", self._folder / "env.py.theirs"
        for name in ("waits", "goes_on", "statements.txt"):
            (self._folder / name).unlink(missing_ok=True)
        plan = {"before": before, "dies": dies, "poll": POLL_SECONDS, "patience": 2 * PATIENCE_SECONDS}
        (self._folder / "interruption.json").write_text(json.dumps(plan), encoding="utf-8")
        env.rename(theirs)
        env.write_text(HOOK, encoding="utf-8")
        try:
            yield
        finally:
            theirs.replace(env)


class Running:
    """A command that runs beside the judge."""

    def __init__(self, run: Callable[[], Completed]) -> None:
        self._completed: Future[Completed] = Future()
        self._thread = threading.Thread(target=self._run, args=(run,), daemon=True)
        self._thread.start()

    def _run(self, run: Callable[[], Completed]) -> None:
        try:
            self._completed.set_result(run())
        except BaseException as error:
            self._completed.set_exception(error)

    @property
    def has_ended(self) -> bool:
        """Whether it has come to its end."""
        return not self._thread.is_alive()

    def completed(self) -> Completed:
        """Wait for its end; what has kept it from running to its end is raised here."""
        return self._completed.result()


class Paused(Running):
    """A command that waits in the middle, or has ended before it came there."""

    def __init__(self, folder: Path, run: Callable[[], Completed]) -> None:
        super().__init__(run)
        self._folder = folder
        wait_for(lambda: (folder / "waits").exists() or self.has_ended)

    def completed(self) -> Completed:
        """Let it go on, and wait for its end."""
        (self._folder / "goes_on").touch()
        return super().completed()


def in_background(copy: Database, command: str) -> Running:
    """Run a command beside the judge."""
    return Running(lambda: run(copy, command))


def sampled(statements: Sequence[str]) -> list[int]:
    """Where it is enough to interrupt a command: the numbers (from 1) of each distinct statement's first, second and
    last occurrence. Statements that differ only in their values are the same, so that a thousand rows take three."""
    places = defaultdict(list)
    for number, statement in enumerate(statements, start=1):
        places[VALUES.sub("?", statement)].append(number)
    return sorted({number for each in places.values() for number in (*each[:2], each[-1])})


def is_blocked(copy: Database) -> bool:
    """Whether a session of the copy's database waits for a lock. Postgres only."""
    return bool(copy.sql(BLOCKED).scalar)


def wait_until_stuck(copy: Database, command: Running) -> None:
    """Wait until a command has ended, or a session of the copy's database waits for a lock, or none goes on: each asks
    only what it has asked before, as one does that tries again and again. Postgres only."""
    asks = _Repeats(copy)
    wait_for(lambda: command.has_ended or is_blocked(copy) or asks.again())


class _Repeats:
    """Tells whether the sessions of a database only ask what they have asked before."""

    def __init__(self, copy: Database) -> None:
        self._copy = copy
        self._texts: set[tuple[int, str]] = set()
        self._since_new: set[tuple[int, str]] = set()
        self._new_at = time.monotonic()

    def again(self) -> bool:
        """Look once more; it takes several looks until a repetition is told from a slow step."""
        rows = self._copy.sql(ASKED.format(seconds=SLEEP_SECONDS)).rows
        texts = {(pid, text) for pid, _, text, _ in rows}
        asked = {(pid, start) for pid, start, _, _ in rows}
        if texts <= self._texts:
            self._since_new |= asked
        else:
            self._texts |= texts
            self._since_new = asked
            self._new_at = time.monotonic()
        repeats = len(self._since_new) - len(texts)
        is_slow = time.monotonic() - self._new_at < STILL_SECONDS  # one that reads several tables asks alike, and fast
        return (repeats >= REPEATS and not is_slow) or any(sleeps for *_, sleeps in rows)


def wait_for(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for so many seconds at most; what comes later is found by whoever judges."""
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def run(copy: Database, command: str) -> Completed:
    """Run a command; one that reaches the time limit ends with exit code `STOPPED`."""
    try:
        return copy.flask(command)
    except StoppedError as stopped:
        return Completed(STOPPED, f"{stopped.output.rstrip()}\n{stopped.message}")
