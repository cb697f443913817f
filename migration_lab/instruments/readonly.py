"""A connection that cannot write, to any database that a SQLAlchemy URL names. Every instrument uses it."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache

from sqlalchemy import Connection, Engine, QueuePool
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from migration_lab.ground import connect
from migration_lab.ground.database_errors import first_line, gave_up, out_of_reach, unreachable
from migration_lab.ground.database_urls import is_the_labs, parse
from migration_lab.ground.errors import LabError

MOST_KEPT = 3  # sessions; a server has room for dozens, and a whole class may check at once
LOOKS = "a look"  # the sessions' name in Postgres's views
DROPPED = re.compile("could not open relation|cache lookup failed")  # the server's words; it has no code for that
_kept: ContextVar[dict[tuple[URL, bool], Engine] | None] = ContextVar("_kept", default=None)


@contextmanager
def looking_at(url: str, *, asks_the_same: bool = False) -> Iterator[Connection]:
    """Open a connection on which the database itself refuses writes.

    SQLite opens the file with `mode=ro` and `query_only`; a file that is not there yet is an empty database, because
    that is what the first `flask db upgrade` would find. On Postgres every transaction begins READ ONLY, and the server
    has confirmed it before the block sees the connection.
    The limits are those of `connect`: waiting for a lock ends after `LOCK_SECONDS`, a statement after
    `STATEMENT_SECONDS`; on SQLite, all statements end that long after the connection was opened.

    Args:
        asks_the_same: whether the queries are the lab's own, which change no setting of the session. A session that
            stays open then keeps its prepared statements; after a rollback, psycopg would discard them.

    Raises:
        LabError: the URL is not valid, no server answers there, it could be made to write, or one of the limits was
            reached.
    """
    try:
        connection = _engine(parse(url), asks_the_same).connect()
    except (DBAPIError, sqlite3.Error) as error:
        raise unreachable(url, error) from error
    try:
        connection.begin()
        yield connection
        if asks_the_same:
            connection.connection.commit()
    except (DBAPIError, connection.dialect.loaded_dbapi.Error) as error:
        raise _not_read(url, error) from error
    finally:
        with suppress(DBAPIError):  # the server has ended the session: nothing is left to roll back
            connection.close()


@contextmanager
def keeping_sessions() -> Iterator[None]:
    """Within the block, and in its thread, read each Postgres database through sessions that stay open: one for the
    lab's own queries, and one for others.

    A new session takes 4 ms, and as long again or more to read the catalog for its first query. Between two queries it
    has no transaction, so it sees all changes, and holds no lock.
    """
    kept: dict[tuple[URL, bool], Engine] = {}
    before = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(before)
        for engine in kept.values():
            engine.dispose()


def _engine(url: URL, asks_the_same: bool) -> Engine:
    kept = _kept.get()
    if kept is None or url.get_backend_name() == "sqlite":
        return _without_pool(url)
    key = (url, asks_the_same)
    if key in kept:
        kept[key] = kept.pop(key)  # the last one used comes last
    else:
        if len(kept) == MOST_KEPT:
            kept.pop(next(iter(kept))).dispose()
        # A migration may end other sessions, hence the ping.
        # Only queries that ask for it are prepared: the answer to a prepared `SELECT *` may not change its columns.
        kept[key] = connect.engine(
            url,
            name=LOOKS,
            read_only=True,
            poolclass=QueuePool,
            pool_size=1,
            pool_pre_ping=True,
            connect_args={"prepare_threshold": sys.maxsize},
        )
    return kept[key]


@lru_cache(64)  # an engine keeps its compiled SQL, which takes as long as a query to compile; it keeps no connection
def _without_pool(url: URL) -> Engine:
    return connect.engine(url, name=LOOKS, read_only=True)


def _not_read(url: str, error: Exception) -> LabError:
    """The error to raise if a database that was opened does not answer."""
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    if state == "42501":
        return LabError(
            f"The database cannot be read: {first_line(error)}.",
            "Ask its owner for that right, or use the URL of a role that has it.",
        )
    if state == "XX000" and DROPPED.search(first_line(error)):
        return LabError(f"Something was dropped while it was read: {first_line(error)}.", "Look again.")
    return (
        gave_up(getattr(error, "orig", None) or error)
        or out_of_reach(error, url)
        or LabError(
            f"The database cannot be read: {first_line(error)}.",
            "Run `lab reset` with the lesson's number for a fresh one."
            if is_the_labs(url)
            else "Look at it with the database's own client.",
        )
    )
