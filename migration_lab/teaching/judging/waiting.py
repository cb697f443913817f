"""Commands that wait inside a statement, behind a session of another program: for judges, on Postgres.

`interruptions.py` stops commands between two statements. A statement may also take one lock and then wait for the next,
as `LOCK TABLE` does, or leave half of its work behind when it ends there, as `CREATE INDEX CONCURRENTLY` does.
"""

from collections.abc import Callable, Iterator, Sequence
from textwrap import shorten

from sqlalchemy.exc import DBAPIError

from migration_lab.shops.process import Completed
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.interruptions import (
    DEADLOCKS,
    PAUSED_SECONDS,
    Crash,
    Interruptions,
    sampled,
)
from migration_lab.teaching.judging.running import (
    WAITING,
    Background,
    Repeats,
    in_background,
    is_blocked,
    run,
    somebody,
    wait_for,
    wait_for_its_sessions,
    wait_until_stuck,
    why_it_failed,
)
from migration_lab.teaching.judging.words import error_in

ATTEMPTS = 3  # to provoke a deadlock, if a lock timeout ends the wait first
GAVE_UP = "lock timeout"
STAYS_SECONDS = 0.6  # how long a session keeps its rows open: well below the lock timeout of the shop's env.py
QUICKLY = "SET lock_timeout = '300ms'"  # a session that only tries


def deadlocks_behind(
    fresh: Callable[[], Database], first: str, second: str, tables: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Let two commands wait behind a session that reads a table and then ends: for each of the tables.

    A command that gives up is no deadlock.

    Args:
        fresh: makes a copy.
        first, second: the second one starts when the first one waits; give the one that waits longer first.

    Returns:
        Each table, and how many deadlocks the server had to end.
    """
    for table in tables:
        for _ in range(ATTEMPTS):
            deadlocks, gave_up = _deadlocks(fresh(), first, second, table)
            if deadlocks or not gave_up:
                break
        yield table, deadlocks


def _deadlocks(copy: Database, first: str, second: str, table: str) -> tuple[int, bool]:
    """How many deadlocks there were, and whether a command gave up: on a busy machine, perhaps just before one."""
    with somebody(copy) as session:
        session.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        one = in_background(copy, first, seconds=PAUSED_SECONDS)
        wait_until_stuck(copy, one)
        other = in_background(copy, second, seconds=PAUSED_SECONDS)
        _wait_for_both(copy, one, other)
    gave_up = [GAVE_UP in each.completed().output for each in (one, other)]
    wait_for_its_sessions(copy)  # they hand in their deadlocks when they end
    return copy.sql(DEADLOCKS).scalar, any(gave_up)


def cancelled(fresh: Callable[[], Database], command: str, *, behind: str, meanwhile: str) -> Crash | None:
    """Cancel a command inside the statement that has to wait, and run it again; None if it has to wait for nothing.

    Args:
        fresh: makes a copy.
        behind: what another session does in a transaction that it leaves open.
        meanwhile: SQL to run between the two runs.
    """
    copy = fresh()
    with somebody(copy) as session:
        session.exec_driver_sql(behind)
        waits = in_background(copy, command)
        seen: list[str] = []

        def is_seen() -> bool:  # in one look: it may give up before the next
            seen.extend(query for (query,) in copy.sql(f"SELECT query {WAITING} ORDER BY 1").rows)
            return bool(seen)

        wait_for(lambda: waits.has_ended or is_seen())
        copy.execute(f"SELECT pg_cancel_backend(pid) {WAITING}")
        waits.completed()
    wait_for_its_sessions(copy)
    if not seen:
        return None
    left = copy.snapshot()
    copy.execute(meanwhile)
    again = run(copy, command)
    error = error_in(again.output, copy.folder) if again.exit_code else ""
    when = f"It was cancelled inside this statement: {shorten(seen[0], 70, placeholder=' …')}"
    return Crash(when, left, error, why_it_failed(again) if error else "", copy.snapshot())


def held_up_behind_a_reader(fresh: Callable[[], Database], command: str, table: str, *, seconds: float) -> list[str]:
    """Before which statements that name a table a reader may begin, so that the next reader waits behind the command.

    A command that looks for readers first and then locks the table finds none, and meets this one.

    Args:
        fresh: makes a copy.
        seconds: how long the next reader may wait.
    """
    statements = Interruptions(fresh()).statements(command)
    return [
        shorten(statements[number - 1], 70, placeholder=" …")
        for number in sampled(statements)
        if table in statements[number - 1] and _is_held_up(fresh(), command, number, table, seconds)
    ]


def _is_held_up(copy: Database, command: str, number: int, table: str, seconds: float) -> bool:
    with Interruptions(copy).paused_before(number, command) as paused, somebody(copy) as reader:
        try:
            reader.exec_driver_sql(QUICKLY)
            reader.exec_driver_sql(f"SELECT count(*) FROM {table}")
        except DBAPIError:
            return False  # the command has the table already
        paused.go_on()
        wait_for(lambda: paused.has_ended or is_blocked(copy))
        return bool(copy.refusal(f"SET lock_timeout = '{seconds:.1f}s'; SELECT count(*) FROM {table}"))


def run_behind(copy: Database, command: str, *open_edits: str, seconds: float | None = None) -> Completed:
    """Run a command while somebody has rows open, and saves them a moment after the command has begun to wait.

    A command that fails in the meantime runs once more.

    Args:
        open_edits: statements that change rows.
        seconds: how long each run may take, as for `run`.
    """
    with somebody(copy) as session:
        for each in open_edits:
            session.exec_driver_sql(each)
        first = in_background(copy, command, seconds=seconds)
        wait_for(lambda: first.has_ended or is_blocked(copy))
        wait_for(lambda: first.has_ended, seconds=STAYS_SECONDS)  # so that one that gives up early does
        session.commit()
    completed = first.completed()
    return completed if completed.exit_code == 0 else run(copy, command, seconds=seconds)


def _wait_for_both(copy: Database, one: Background, other: Background) -> None:
    """Wait until both commands wait for a lock, or one has ended, or only asks again and again."""
    asks = Repeats(copy)
    wait_for(lambda: one.has_ended or other.has_ended or is_blocked(copy, sessions=2) or asks.again())
