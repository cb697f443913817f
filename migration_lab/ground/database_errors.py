"""What an error of a database, or of the connection to it, means for the learner, and what to do about it."""

import os
import re
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from migration_lab.ground import connect
from migration_lab.ground.database_urls import is_the_labs, parse
from migration_lab.ground.errors import LabError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

# Classes of SQLSTATE: connection, resources, shutdown, no such database, login; a transaction that was open too long.
ABOUT_THE_SERVER = ("08", "53", "57P", "3D", "28", "25P03", "25P04")
SQLITE_NEXT = {  # by SQLite's message
    "database or disk is full": "Make room on the disk, then try again.",
    "disk I/O error": "Check that the disk is mounted and has room, then try again.",
    "unable to open database file": "Check that its folder exists and is yours.",
    "malformed": "Open a fresh shop: `lab reset` with the lesson's number keeps the damaged one aside.",
}

AGAIN = "Try again; if that does not help, run `lab doctor` in a terminal."
SHUT_DOWN = "Shut down the kernels of notebooks that you do not use (*Running Terminals and Kernels*), then try again."
ROOM_THERE = "Make room on the server's disk, or ask its administrator to, then try again."
NO_OPTIONS = "Take `options` out of the URL, or use the URL of the server itself."
LONGER_LIMITS = "Use the URL of the server itself, or set longer limits in the pooler."
A_DATABASE = "Name the database itself in the URL."
OTHER_POOLER = "Use the URL of the server itself, or of a pooler in session or transaction mode."


class Meaning(NamedTuple):
    """What a message of the server or libpq means for the learner, and what to do about it.

    Args:
        pattern: of the message.
        means: a sentence without its full stop.
        own: what to do on the course's own server.
        named: what to do on that of LAB_POSTGRES_URL.
        other: what to do about a database that is not the lab's.
    """

    pattern: str
    means: str
    own: str
    named: str
    other: str


MEANINGS = (
    Meaning(
        r"No space left on device|could not extend file",
        "There is no room left for Postgres's databases",
        "Make room on the disk, then try again; SQLite needs far less.",
        ROOM_THERE,
        ROOM_THERE,
    ),
    Meaning(
        r"password authentication failed|no password supplied",
        "The Postgres server refuses the user name or the password",
        AGAIN,
        "Correct LAB_POSTGRES_URL.",
        "Correct the URL.",
    ),
    Meaning(
        r"could not translate host name|failed to resolve host|Name or service not known|nodename nor servname",
        "The address of the Postgres server names a machine or a port that does not exist",
        AGAIN,
        "Correct LAB_POSTGRES_URL.",
        "Correct the URL.",
    ),
    Meaning(
        r"too many (clients|connections)|connection slots",
        "The Postgres server has no free connection",
        SHUT_DOWN,
        SHUT_DOWN,
        "End sessions that are not needed, then try again.",
    ),
    Meaning(
        r'database "[^"]*" does not exist',
        "The Postgres server has no database of that name",
        "Open a fresh shop with `lab.open(...)`, `lab.exercise(...)` or, in a terminal, `lab reset`.",
        "Correct LAB_POSTGRES_URL, or open a fresh shop with `lab reset`.",
        "Correct the URL.",
    ),
    Meaning(
        r'role "[^"]*" does not exist|no pg_hba.conf entry|not permitted to log in|permission denied for database',
        "The Postgres server does not let this user in",
        AGAIN,
        "Ask the server's administrator, or correct LAB_POSTGRES_URL.",
        "Ask the server's administrator, or correct the URL.",
    ),
    Meaning(
        connect.REFUSES_SETTINGS + ": options",  # of the URL: where a pooler refuses the lab's own, it does without
        "The pooler in front of the Postgres server refuses the `options` of the URL",
        NO_OPTIONS,
        NO_OPTIONS,
        NO_OPTIONS,
    ),
    Meaning(
        r"query_wait_timeout|no more connections allowed",
        "The pooler in front of the Postgres server has no free connection",
        SHUT_DOWN,
        SHUT_DOWN,
        "End sessions that are not needed, or use the URL of the server itself.",
    ),
    Meaning(
        r"query timeout|idle transaction timeout|client_idle_timeout",
        "The pooler in front of the Postgres server has ended the session at one of its own time limits",
        LONGER_LIMITS,
        LONGER_LIMITS,
        LONGER_LIMITS,
    ),
    Meaning(
        r"use SHOW HELP",
        "The URL names PgBouncer's admin console, which is not a database",
        A_DATABASE,
        A_DATABASE,
        A_DATABASE,
    ),
    Meaning(
        r"transaction blocks not allowed",
        "The pooler in front of the Postgres server allows no transactions, so nothing would keep a look from writing",
        OTHER_POOLER,
        OTHER_POOLER,
        OTHER_POOLER,
    ),
    Meaning(
        r"timeout expired|Connection refused|No such file|No route|unreachable|server closed the connection"
        r"|Connection reset|terminating connection|connection is (lost|closed)|the database system is",
        "The Postgres server does not answer, or has closed the connection",
        "Run `shop = lab.resume()`, or `lab doctor` in a terminal: either restarts it, and your work is kept.",
        "Check that it is running, and that LAB_POSTGRES_URL is right. Unset it to use the course's own server.",
        "Check that it is running, and that the URL is right.",
    ),
)


