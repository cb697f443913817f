"""The one place that opens connections to databases: under which name, with which limits, and whether they can write.

The drivers and SQLAlchemy are imported on demand: a process that samples locks needs only one driver, and starts half
a second faster without the rest.
"""

import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migration_lab.ground.database_urls import Mode, mode_of, parse
from migration_lab.ground.errors import LabError

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

CONNECT_SECONDS = 10
# Of libpq's parameters. Without an encoding, texts arrive in the database's, and where that is SQL_ASCII, as bytes.
USUAL = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"}
SERVER_SECONDS = 5  # to connect to a server that may not be running
LOCK_SECONDS = 5
STATEMENT_SECONDS = 30
REFUSES_SETTINGS = "unsupported startup parameter"  # PgBouncer's words
IDLE_SECONDS = 300  # in the transaction of a look: on a computer that is suspended, it must not hold up a migration


def limits() -> dict[str, str]:
    """The settings of a Postgres session that stop what takes too long."""
    return {"lock_timeout": f"{LOCK_SECONDS}s", "statement_timeout": f"{STATEMENT_SECONDS}s"}


def engine(url: "str | URL", *, name: str = "", read_only: bool = False, **options: Any) -> "Engine":
    """SQLAlchemy's engine for a database; each connection is closed after its use, unless `options` name a pool.

    Args:
        name: of its sessions, in Postgres's views.
        read_only: whether the database itself refuses writes. The limits also apply then. To connect, or to begin a
            transaction, raises a LabError if a Postgres server does not confirm it.
        options: more options for SQLAlchemy.

    Raises:
        LabError: it is not a database URL.
    """
    from sqlalchemy import NullPool, create_engine, event

    options = {"poolclass": NullPool} | options
    url = parse(url)
    if url.get_backend_name() == "sqlite":
        if read_only:
            return create_engine("sqlite://", creator=partial(_sqlite_read_only, url.database or ":memory:"), **options)
        if "mode" in url.query:
            creator = partial(sqlite, url.database or ":memory:", mode_of(url, "rwc"), check_same_thread=False)
            return create_engine("sqlite://", creator=creator, **options)
        return create_engine(url, **options)
    if read_only:
        options["use_native_hstore"] = False  # the driver asks for that type in each new session
    if name or read_only:
        own = {key: url.query[key] for key in USUAL if key in url.query}
        options["connect_args"] = options.get("connect_args", {}) | _named(own, name)
    made = create_engine(url, **options)
    if read_only:
        event.listen(made, "connect", lambda session, _: setattr(session, "read_only", True))
        event.listen(made, "begin", lambda connection: _begin_look(connection.connection.dbapi_connection))
    elif name:
        event.listen(made, "connect", lambda session, _: _prepare_only_without_pooler(session))
    return made


def postgres(
    parameters: Mapping[str, Any], *, name: str = "", settings: Mapping[str, str] | None = None
) -> "psycopg.Connection":
    """A Postgres session that commits each statement.

    Args:
        parameters: libpq's, as `parameters_of` returns them.
        name: of the session, in Postgres's views.
        settings: to ask for when connecting, beside the options in `parameters`. A pooler may refuse or ignore them;
            `session` makes sure.

    Raises:
        psycopg.OperationalError: as the driver raises it; `database_errors` explains it.
    """
    import psycopg

    given = [str(parameters.get("options") or ""), *(f"-c {each}={value}" for each, value in (settings or {}).items())]
    options = {"options": " ".join(filter(None, given))} if any(given) else {}
    return psycopg.connect(**_named(parameters, name) | options, autocommit=True)


def session(
    parameters: Mapping[str, Any], *, name: str, settings: Mapping[str, str]
) -> tuple["psycopg.Connection", str]:
    """A Postgres session with settings, also where a pooler such as PgBouncer stands in front of the server.

    A pooler may refuse settings, ignore them, or run each transaction in another session of the server. Then the
    settings are made in each transaction: a setting of the session would stay with a session that others also use.

    Args:
        parameters: libpq's, as `parameters_of` returns them.
        name: of the session, in Postgres's views.
        settings: such as `limits()`, as the server writes them: `1min`, not `60s`.

    Returns:
        The session, which commits each statement, and the SQL with which each transaction has to begin. That is empty
        where the server has confirmed the settings.

    Raises:
        psycopg.Error: as the driver raises it; `database_errors` explains it.
    """
    import psycopg

    try:
        connection = postgres(parameters, name=name, settings=settings)
    except psycopg.OperationalError as error:
        if REFUSES_SETTINGS not in str(error):
            raise
        connection = postgres(parameters, name=name)
    try:
        asked = ", ".join(f"current_setting('{each}')" for each in settings)
        pid, *found = connection.execute(f"SELECT pg_backend_pid(), {asked}".encode()).fetchall()[0]
    except BaseException:
        connection.close()
        raise
    if _note_pooler(connection, pid) or found != list(settings.values()):
        return connection, "".join(f"SET LOCAL {each} = '{value}'; " for each, value in settings.items())
    return connection, ""


