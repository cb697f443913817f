"""Rows that arrive and values that change between the steps of a migration, as in a shop in use."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError

from migration_lab.ground import connect
from migration_lab.instruments.schema import Table
from migration_lab.teaching.judging.database import Snapshot
from migration_lab.teaching.judging.rows import MayChange, quoted

WORDS = "später, 'O''K' №7"
MOMENT = "2031-05-05 10:00:00"


def arrive(url: str, start: Snapshot, now: Snapshot, may: MayChange) -> None:
    """Add to each table of the start one row like an existing one, and give one row other values.

    A row that a constraint refuses is left out. Other values are given to columns
    that could be null at the start, by the name that they have now, in a row that had a value then and in one that had
    none; such a value belongs to a person.

    Args:
        url: the database to change.
        start, now: what it held at the start, and what it holds now.
    """
    with connect.engine(url).connect() as connection:
        marker = "?" if connection.dialect.name == "sqlite" else "%s"
        for table in now.schema.tables:
            if table.name not in start.tables or table.name in may.writes:
                continue
            rows = now.rows_of(table.name)
            for sql, values in (*_one_more(table, rows, marker), *_other_values(table, rows, start, may, marker)):
                try:
                    connection.exec_driver_sql(sql, tuple(values))
                    connection.commit()
                except DBAPIError:
                    connection.rollback()


def use(url: str, now: Snapshot, columns: Sequence[str]) -> bool:
    """Give a value to one row in each of these columns, such as "users.phone"; whether the database takes any."""
    there = {each: now.column(each) for each in columns}
    text = {each: WORDS[: column.length] for each, column in there.items() if column and column.kind == "text"}
    taken = [_set(url, name, value) for name, value in text.items()]
    return any(taken)


def leave_empty(url: str, columns: Sequence[str]) -> None:
    """Take all values out of these columns."""
    for each in columns:
        _set(url, each, None)


def _set(url: str, name: str, value: str | None) -> bool:
    table, _, column = name.rpartition(".")
    where = "" if value is None else f" WHERE id = (SELECT max(id) FROM {quoted(table)})"
    with connect.engine(url).connect() as connection:
        marker = "?" if connection.dialect.name == "sqlite" else "%s"
        try:
            done = connection.exec_driver_sql(
                f"UPDATE {quoted(table)} SET {quoted(column)} = {marker}{where}", (value,)
            )
            connection.commit()
        except DBAPIError:
            connection.rollback()
            return False
    return done.rowcount > 0


def _one_more(table: Table, rows: list[dict[str, Any]], marker: str) -> list[tuple[str, list[Any]]]:
    key = table.primary_key.columns if table.primary_key else ()
    if not rows or len(key) != 1:
        return []
    like = rows[len(rows) // 2]
    unique = {each for one in table.uniques for each in one.columns}
    unique |= {each for one in table.indexes if one.unique for each in one.columns}
    given: dict[str, Any] = {}
    for column in table.columns:
        if column.generated or (column.name in key and column.kind == "integer"):
            continue  # the database gives it
        value = like[column.name]
        if column.name in unique | set(key):
            value = f"arrived-{len(rows)}"[: column.length] if column.kind == "text" else None
        given[column.name] = value
    names = ", ".join(map(quoted, given))
    marks = ", ".join([marker] * len(given))
    return [(f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})", list(given.values()))]


def _other_values(
    table: Table, rows: list[dict[str, Any]], start: Snapshot, may: MayChange, marker: str
) -> list[tuple[str, list[Any]]]:
    key = table.primary_key.columns if table.primary_key else ()
    if not rows or len(key) != 1:
        return []
    new_names = {new: old for old, new in may.renamed.items()}
    statements = []
    for column in table.columns:
        name = new_names.get(f"{table.name}.{column.name}", f"{table.name}.{column.name}")
        then = start.column(name)
        if then is None or not then.nullable or column.kind not in ("text", "timestamp"):
            continue
        value = WORDS[: column.length] if column.kind == "text" else MOMENT
        sql = f"UPDATE {quoted(table.name)} SET {quoted(column.name)} = {marker} WHERE {quoted(key[0])} = {marker}"
        had = start.values_of(name)
        for has_one in (True, False):
            row = next((each for each in reversed(rows) if (had.get(each.get("id")) is not None) is has_one), None)
            known = [each[column.name] for each in rows if each[column.name] is not None]
            # A check may refuse the first one, and not one that is there.
            statements += [(sql, [each, row[key[0]]]) for each in (*known[:1], value) if row]
    return statements
