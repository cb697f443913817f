"""Whether two definitions of a view mean the same, as far as rows show it: for judges."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from migration_lab.ground import connect
from migration_lab.instruments.schema import Change, Column, Table
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.rows import quoted

# The sessions on Postgres: whatever depends on the time zone differs at the end of a month.
ZONES = ("UTC", "Pacific/Kiritimati")
END_OF_A_MONTH = "'2026-01-31 23:30:00'"
NULL = "NULL"
OTHERS = {"boolean": "NOT {column}", "timestamp": END_OF_A_MONTH}  # other values, by the kind of a column


def answers_alike(copy: Database, change: Change) -> bool:
    """Whether a view with another definition gives the same columns and rows: with the copy's rows, with other values
    in half of them, with nulls in a third, and in a session with another time zone.

    Args:
        copy: has the tables of both definitions; its rows are changed.
    """
    if change.kind != "view" or change.before is None or change.after is None:
        return False
    with connect.engine(copy.url).connect() as opened:
        connection = opened.execution_options(no_parameters=True)  # else a `%` would be taken for one
        if not _alike(connection, change.before, change.after):
            return False
        tables = copy.schema().tables
        for other in (_other_values, _nulls):
            for table in tables:
                _set(connection, table, other(table))
            if not _alike(connection, change.before, change.after):
                return False
        return True


def _alike(connection: Connection, *queries: str) -> bool:
    is_postgres = connection.dialect.name == "postgresql"
    for zone in ZONES if is_postgres else ZONES[:1]:
        try:
            if is_postgres:
                connection.exec_driver_sql(f"SET TIME ZONE '{zone}'")
            one, other = ([result.keys(), *result] for result in map(connection.exec_driver_sql, queries))
        except DBAPIError:
            connection.rollback()
            return False
        if [*one[0]] != [*other[0]] or sorted(map(repr, one[1:])) != sorted(map(repr, other[1:])):
            return False
    connection.commit()
    return True


def _set(connection: Connection, table: Table, values: Iterable[tuple[Column, str]]) -> None:
    """Change a column of some rows to a value, for each of these. What a constraint refuses stays."""
    key = table.primary_key.columns if table.primary_key else ()
    if len(key) != 1 or not (found := table.column(key[0])) or found.kind != "integer":
        return
    for column, value in values:
        every = 3 if value == NULL else 2
        try:
            connection.exec_driver_sql(
                f"UPDATE {quoted(table.name)} SET {quoted(column.name)} = {value} WHERE {quoted(key[0])} % {every} = 0"
            )
            connection.commit()
        except DBAPIError:
            connection.rollback()


def _other_values(table: Table) -> Iterator[tuple[Column, str]]:
    """Values that often decide what a view shows."""
    yield from (
        (each, OTHERS[each.kind].format(column=quoted(each.name))) for each in table.columns if each.kind in OTHERS
    )


def _nulls(table: Table) -> Iterator[tuple[Column, str]]:
    yield from ((each, NULL) for each in table.columns if each.nullable)
