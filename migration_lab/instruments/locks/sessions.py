"""Sessions that hold locks on purpose: what a lesson puts in the way of a migration."""

import sqlite3
import threading
import weakref
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from migration_lab.ground.errors import LabError

# SQLAlchemy and the Postgres driver are imported when they are used: the process that samples imports this package
# too, without need of them, and takes half a second less to be ready.


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
        self.file = sqlite_file(url)
        connection = _open_sqlite(url, self.file) if self.file else _open_postgres(url, name)
        self._connection = connection
        opened = Open(name, url, monotonic())
        self._close = weakref.finalize(self, _end, connection, opened)
        self.has_begun = False  # whether its statement has been carried out
        with _lock:
            _opened.append(opened)
            _known.add(self)  # before its statement runs: a sample that shows its lock asks for its name
        try:
            _run(connection, "BEGIN")
            _run(connection, sql)
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
            _run(self._connection, "COMMIT")
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
            longer than `readonly.LOCK_SECONDS`.
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
    connection.close()


def _sessions() -> list[Held]:
    with _lock:
        return list(_known)


def postgres_parameters(url: str) -> dict[str, Any]:
    """What `psycopg.connect` takes in order to reach the database of a URL.

    Raises:
        LabError: it is not a database URL.
    """
    from migration_lab.instruments.readonly import parse

    parsed = parse(url).set(drivername="postgresql+psycopg")
    _, parameters = parsed.get_dialect()().create_connect_args(parsed)
    return dict(parameters)


def sqlite_file(url: str) -> str:
    """The absolute path of a SQLite URL's file; empty for other databases.

    Raises:
        LabError: it is not a database URL, or names a database in memory, which nobody else can use.
    """
    from migration_lab.instruments.readonly import parse

    parsed = parse(url)
    if parsed.get_backend_name() != "sqlite":
        return ""
    if parsed.database in (None, "", ":memory:"):
        raise LabError("A SQLite database in memory has no file that could be locked.", "Name a file in the URL.")
    return str(Path(str(parsed.database)).absolute())


def _open_sqlite(url: str, file: str) -> sqlite3.Connection:
    from migration_lab.instruments import readonly

    try:
        return sqlite3.connect(
            f"{Path(file).as_uri()}?mode=rw",
            uri=True,
            timeout=readonly.LOCK_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise readonly.unreachable(url, error) from error


def _open_postgres(url: str, name: str) -> Any:
    import psycopg

    from migration_lab.instruments import readonly

    parameters = postgres_parameters(url)
    limits = f"-c lock_timeout={readonly.LOCK_SECONDS}s -c statement_timeout={readonly.STATEMENT_SECONDS}s"
    options = " ".join(filter(None, [str(parameters.get("options") or ""), limits]))
    try:
        connection = psycopg.connect(
            **{"connect_timeout": 10, **parameters, "application_name": name, "options": options}, autocommit=True
        )
    except psycopg.Error as error:
        raise readonly.unreachable(url, error) from error
    return connection


def _run(connection: Any, sql: str) -> None:
    """Carry a statement out and take all its rows."""
    from migration_lab.instruments import readonly

    try:
        cursor = connection.execute(sql)
        if cursor.description is not None:
            cursor.fetchall()
    except Exception as error:
        if not hasattr(error, "sqlstate") and not isinstance(error, sqlite3.Error | sqlite3.Warning):
            raise
        raise readonly.gave_up(error) or LabError(
            f"The database does not accept this SQL: {readonly.first_line(error)}.", "Correct it and run it again."
        ) from error
