"""Connections to a server, and the one place where a failed one becomes a message for people."""

import os
import re
from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from migration_lab.ground.errors import LabError

TIMEOUT = 5  # seconds to wait for a server that does not answer

# What a message of the server or libpq means for the learner: pattern, message, next step where the server is
# the course's own, next step where it is that of LAB_POSTGRES_URL.
AGAIN = "Try again; if that does not help, run `lab doctor` in a terminal."
SHUT_DOWN = "Shut down the kernels of notebooks that you do not use (*Running Terminals and Kernels*), then try again."
MEANINGS = (
    (
        r"No space left on device|could not extend file",
        "There is no room left for Postgres's databases",
        "Make room on the disk, then try again; SQLite needs far less.",
        "Make room on the server's disk, or ask its administrator to, then try again.",
    ),
    (
        r"password authentication failed|no password supplied",
        "The Postgres server refuses the user name or the password",
        AGAIN,
        "Correct LAB_POSTGRES_URL.",
    ),
    (
        r"could not translate host name|failed to resolve host|Name or service not known|nodename nor servname",
        "The address of the Postgres server names a machine or a port that does not exist",
        AGAIN,
        "Correct LAB_POSTGRES_URL.",
    ),
    (
        r"too many clients|connection slots",
        "The Postgres server has no free connection",
        SHUT_DOWN,
        SHUT_DOWN,
    ),
    (
        r'database "[^"]*" does not exist',
        "The Postgres server has no database of that name",
        "Open a fresh shop with `lab.open(...)`, `lab.exercise(...)` or, in a terminal, `lab reset`.",
        "Correct LAB_POSTGRES_URL, or open a fresh shop with `lab reset`.",
    ),
    (
        r'role "[^"]*" does not exist|no pg_hba.conf entry|not permitted to log in',
        "The Postgres server does not let this user in",
        AGAIN,
        "Ask the server's administrator, or correct LAB_POSTGRES_URL.",
    ),
    (
        r"timeout expired|Connection refused|No such file|No route|unreachable|server closed the connection"
        r"|Connection reset|terminating connection|connection is (lost|closed)|the database system is",
        "The Postgres server does not answer, or has closed the connection",
        "Run `shop = lab.resume()`, or `lab doctor` in a terminal: either starts it again, and your work stays.",
        "Check that it is running, and that LAB_POSTGRES_URL is right. Unset it to use the course's own server.",
    ),
)


def connect(parameters: Mapping[str, str | int]) -> psycopg.Connection:
    """Open a connection that commits each statement.

    Raises:
        psycopg.OperationalError: as the driver raises it; `explain` turns it into a `LabError`.
    """
    given = {name: str(value) for name, value in parameters.items()}
    return psycopg.connect(make_conninfo(**{"connect_timeout": str(TIMEOUT), **given}), autocommit=True)


def explain(error: psycopg.Error) -> LabError:
    """What a failed connection means and what to do; passwords never appear in it."""
    text = " ".join(str(error).split())
    return meaning(text) or LabError(f"Postgres reports: {text}.", "Run `lab doctor` to see what is wrong.")


def meaning(said: str) -> LabError | None:
    """The meaning of a server's or libpq's message about the server or the connection; None for other messages."""
    for pattern, message, own, named in MEANINGS:
        if re.search(pattern, said):
            return LabError(f"{message}.", named if os.environ.get("LAB_POSTGRES_URL") else own)
    return None


def parse_url(url: str) -> dict[str, str | int]:
    """The connection parameters in a URL such as `postgresql://user:password@host:5432/name`.

    Raises:
        LabError: it is not the URL of a Postgres server. The text is not repeated, because it may hold a password.
    """
    plain = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url.strip())
    try:
        if plain.startswith("postgresql://"):
            found = conninfo_to_dict(plain)
            return {name: value for name, value in found.items() if value is not None}
    except psycopg.Error:
        pass
    raise LabError(
        "LAB_POSTGRES_URL is not the URL of a Postgres server.",
        "Write it as postgresql://user:password@host:5432/name, with %-codes for special characters, or unset it.",
    )
