"""The one place that opens connections to databases: under which name, with which limits, and whether they can write.

The drivers and SQLAlchemy are imported on demand: a process that samples locks needs only one driver, and starts half
a second faster without the rest.
"""

import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from migration_lab.ground.errors import LabError

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

CONNECT_SECONDS = 10
SERVER_SECONDS = 5  # to connect to a server that may not be running
LOCK_SECONDS = 5
STATEMENT_SECONDS = 30
READ_ONLY = {"default_transaction_read_only": "on"}


def parse(url: "str | URL") -> "URL":
    """The URL as SQLAlchemy reads it.

    Raises:
        LabError: it is not a database URL; the message does not repeat it, because it may hold a password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise LabError(
            "The database URL cannot be read.",
            "Write it like `postgresql+psycopg://user@host/database` or `sqlite:////folder/shop.db`.",
        ) from error
    return parsed


def limits() -> dict[str, str]:
    """The settings of a Postgres session that stop what takes too long."""
    return {"lock_timeout": f"{LOCK_SECONDS}s", "statement_timeout": f"{STATEMENT_SECONDS}s"}


def engine(url: "str | URL", *, name: str = "", read_only: bool = False, **options: Any) -> "Engine":
    """SQLAlchemy's engine for a database; each connection is closed after its use, unless `options` name a pool.

    Args:
        name: of its sessions, in Postgres's views.
        read_only: whether the database itself refuses writes. The limits also apply then.
        options: more options for SQLAlchemy.

    Raises:
        LabError: it is not a database URL.
    """
    from sqlalchemy import NullPool, create_engine

    options = {"poolclass": NullPool} | options
    url = parse(url)
    if url.get_backend_name() == "sqlite":
        if read_only:
            return create_engine("sqlite://", creator=partial(_sqlite_read_only, url.database or ":memory:"), **options)
    elif name or read_only:
        own = {key: url.query[key] for key in ("connect_timeout", "options") if key in url.query}
        session = _session(own, name, READ_ONLY | limits() if read_only else {})
        options["connect_args"] = options.get("connect_args", {}) | session
    return create_engine(url, **options)


def postgres(
    parameters: Mapping[str, Any], *, name: str = "", settings: Mapping[str, str] | None = None
) -> "psycopg.Connection":
    """A Postgres session that commits each statement.

    Args:
        parameters: libpq's, as `parameters_of` returns them.
        name: of the session, in Postgres's views.
        settings: of the session, such as `READ_ONLY` and `limits()`.

    Raises:
        psycopg.OperationalError: as the driver raises it; `database_errors` explains it.
    """
    import psycopg

    return psycopg.connect(**_session(parameters, name, settings or {}), autocommit=True)


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


def sqlite(file: str | Path, mode: Literal["ro", "rw", "rwc"] = "rwc", **options: Any) -> sqlite3.Connection:
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


def _session(parameters: Mapping[str, Any], name: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of libpq for a session with this name and these settings."""
    given = [f"-c {setting}={value}" for setting, value in settings.items()]
    options = " ".join(filter(None, [str(parameters.get("options") or ""), *given]))
    named = {"application_name": name} if name else {}
    return {"connect_timeout": CONNECT_SECONDS, **parameters, **named, **({"options": options} if options else {})}


def _sqlite_read_only(file: str) -> sqlite3.Connection:
    """Open a file read only. A missing file is an empty database: the first `flask db upgrade` would find the same."""
    if not Path(file).parent.is_dir():
        raise sqlite3.OperationalError("its folder is not there")
    connection = sqlite(file if Path(file).is_file() else ":memory:", "ro")
    connection.execute("PRAGMA query_only = on")
    limit(connection)
    return connection
