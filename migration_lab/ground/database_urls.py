"""The URL of a database: read as SQLAlchemy reads it, for whichever driver it was written."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from migration_lab.ground.errors import LabError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

Mode = Literal["ro", "rw", "rwc"]  # of a SQLite file: read only, write, or write and create it
EXAMPLES = "Write it like `postgresql+psycopg://user@host/database` or `sqlite:////folder/shop.db`."
POSTGRES = re.compile(r"postgres(ql)?(\+\w+)?")
SQLITE = re.compile(r"sqlite(\+(pysqlite|aiosqlite))?")
# Parameters that are a driver's own, and not the server's or libpq's: of asyncpg, and of psycopg.
OF_DRIVERS = (
    "prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback", "command_timeout", "timeout",
    "statement_cache_size", "autocommit", "prepare_threshold",
)  # fmt: skip
MODES: dict[str, "Mode"] = {"ro": "ro", "rw": "rw", "rwc": "rwc"}
IN_A_URI = {"uri", "mode", "cache"}  # what the lab understands of a SQLite URI; it shares no cache


def parse(url: "str | URL") -> "URL":
    """The URL for the driver that the lab has, whatever driver it names.

    The URL of a SQLite URI (`sqlite:///file:shop.db?mode=ro&uri=true`) gets the file's path, and keeps its mode.

    Raises:
        LabError: it is not the URL of a Postgres or SQLite database; the message does not repeat it, because it may
            hold a password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise LabError("The database URL cannot be read.", EXAMPLES) from error
    if POSTGRES.fullmatch(parsed.drivername):
        return _for_psycopg(parsed)
    if SQLITE.fullmatch(parsed.drivername):
        return _for_a_file(parsed.set(drivername="sqlite"))
    raise LabError(
        f"The lab works with Postgres and SQLite, and the database URL names {parsed.drivername}.",
        EXAMPLES,
    )


def is_the_labs(url: "str | URL") -> bool:
    """Whether a database is one of the shop's, as the engines name them: `lab reset` can make it again.

    Raises:
        LabError: it is not a database URL.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(parsed.database or "").parts[-2:] == ("instance", "shop.db")
    return re.fullmatch(r"lab_\w*_[0-9a-f]{12}", parsed.database or "") is not None


def mode_of(url: "URL", usual: Mode) -> Mode:
    """How a SQLite file is to be opened: as its URL says, or as usual."""
    return MODES.get(str(url.query.get("mode")), usual)


def _for_psycopg(url: "URL") -> "URL":
    """The same with the driver's own names of parameters; options that are given twice are one text for libpq."""
    query = {name: value for name, value in url.query.items() if name not in OF_DRIVERS}
    if url.drivername.endswith("+asyncpg") and "ssl" in query:
        query["sslmode"] = query.pop("ssl")
    if isinstance(options := query.get("options"), tuple):
        query["options"] = " ".join(options)
    return url.set(drivername="postgresql+psycopg", query=query)


def _for_a_file(url: "URL") -> "URL":
    if url.host or url.username:
        raise LabError(
            "The database URL names a server, and SQLite has none.",
            "Write three slashes before a path: `sqlite:///shop.db`, or `sqlite:////folder/shop.db`.",
        )
    named = url.database or ""
    if not (named.startswith("file:") and "uri" in url.query):
        return url
    parts = urlsplit(named)
    given = {name: str(value) for name, value in url.query.items()} | dict(parse_qsl(parts.query))
    if unknown := sorted(given.keys() - IN_A_URI):
        raise LabError(
            f"The lab does not know what `{unknown[0]}` in the URI of a SQLite file asks for.",
            "Leave it out of the URL, or name the file's path: `sqlite:////folder/shop.db`.",
        )
    if given.get("mode", "rwc") not in MODES:
        raise LabError(
            "The database URL names a SQLite database in memory, which only its own process sees.",
            "Name a file: `sqlite:////folder/shop.db`.",
        )
    mode = {"mode": given["mode"]} if "mode" in given else {}
    return url.set(database=unquote(parts.path), query=mode)
