"""SQL by hand: a query that cannot change anything, or a statement that is run and committed."""

import json
import re
import sqlite3
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import URL

from migration_lab.ground import connect
from migration_lab.ground.database_errors import first_line, gave_up, out_of_reach, unreachable
from migration_lab.ground.database_urls import is_the_labs, mode_of, parse
from migration_lab.ground.errors import LabError
from migration_lab.ground.text_table import text_table
from migration_lab.instruments import odd_values
from migration_lab.instruments.readonly import looking_at

SHOWN_ROWS = 30
SHOWN_CHARACTERS = 100
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)} | {10: "\\n", 13: "\\r", 9: "\\t"}
OWN_TRANSACTION = re.compile(
    r"^\s*(begin|commit|rollback|savepoint|pragma|vacuum|attach)\b", re.IGNORECASE | re.MULTILINE
)
ODD_CHARACTER = re.compile("[\0\ud800-\udfff]")
IS_COPY = re.compile(r"(?>\s+|--[^\n]*|/\*.*?\*/)*+copy\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Rows:
    """The answer to a query: the names of its columns, and its rows as tuples of Python values.

    `if_none`: a sentence to show instead of an empty table, if that is good news.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    if_none: str = field(default="", compare=False)

    @property
    def scalar(self) -> Any:
        """The first value of the first row; None if there are no rows."""
        return self.rows[0][0] if self.rows else None

    def __len__(self) -> int:
        return len(self.rows)

    def as_cells(self, limit: int = SHOWN_ROWS) -> list[list[str]]:
        """The first `limit` rows as they are displayed, one text per value."""
        return [[as_shown(value) for value in row] for row in self.rows[:limit]]

    def as_text(self, limit: int = SHOWN_ROWS) -> str:
        """An aligned table of the first `limit` rows, and how many there are in all."""
        if self.if_none and not self.rows:
            return self.if_none
        values = enumerate(zip(*self.rows, strict=True))
        numeric = [place for place, column in values if all(isinstance(each, int | float | Decimal) for each in column)]
        table = text_table(self.columns, self.as_cells(limit), numeric=numeric, heads_at_left=True)
        return "\n".join([*table, self.footer(limit)])

    def footer(self, limit: int = SHOWN_ROWS) -> str:
        """The number of rows, and how many are shown if not all."""
        count = "1 row" if len(self.rows) == 1 else f"{len(self.rows)} rows"
        return f"({count})" if len(self.rows) <= limit else f"({count}, the first {limit} are shown)"


def query(url: str, sql: str) -> Rows:
    """Query a database.

    Args:
        url: a SQLAlchemy URL.
        sql: one statement. The database itself refuses to let it write.

    Raises:
        LabError: the statement would write, the database rejects it (the error has its message), or it took too long.
    """
    refuse_odd_text(sql, "SQL")
    with looking_at(url) as connection:
        if IS_COPY.match(sql):  # in a READ ONLY transaction it may write the server's files, or run a program there
            raise LabError("COPY is not a query.", "Ask with SELECT.")
        odd_values.as_text(connection)
        cursor = connection.connection.cursor()
        try:
            # Postgres accepts several statements at once, and the first could end the read-only transaction. In a
            # pipeline it accepts only one, as SQLite's driver always does.
            with connection.connection.pipeline() if connection.dialect.name == "postgresql" else nullcontext():
                cursor.execute(sql)
            if cursor.description is None:
                return Rows((), ())
            return Rows(tuple(column[0] for column in cursor.description), tuple(map(tuple, cursor.fetchall())))
        except (connection.dialect.loaded_dbapi.Error, sqlite3.Warning) as error:
            raise _refused(url, error) from error
        finally:
            cursor.close()


def execute(url: str, sql: str) -> int:
    """Run SQL written by hand and commit it, as a database client does.

    Several statements are one transaction: all of them take effect, or none. A script with its own BEGIN or a
    statement that cannot run inside a transaction (PRAGMA, VACUUM), runs as it is. The limits: see `looking_at`.

    Returns:
        How many rows were inserted, updated or deleted.

    Raises:
        LabError: the database rejects it (the error has its message), or one of the limits was reached.
    """
    refuse_odd_text(sql, "SQL")
    parsed = parse(url)
    return _execute_sqlite(parsed, sql) if parsed.get_backend_name() == "sqlite" else _execute_postgres(parsed, sql)


def refuse_odd_text(given: object, what: str) -> None:
    """Refuse what no driver can send.

    Args:
        given: what the caller took for a text.
        what: what it should be, for the message.

    Raises:
        LabError: it is not a text, or it has a character that no database accepts: NUL, or half of a surrogate pair.
    """
    if not isinstance(given, str):
        raise LabError(f"The {what} must be a text; this is {type(given).__name__}.", "Give it as text, in quotes.")
    if odd := ODD_CHARACTER.search(given):
        raise LabError(
            f"The {what} has a character that no database accepts: {ascii(odd[0])[1:-1]}, at position {odd.start()}.",
            "Such a character comes from a file that is not text, or was read with the wrong encoding. Take it out.",
        )


def as_shown(value: object) -> str:
    """A value as a table displays it: NULL, true, 2026-05-01 09:30:00, X'00ff', cut off at `SHOWN_CHARACTERS`."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case bytes() | memoryview():
            text = f"X'{bytes(value).hex()}'"
        case dict() | list():
            text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
        case _:
            text = str(value)
    text = text.replace("\\", "\\\\").translate(CONTROLS) if isinstance(value, str) else text
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _execute_sqlite(url: URL, sql: str) -> int:
    try:
        connection = connect.sqlite(url.database or ":memory:", mode_of(url, "rwc"), isolation_level=None)
    except sqlite3.Error as error:
        raise unreachable(url, error) from error
    connect.limit(connection)
    try:
        connection.executescript(sql if OWN_TRANSACTION.search(sql) else f"BEGIN;\n{sql}\n;COMMIT")
        return connection.total_changes
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _not_done(url, error) from error
    finally:
        connection.close()  # which rolls back what is still open


def _execute_postgres(url: URL, sql: str) -> int:
    import psycopg  # imported only if Postgres is used

    try:
        # Not through SQLAlchemy's engine, which first sends five queries of its own.
        session: Any
        session, first = connect.session(connect.parameters_of(url), name="SQL by hand", settings=connect.limits())
    except psycopg.Error as error:
        raise unreachable(url, error) from error
    try:
        changed = 0
        with session.cursor() as cursor:
            cursor.execute(first + sql)
            while True:
                word = (cursor.statusmessage or "").split(" ")[0]
                changed += cursor.rowcount if word in ("INSERT", "UPDATE", "DELETE", "MERGE") else 0
                if not cursor.nextset():
                    return changed
    except psycopg.errors.ActiveSqlTransaction as error:
        if not first:
            raise _not_done(url, error) from error
        raise LabError(
            f"Through a pooler, the lab's limits need a transaction: {first_line(error)}.",
            "Use the URL of the Postgres server itself for this statement.",
        ) from error
    except psycopg.Error as error:
        raise _not_done(url, error) from error
    finally:
        session.close()


def _refused(url: str, error: Exception) -> LabError:
    said = _in_full(error)
    writes = _state(error) == "25006" or "readonly database" in said or "attached databases" in said
    if writes:
        return LabError(
            "This query is read-only.",
            "Use `shop.execute(...)` for SQL by hand, or write a migration."
            if is_the_labs(url)
            else "To change this database, use its own client, or write a migration.",
        )
    if "one statement at a time" in said or "multiple commands into a prepared" in said:
        return LabError("A query is one statement.", "Ask one question at a time.")
    return _not_done(url, error)


def _not_done(url: str | URL, error: Exception) -> LabError:
    return (
        gave_up(error)
        or out_of_reach(error, url)
        or LabError(f"The database does not accept this SQL: {_in_full(error)}.", "Correct it and run it again.")
    )


def _state(error: Exception) -> str | None:
    """Postgres's code for this error, five characters; read without importing its driver."""
    return getattr(error, "sqlstate", None)


def _in_full(error: Exception) -> str:
    """The first line of the database's message, with Postgres's DETAIL and HINT if there are any."""
    diagnosis = getattr(error, "diag", None)
    extra = [diagnosis.message_detail, diagnosis.message_hint] if diagnosis else []
    return ". ".join([first_line(error), *(each.rstrip(".") for each in extra if each)])
