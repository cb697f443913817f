"""A connection that cannot write, to any database that a SQLAlchemy URL names: what every instrument looks through."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from sqlalchemy import Connection, Engine, QueuePool
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from migration_lab.ground import connect
from migration_lab.ground.database_errors import first_line, gave_up, out_of_reach, unreachable
from migration_lab.ground.errors import LabError

MOST_KEPT = 3  # sessions; a server has room for some dozens, and in a class many check at once
LOOKS = "a look"  # what the sessions are called where Postgres shows them
_kept: ContextVar[dict[tuple[URL, bool], Engine] | None] = ContextVar("_kept", default=None)


@contextmanager
def looking_at(url: str, *, asks_the_same: bool = False) -> Iterator[Connection]:
    """Open a connection that the database itself refuses to write through.

    SQLite opens the file with `mode=ro` and `query_only`; a file that is not there yet is an empty database, because
    that is what the first `flask db upgrade` would find. Postgres makes every transaction of the session read only.
    The limits are those of `connect`: waiting for a lock ends after `LOCK_SECONDS`, a statement after
    `STATEMENT_SECONDS`; on SQLite, whatever is asked ends so long after the connection was opened.

    Args:
        asks_the_same: whether the questions are the lab's own, which change no setting of the session. A session that
            stays open then keeps what it has prepared; by a rollback psycopg would forget it.

    Raises:
        LabError: the URL is not one, nothing answers there, or one of the limits was reached.
    """
    try:
        connection = _engine(connect.parse(url), asks_the_same).connect()
    except (DBAPIError, sqlite3.Error) as error:
        raise unreachable(url, error) from error
    with connection:
        try:
            yield connection
            if asks_the_same:
                connection.connection.commit()
        except (DBAPIError, connection.dialect.loaded_dbapi.Error) as error:
            raise _not_read(error) from error


@contextmanager
def keeping_sessions() -> Iterator[None]:
    """Within the block, and in its thread, look at each database of Postgres through sessions that stay open: one for
    the lab's own questions, and one for those of others.

    A new one takes 4 ms, and as long again or more until it has read the catalog that the first question is about.
    Between two looks it has no transaction, so it sees what has changed, and holds no lock.
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
        # Only a question that asks for it is prepared: the answer to a prepared `SELECT *` may not change its columns.
        kept[key] = connect.engine(
            url,
            name=LOOKS,
            read_only=True,
            poolclass=QueuePool,
            pool_size=1,
            pool_pre_ping=True,
            use_native_hstore=False,  # the driver asks for that type in each new session
            connect_args={"prepare_threshold": sys.maxsize},
        )
    return kept[key]


@lru_cache(64)  # an engine keeps the SQL that it has compiled, which takes as long as asking; and no connection here
def _without_pool(url: URL) -> Engine:
    return connect.engine(url, name=LOOKS, read_only=True)


def _not_read(error: Exception) -> LabError:
    """What to raise when a database that was opened does not answer after all."""
    return (
        gave_up(getattr(error, "orig", None) or error)
        or out_of_reach(error)
        or LabError(
            f"The database cannot be read: {first_line(error)}.",
            "Run `lab reset` with the lesson's number for a fresh one.",
        )
    )
