"""One sample of a Postgres server's locks; runs in the process that watches."""

import re
import time
from typing import Any

from migration_lab.ground import connect

NAME = "lab locks"
FIRST_USER_OBJECT = 16384  # FirstNormalObjectId in the server's access/transam.h; what is below is the catalog

# pg_locks copies the lock table while it holds the table's light locks for a moment, and waits for no lock itself.
# pg_blocking_pids looks at that table once more for each pid it is asked about ("needs exclusive access to the lock
# manager's shared state for a short time", says its documentation), so it is asked about sessions that wait and about
# no others: without a waiting session, a sample costs one pass over pg_locks.
# A role that is not a member of pg_monitor (or pg_read_all_stats) sees the names of other roles' sessions and their
# locks, but not of which kind they are, nor their SQL. Of those with a role, all but a few are clients.
# A transaction's own virtualxid is here so that blockers have a name even when they hold no table.
HIDDEN = "<insufficient privilege>"  # what the server shows instead of another role's SQL
SAMPLE = f"""
SELECT l.pid, a.application_name,
       coalesce(a.backend_type, CASE WHEN a.usesysid IS NOT NULL THEN 'client backend' END),
       l.locktype, l.mode, l.granted,
       CASE WHEN c.oid IS NULL THEN NULL WHEN pg_table_is_visible(c.oid) THEN c.relname
            ELSE (SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace) || '.' || c.relname END,
       CASE WHEN NOT l.granted THEN pg_blocking_pids(l.pid) END,
       extract(epoch FROM l.waitstart)::float8, extract(epoch FROM clock_timestamp())::float8,
       CASE WHEN a.query <> '{HIDDEN}' THEN left(a.query, 80) ELSE '' END, a.query = '{HIDDEN}'
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm')
WHERE a.datname = current_database() AND l.pid <> pg_backend_pid()
  AND (NOT l.granted OR l.locktype IN ('virtualxid', 'advisory')
       OR l.locktype IN ('relation', 'tuple') AND l.relation >= {FIRST_USER_OBJECT} AND c.oid IS NOT NULL)
"""
SETTINGS = {"default_transaction_read_only": "on", "statement_timeout": "5s", "lock_timeout": "1s", "jit": "off"}
ROW_LOCKS = ("transactionid", "tuple")


class Sampler:
    """Looks at the server through one connection, which is left out of what it sees.

    The connection is read only and in no transaction between samples, so that it holds nothing that anybody waits for.
    Behind a pooler each sample is a transaction with these settings.

    Args:
        parameters: what `connect.postgres` takes.

    Raises:
        psycopg.Error: the server does not answer.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._connection, first = connect.session(parameters, name=NAME, settings=SETTINGS)
        self._alone = f"BEGIN READ ONLY; {first}{SAMPLE}; COMMIT" if first else ""
        self._waiting: dict[int, tuple[float | None, float]] = {}  # since when, by the server's clock and by ours

    def sample(self) -> dict[str, Any]:
        """One look: `waits` and `holds` as lists of fields, in the order of `Wait` and `Hold`, without their ends.

        `hides` says whether the server has hidden the SQL of any of them.
        It shows the server as it was at some moment after `asked`; `at` is the best guess, in the middle of the answer.

        Raises:
            psycopg.Error: the server has gone away.
        """
        asked = time.monotonic()
        rows = self._rows()
        at = (asked + time.monotonic()) / 2
        names = {row[0]: _who(*row[:3]) for row in rows} | {0: "a prepared transaction"}
        waits, holds, waiting, hides = [], [], {}, False
        for pid, _, backend, kind, mode, granted, table, blockers, since, now, sql, is_hidden in rows:
            if not granted:
                what = "row" if kind in ROW_LOCKS else _words(mode) if kind == "relation" else kind
                by = sorted({names.get(each, f"session {each}") for each in blockers})
                hides = hides or is_hidden
                waiting[pid] = since, self._begin(pid, since, at - (now - since) if since else at)
                lasts = now - since if since else 0.0
                waits.append([names[pid], pid, table or _table_of(pid, rows), what, by, waiting[pid][1], sql, lasts])
            elif kind == "relation" and mode != "AccessShareLock" and backend == "client backend":
                hides = hides or is_hidden
                holds.append([names[pid], pid, table, _words(mode), at, sql])
        self._waiting = waiting
        return {"asked": asked, "at": at, "waits": waits, "holds": holds, "hides": hides}

    def _rows(self) -> list[Any]:
        if not self._alone:
            return self._connection.execute(SAMPLE, prepare=True).fetchall()
        cursor = self._connection.execute(self._alone.encode())
        while cursor.description is None:
            cursor.nextset()
        return cursor.fetchall()

    def _begin(self, pid: int, since: float | None, begin: float) -> float:
        """When a wait began, by our clock; the same in each sample of one wait, so that it tells one from the next.

        The server does not know `since` for a moment at first.
        """
        earlier = self._waiting.get(pid)
        return earlier[1] if earlier and earlier[0] in (since, None) else begin


def _who(pid: int, name: str | None, backend: str | None) -> str:
    return name or (backend if backend and backend != "client backend" else f"session {pid}")


def _words(mode: str) -> str:
    """SQL's name of a mode: ACCESS EXCLUSIVE for AccessExclusiveLock."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()


def _table_of(pid: int, rows: list[Any]) -> str:
    """The table that a session is busy with while it waits for a transaction to end.

    Such a wait names no table. Who waits for a row has a lock on that very `tuple`, as a rule; otherwise it is the
    only table that the session may write, if there is only one.
    """
    own = [row for row in rows if row[0] == pid and row[5] and row[6]]
    for fits in (lambda row: row[3] == "tuple", lambda row: row[4] not in ("AccessShareLock", "RowShareLock")):
        tables = {row[6] for row in own if fits(row)}
        if len(tables) == 1:
            return str(tables.pop())
    return ""
