"""Waits until a Postgres server has counted what sessions did: each hands in its statistics at its end."""

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

QUIET_SECONDS = 0.2  # where it cannot be seen what the sessions' processes do
PATIENCE_SECONDS = 5

# To a role that is not a member of pg_monitor, the server hides the kind of other roles' sessions, and what they await.
OTHERS = """
SELECT pid, backend_type IS NULL OR coalesce(wait_event_type IN ('Client', 'Lock', 'Timeout'), false)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (backend_type = 'client backend' OR backend_type IS NULL AND usesysid IS NOT NULL)
"""


def wait_until_counted(ask: Callable[[str], Iterable[tuple[Any, ...]]]) -> None:
    """Wait until the sessions of the same database that are about to end have ended; `PATIENCE_SECONDS` at most.

    The client ends a moment before its session. On this machine it can be seen which sessions will end: a process that
    has lost its client is awake, though the system may let it wait for its turn. So this waits until all
    sessions were asleep and, after that, waiting for their clients or for a lock. Of a server elsewhere it waits until
    the list has stayed the same for `QUIET_SECONDS`.

    Args:
        ask: answers a query through a session of that database, in a transaction of its own: within one, a session sees
            the same activity all the time.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    asleep: set[int] | None = set()
    earlier, since = set[int](), time.monotonic()
    while time.monotonic() < until:
        others = {pid: bool(waits) for pid, waits in ask(OTHERS)}
        if others.keys() != earlier:
            earlier, since = set(others), time.monotonic()
        is_quiet = time.monotonic() - since > QUIET_SECONDS if asleep is None else others.keys() <= asleep
        if not others or (is_quiet and (asleep is None or all(others.values()))):
            return
        asleep = _asleep(others)
        time.sleep(0.01)


def _asleep(pids: Iterable[int]) -> set[int] | None:
    """Which of these processes of a server sleep; None if that cannot be seen from here."""
    import psutil  # here, because SQLite does not need it

    if sys.platform != "linux":  # macOS says of every process that it runs
        return None
    try:
        processes = [psutil.Process(pid) for pid in pids]
        if any(each.name() not in ("postgres", "postmaster") for each in processes):
            return None  # the server is on another machine, where these are the numbers of other processes
        return {each.pid for each in processes if each.status() == psutil.STATUS_SLEEPING}
    except psutil.Error:  # one has just ended, or is on another machine
        return None