def to_server(parameters: Mapping[str, Any]) -> "psycopg.Connection":
    """Like `postgres`, for a server that may not be running."""
    return postgres({"connect_timeout": SERVER_SECONDS, **parameters})


def parameters_of(url: "str | URL") -> dict[str, Any]:
    """The parameters with which `postgres` connects to the database of a URL.

    Raises:
        LabError: it is not a database URL.
    """
    parsed = parse(url).set(drivername="postgresql+psycopg")
    _, parameters = parsed.get_dialect()().create_connect_args(parsed)
    return dict(parameters)


def sqlite(file: str | Path, mode: Mode = "rwc", **options: Any) -> sqlite3.Connection:
    """A connection to a SQLite file; it waits `LOCK_SECONDS` for a lock.

    Args:
        file: a path, or `:memory:`.
        mode: SQLite's: read only, write, or write and create the file if it does not exist.
        options: more options for `sqlite3.connect`.
    """
    options = {"timeout": LOCK_SECONDS} | options
    if str(file) == ":memory:":
        return sqlite3.connect(":memory:", **options)
    return sqlite3.connect(f"{Path(file).absolute().as_uri()}?mode={mode}", uri=True, **options)


def limit(connection: sqlite3.Connection) -> None:
    """Stop SQLite after `STATEMENT_SECONDS`, and at once on Ctrl-C, which does not reach it otherwise."""
    until = time.monotonic() + STATEMENT_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)


def _named(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Parameters of libpq for a session with this name."""
    return {**USUAL, **parameters, **({"application_name": name} if name else {})}


def _begin_look(session: "psycopg.Connection") -> None:
    """Begin a transaction that cannot write, and set its limits.

    Because `session.read_only` is set, the driver begins it with BEGIN READ ONLY; that holds behind any pooler, for a
    transaction stays in one session of the server. After this first query, Postgres does not let it become READ WRITE.

    Raises:
        LabError: the server does not confirm that the transaction is read only.
        psycopg.Error: as the driver raises it.
    """
    limited = limits() | {"idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"}
    settings = ", ".join(f"set_config('{each}', '{value}', true)" for each, value in limited.items())
    asked = f"SELECT pg_backend_pid(), current_setting('transaction_read_only'), {settings}"
    pid, read_only, *_ = session.execute(asked.encode()).fetchall()[0]
    _note_pooler(session, pid)
    if read_only != "on":
        raise LabError(
            "This connection could write: what answers at this URL does not begin a transaction READ ONLY.",
            "Connect to the Postgres server itself, without a pooler or proxy in between.",
        )


def _prepare_only_without_pooler(session: "psycopg.Connection") -> None:
    _note_pooler(session, session.execute("SELECT pg_backend_pid()").fetchall()[0][0])
    session.rollback()


def _note_pooler(session: "psycopg.Connection", pid: int) -> bool:
    """Whether a pooler stands in front of the server. If so, let the driver prepare no statement.

    A prepared statement stays in one session of the server, and the next transaction may run in another.

    Args:
        pid: of the process that answers. A pooler gives each client a number of its own when it connects.
    """
    is_pooled = pid != session.info.backend_pid
    if is_pooled:
        session.prepare_threshold = None
    return is_pooled


def _sqlite_read_only(file: str) -> sqlite3.Connection:
    """Open a file read only. A missing file is an empty database: the first `flask db upgrade` would find the same."""
    is_there = file != ":memory:" and Path(file).exists()
    if is_there and not Path(file).is_file():
        raise sqlite3.OperationalError("it is not a file")
    if not Path(file).parent.is_dir():
        raise sqlite3.OperationalError("its folder is not there")
    connection = sqlite(file if is_there else ":memory:", "ro")
    connection.execute("PRAGMA query_only = on")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # ATTACH and VACUUM INTO would make a file
    limit(connection)
    return connection
