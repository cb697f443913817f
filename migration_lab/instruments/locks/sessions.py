"""Sessions that hold locks on purpose: what a lesson puts in the way of a migration."""

import sqlite3
import threading
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from migration_lab.ground import connect, database_errors
from migration_lab.ground.database_urls import mode_of, parse
from migration_lab.ground.errors import LabError


@dataclass
class Open:
    """When a session had its transaction open, in seconds of `time.monotonic()`; `end` is None while it has."""

    name: str
    url: str
    begin: float
    end: float | None = None


class Held:
    """A session with an open transaction; `idle_reader` and `holding` open one.

    It ends, and its transaction is rolled back, on `close()`, at the end of a `with` block, when nobody refers to it
    any more, and in any case with this process.
    """

    def __init__(self, url: str, sql: str, name: str) -> None:
        self.name = name
        self._url = url
        self.file = sqlite_file(url)
        connection, first = _open(url, self.file, name)
        self._connection = connection
        opened = Open(name, url, monotonic())
        self._close = weakref.finalize(self, _end, connection, opened)
        self.has_begun = False  # whether its statement has been carried out
        with _lock:
            _opened.append(opened)
            _known.add(self)  # before its statement runs: a sample that shows its lock asks for its name
        try:
            for each in ("BEGIN", *first, sql):
                _run(connection, each, url)
        except BaseException:
            self.close()
            raise
        self.has_begun = True

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return self._close.alive

    def close(self) -> None:
        """Roll back and end the session; no error when it has ended already."""
        self._close()

    def commit(self) -> None:
        """Keep what its statement did, then end the session.

        Raises:
            LabError: the session has ended, or the database does not let it commit: on SQLite, while somebody reads.
        """
        try:
            _run(self._connection, "COMMIT", self._url)
        finally:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.name}: {'its transaction is open' if self.is_open else 'closed'}>"


_known: weakref.WeakSet[Held] = weakref.WeakSet()
_opened: deque[Open] = deque(maxlen=200)
_lock = threading.Lock()  # a set must not grow while another thread goes through it


def idle_reader(url: str, sql: str) -> Held:
    """A report that reads and then forgets to end its transaction: on Postgres it is idle in transaction.

    Args:
        url: a SQLAlchemy URL.
        sql: one query, `SELECT count(*) FROM users`.

    Raises:
        LabError: the database cannot be opened, or does not accept the query.
    """
    return Held(url, sql, "report")


def holding(url: str, sql: str, name: str = "another session") -> Held:
    """A session that has carried out a statement and has not committed it.

    Args:
        url: a SQLAlchemy URL.
        sql: any statement that may stand in a transaction.
        name: how it is called where locks are shown (on Postgres its `application_name`).

    Raises:
        LabError: the database cannot be opened, or does not accept the statement; or the statement itself waited for
            longer than `connect.LOCK_SECONDS`.
    """
    return Held(url, sql, name)


def open_on(url: str) -> list[Open]:
    """The sessions of this process that have, or had, a transaction open on a database."""
    with _lock:
        return [each for each in _opened if each.url == url]


def close_all() -> None:
    """Close every session that is still open in this process, but not one whose statement another thread waits for."""
    for each in _sessions():
        if each.has_begun:
            each.close()


def names_on(file: str) -> list[str]:
    """The names of the sessions of this process that are open on a SQLite file, sorted."""
    return sorted({each.name for each in _sessions() if each.is_open and each.file == file})


def _end(connection: Any, opened: Open) -> None:
    opened.end = monotonic()
    if not isinstance(connection, sqlite3.Connection):
        _roll_back(connection)
    connection.close()


def _roll_back(session: Any) -> None:
    """Give its locks back before the session is closed: a server ends a session some time after its client.

    Not while another thread waits for its statement.
    """
    from psycopg import Error
    from psycopg.pq import TransactionStatus

    with suppress(Error):  # it has been ended by another session, or the server is gone
        if session.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            session.rollback()


def _sessions() -> list[Held]:
    with _lock:
        return list(_known)


def sqlite_file(url: str) -> str:
    """The absolute path of a SQLite URL's file; empty for other databases.

    Raises:
        LabError: it is not a database URL, or names a database in memory, which nobody else can use.
    """
    parsed = parse(url)
    if parsed.get_backend_name() != "sqlite":
        return ""
    if parsed.database in (None, "", ":memory:"):
        raise LabError("A SQLite database in memory has no file that could be locked.", "Name a file in the URL.")
    return str(Path(str(parsed.database)).absolute())


def _open(url: str, file: str, name: str) -> tuple[Any, list[str]]:
    """A connection, and the statements that its transaction has to begin with."""
    try:
        if file:
            return connect.sqlite(file, mode_of(parse(url), "rw"), isolation_level=None, check_same_thread=False), []
        connection, first = connect.session(connect.parameters_of(url), name=name, settings=connect.limits())
        return connection, [first] if first else []
    except Exception as error:
        if not _from_database(error):
            raise
        raise database_errors.unreachable(url, error) from error


def _run(connection: Any, sql: str, url: str) -> None:
    """Carry a statement out and take all its rows."""
    try:
        cursor = connection.execute(sql)
        if cursor.description is not None:
            cursor.fetchall()
    except Exception as error:
        if not _from_database(error):
            raise
        raise (
            database_errors.gave_up(error)
            or database_errors.out_of_reach(error, url)
            or LabError(
                f"The database does not accept this SQL: {database_errors.first_line(error)}.",
                "Correct it and run it again.",
            )
        ) from error


def _from_database(error: Exception) -> bool:
    """Whether a driver raised it; that of Postgres is imported only when used."""
    return hasattr(error, "sqlstate") or isinstance(error, sqlite3.Error | sqlite3.Warning)