def unreachable(url: "str | URL", error: Exception) -> LabError:
    """The error to raise when no connection can be opened."""
    parsed = parse(url)
    is_own = is_the_labs(parsed)
    if parsed.get_backend_name() == "sqlite":
        fresh = "; `lab reset` with the lesson's number makes a fresh shop" if is_own else ""
        return LabError(
            f"The SQLite file {parsed.database} cannot be opened: {first_line(error)}.",
            f"Check that its folder exists and is yours{fresh}.",
        )
    # Other parameters may hold passwords, too.
    shown = parsed.set(query={name: value for name, value in parsed.query.items() if name in ("host", "port")})
    return out_of_reach(error, parsed) or LabError(
        f"The database {shown.render_as_string(hide_password=True)} cannot be opened: {first_line(error)}.",
        "Check that the server is running, and that the database and the parameters in the URL are right"
        + ("; `lab doctor` tries to connect." if is_own else "."),
    )


def explain(error: Exception) -> LabError:
    """What a failed connection means, and what to do about it; passwords never appear in it."""
    text = " ".join(str(error).split())
    return meaning(text) or LabError(f"Postgres reports: {text}.", "Run `lab doctor` to see what is wrong.")


def meaning(said: str, url: "str | URL | None" = None) -> LabError | None:
    """The meaning of a server's or libpq's message about the server or the connection; None for other messages.

    Args:
        url: the database, if it may be another than the lab's.
    """
    for each in MEANINGS:
        if re.search(each.pattern, said):
            if url is not None and not is_the_labs(url):
                return LabError(f"{each.means}.", each.other)
            return LabError(f"{each.means}.", each.named if os.environ.get("LAB_POSTGRES_URL") else each.own)
    return None


def out_of_reach(error: BaseException, url: "str | URL | None" = None) -> LabError | None:
    """The error to raise for a driver's error about the server, the disk or the connection; None if it is about SQL.

    Args:
        url: the database, if it may be another than the lab's.
    """
    said = str(getattr(error, "orig", None) or error)
    if isinstance(getattr(error, "orig", None) or error, sqlite3.Error):
        found = re.search(r"database or disk is full|disk I/O error|unable to open database file|malformed", said)
        next_step = found and SQLITE_NEXT[found[0]]
        if found and found[0] == "malformed" and url is not None and not is_the_labs(url):
            next_step = "Restore it from a backup, or copy what can still be read with SQLite's `.recover`."
        return found and LabError(f"SQLite cannot use its file: {first_line(error)}.", next_step or "")
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    if state and not state.startswith(ABOUT_THE_SERVER):
        return None
    return meaning(" ".join(said.split()), url)


def gave_up(error: BaseException) -> LabError | None:
    """The error to raise when a driver's error reports that a limit was reached; None for other errors."""
    said = first_line(error)
    state = getattr(error, "sqlstate", None)  # Postgres's five characters; SQLite has only words
    if state == "55P03" or "is locked" in said:
        return LabError(
            f"Gave up after waiting {connect.LOCK_SECONDS} seconds for a lock: {said}.",
            "End the other transaction, then run this again.",
        )
    if state == "57014" or said == "interrupted":
        return LabError(
            f"This SQL was stopped: it ran for more than {connect.STATEMENT_SECONDS} seconds, or you interrupted it.",
            "Look for an endless recursion or a join without its condition, or work in smaller steps.",
        )
    return None


def first_line(error: BaseException) -> str:
    """The first line of a database's error, without the driver's class, the SQL or the link that follow it."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0].rstrip(".") if said else type(error).__name__
