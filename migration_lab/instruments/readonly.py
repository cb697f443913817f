"""A connection that cannot write, to any database that a SQLAlchemy URL names: what every instrument looks through."""

import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from migration_lab.ground.errors import LabError

LOCK_SECONDS = 5
STATEMENT_SECONDS = 30
# Classes of SQLSTATE: connection, resources, shutdown, no such database, login.
ABOUT_THE_SERVER = ("08", "53", "57P", "3D", "28")
SQLITE_NEXT = {  # by what SQLite says
    "database or disk is full": "Make room on the disk, then try again.",
    "disk I/O error": "Check that the disk has room and is there, then try again.",
    "unable to open database file": "Check that its folder is there and is yours.",
    "malformed": "Open a fresh shop: `lab reset` with the lesson's number keeps the damaged one aside.",
}
MOST_KEPT = 3  # sessions; a server has room for some dozens, and in a class many check at once
LOOKS = "a look"  # what the sessions are called where Postgres shows them
_kept: ContextVar[dict[tuple[URL, bool], Engine] | None] = ContextVar("_kept", default=None)


@contextmanager
def looking_at(url: str, *, asks_the_same: bool = False) -> Iterator[Connection]:
    """Open a connection that the database itself refuses to write through.

    SQLite opens the file with `mode=ro` and `query_only`; a file that is not there yet is an empty database, because
    that is what the first `flask db upgrade` would find. Postgres makes every transaction of the session read only.
    Waiting for a lock ends after `LOCK_SECONDS`. A statement ends after `STATEMENT_SECONDS`; on SQLite, whatever is
    asked ends so long after the connection was opened.

    Args:
        asks_the_same: whether the questions are the lab's own, which change no setting of the session. A session that
            stays open then keeps what it has prepared; by a rollback psycopg would forget it.

    Raises:
        LabError: the URL is not one, nothing answers there, or one of the limits was reached.
    """
    try:
        connection = _engine(parse(url), asks_the_same).connect()
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


def parse(url: str) -> URL:
    """The URL as SQLAlchemy reads it.

    Raises:
        LabError: it is not a database URL; the message does not repeat it, because it may hold a password.
    """
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise LabError(
            "The database URL cannot be read.",
            "Write it like `postgresql+psycopg://user@host/database` or `sqlite:////folder/shop.db`.",
        ) from error
    return parsed


def unreachable(url: str, error: Exception) -> LabError:
    """The error to raise when no connection can be opened."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return LabError(
            f"The SQLite file {parsed.database} cannot be opened: {first_line(error)}.",
            "Check that its folder is there and is yours; `lab reset` with the lesson's number makes a fresh shop.",
        )
    return out_of_reach(error) or LabError(
        f"The database {parsed.render_as_string(hide_password=True)} cannot be opened: {first_line(error)}.",
        "Check that the server is running, and that the URL names an existing database; `lab doctor` tries both.",
    )


def out_of_reach(error: BaseException) -> LabError | None:
    """The error to raise when a driver's error is about the server, the disk or the way there; None when about SQL."""
    said = str(getattr(error, "orig", None) or error)
    if isinstance(getattr(error, "orig", None) or error, sqlite3.Error):
        found = re.search(r"database or disk is full|disk I/O error|unable to open database file|malformed", said)
        return found and LabError(f"SQLite cannot use its file: {first_line(error)}.", SQLITE_NEXT[found[0]])
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    if state and not state.startswith(ABOUT_THE_SERVER):
        return None
    from migration_lab.ground.engines.postgres.connection import meaning  # its driver is imported only when used

    return meaning(" ".join(said.split()))


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


def gave_up(error: BaseException) -> LabError | None:
    """The error to raise when a driver's error says that a limit was reached; None when it says something else."""
    said = first_line(error)
    state = getattr(error, "sqlstate", None)  # Postgres's five characters; SQLite has only words
    if state == "55P03" or "is locked" in said:
        return LabError(
            f"Gave up after waiting {LOCK_SECONDS} seconds for a lock: {said}.",
            "End the other transaction, then run this again.",
        )
    if state == "57014" or said == "interrupted":
        return LabError(
            f"This SQL was stopped: it ran for more than {STATEMENT_SECONDS} seconds, or you interrupted it.",
            "Look for a recursion without an end or a join without its condition, or do it in smaller steps.",
        )
    return None


def limit(connection: sqlite3.Connection) -> None:
    """End what SQLite does after `STATEMENT_SECONDS`, and at once on Ctrl-C, which does not reach it otherwise."""
    until = time.monotonic() + STATEMENT_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)


def first_line(error: BaseException) -> str:
    """What a database's error says first, without the driver's class, the SQL or the link that follow it."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0].rstrip(".") if said else type(error).__name__


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
        kept[key] = create_engine(
            url,
            pool_size=1,
            pool_pre_ping=True,
            use_native_hstore=False,  # the driver asks for that type in each new session
            connect_args=_postgres_options() | {"prepare_threshold": sys.maxsize},
        )
    return kept[key]


@lru_cache(64)  # an engine keeps the SQL that it has compiled, which takes as long as asking; and no connection here
def _without_pool(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return create_engine("sqlite://", creator=partial(_open_sqlite, url), poolclass=NullPool)
    return create_engine(url, poolclass=NullPool, connect_args=_postgres_options())


def _postgres_options() -> dict[str, Any]:
    options = (
        f"-c default_transaction_read_only=on -c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s"
    )
    return {"application_name": LOOKS, "options": options, "connect_timeout": 10}


def _open_sqlite(url: URL) -> sqlite3.Connection:
    file = Path(url.database or ":memory:")
    if not file.is_file():
        if not file.parent.is_dir():
            raise sqlite3.OperationalError("its folder is not there")
        connection = sqlite3.connect(":memory:")
    else:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=LOCK_SECONDS)
    connection.execute("PRAGMA query_only = on")
    limit(connection)
    return connection
