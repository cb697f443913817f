"""Commands that run beside the judge, and how a judge reads their errors."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from math import inf

from sqlalchemy import Connection

from migration_lab.ground import connect
from migration_lab.instruments.readonly import LOOKS
from migration_lab.shops.process import Completed, StoppedError
from migration_lab.teaching.explain import explain
from migration_lab.teaching.judging.database import THERE_ALREADY, Database

STOPPED = 124  # the exit code of a command that reached its time limit, as the program `timeout` gives it
PATIENCE_SECONDS = 20.0  # for sessions of commands that have ended; one may have left something running
POLL_SECONDS = 0.02
REPEATS = 3  # consecutive queries that a session has sent before: it is polling
STILL_SECONDS = 1.0
SLEEP_SECONDS = 2.0  # a statement that lets the server sleep for so long is waiting for something
LEFT_BEHIND = "It finds what an earlier run left behind, and fails."
ABORTED = "An error was caught, and Postgres accepts no further statement in a transaction that had one."
# A judge's own sessions stay open while it judges.
SESSIONS = f"""
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> '{LOOKS}'"""
# A concurrent build waits for each older snapshot, also for a moment for that of the look that asks here.
WAITING = f"""
    FROM pg_stat_activity AS waiting WHERE datname = current_database() AND application_name <> '{LOOKS}' AND EXISTS (
        SELECT FROM unnest(pg_blocking_pids(waiting.pid)) AS blocker (pid)
        LEFT JOIN pg_stat_activity AS blocking ON blocking.pid = blocker.pid
        WHERE blocking.application_name IS DISTINCT FROM '{LOOKS}'
    )"""
ASKED = """
    SELECT pid, query_start::text, query, wait_event IS NOT DISTINCT FROM 'PgSleep'
        AND clock_timestamp() - query_start > make_interval(secs => {seconds})
    FROM pg_stat_activity WHERE datname = current_database() AND application_name <> '{looks}'
"""


def run(copy: Database, command: str, *, seconds: float | None = None) -> Completed:
    """Run a command as `copy.flask` does; one that reaches the time limit ends with exit code `STOPPED`."""
    try:
        return copy.flask(command, seconds=seconds)
    except StoppedError as stopped:
        return Completed(STOPPED, f"{stopped.output.rstrip()}\n{stopped.message}")


class Background:
    """A command that runs beside the judge, and ends when the check is given up."""

    def __init__(self, run: Callable[[], Completed]) -> None:
        self._completed: Future[Completed] = Future()
        self._thread = threading.Thread(target=copy_context().run, args=(self._run, run), daemon=True)
        self._thread.start()

    def _run(self, run: Callable[[], Completed]) -> None:
        try:
            self._completed.set_result(run())
        except BaseException as error:
            self._completed.set_exception(error)

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def completed(self) -> Completed:
        """Wait until it ends; raise the error that stopped it, if there was one."""
        return self._completed.result()


def in_background(copy: Database, command: str, *, seconds: float | None = None) -> Background:
    """Run a command beside the judge; `seconds` are as for `run`."""
    return Background(lambda: run(copy, command, seconds=seconds))


@contextmanager
def somebody(copy: Database) -> Iterator[Connection]:
    """A session of another program, whose transaction stays open until it is committed or the block ends."""
    with connect.engine(copy.url).connect() as connection:
        yield connection


def why_it_failed(completed: Completed) -> str:
    """Why a command failed that met another one, or an earlier run's leftovers, as far as its error shows it.

    Empty for another error. After `LEFT_BEHIND` or `ABORTED` the same command will fail in the same way again.
    """
    output, card = completed.output, explain(completed.output)
    if card is not None and card.id in THERE_ALREADY:
        return LEFT_BEHIND
    if "current transaction is aborted" in output:
        return ABORTED
    if "deadlock" in output.lower():
        return "Each held a table that the other one needed next."
    if "lock timeout" in output or "could not obtain lock" in output:
        return "It gave up while another session had the table."
    return "It did not finish." if completed.exit_code == STOPPED else ""


def is_blocked(copy: Database, *, sessions: int = 1) -> bool:
    """Whether so many sessions of the copy's database, or more, wait for a lock. Postgres only."""
    return bool(copy.sql(f"SELECT count(*) {WAITING}").scalar >= sessions)


def wait_until_stuck(copy: Database, command: Background) -> None:
    """Wait until a command has ended, or a session of the copy's database waits for a lock, or none makes progress.
    Postgres only.
    """
    asks = Repeats(copy)
    wait_for(lambda: command.has_ended or is_blocked(copy) or asks.again())


def wait_for_its_sessions(copy: Database) -> None:
    """Wait until the commands that have ended have no session left on the server."""
    if copy.engine.name == "postgres":
        wait_for(lambda: copy.sql(SESSIONS).scalar == 0, seconds=PATIENCE_SECONDS)


class Repeats:
    """Detects that no session of a database makes progress: each only repeats earlier queries, as a session does that
    retries again and again.
    """

    def __init__(self, copy: Database) -> None:
        self._copy = copy
        self._texts: set[tuple[int, str]] = set()
        self._since_new: set[tuple[int, str]] = set()
        self._new_at = time.monotonic()

    def again(self) -> bool:
        """Look once more; it takes several looks to distinguish a repetition from a slow step."""
        rows = self._copy.sql(ASKED.format(seconds=SLEEP_SECONDS, looks=LOOKS)).rows
        texts = {(pid, text) for pid, _, text, _ in rows}
        asked = {(pid, start) for pid, start, _, _ in rows}
        if texts <= self._texts:
            self._since_new |= asked
        else:
            self._texts |= texts
            self._since_new = asked
            self._new_at = time.monotonic()
        repeats = len(self._since_new) - len(texts)
        is_slow = (
            time.monotonic() - self._new_at < STILL_SECONDS
        )  # one that reads several tables sends similar queries, and fast
        return (repeats >= REPEATS and not is_slow) or any(sleeps for *_, sleeps in rows)


def wait_for(is_so: Callable[[], bool], seconds: float = inf) -> None:
    """Wait until it is so.

    Args:
        seconds: at most; the judge finds out if it is still not so. By default the wait has no limit: give it something
            that is certain to come, such as the end of a command, which has a limit of its own.
    """
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
