"""More rows of each kind than an exercise shows: they reveal what a revision gets wrong for unusual values.

The rows are the same in each check. They exist only in a check's copies, never in a learner's own database. A column
that repeats a few values gets no others, and a foreign key leads to a row that is there: `docs/checks.md` says so to
authors.
"""

import random
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from migration_lab.ground import connect
from migration_lab.instruments.schema import Column, Table, read_schema
from migration_lab.shops.templates import Template, variant
from migration_lab.teaching.judging.rows import quoted

RECIPE = "varied 5"  # changes with the rows
ROWS = 16
A_FEW_WORDS = 8  # in a column that repeats so few values, each has a meaning, and a new one has none
TEXTS = ("", " ", "Ünï'çode №", '"quoted", \\ and %', "MiXeD :x", "0", "NULL", "x")
EMAILS = (
    "First.Last@Sub.Example.DE", "de@de.example.com", "a.de@example.com", "ß.b.c@straße.de", "UPPER@EXAMPLE.ORG",
    "o'brien+tag@mail.example.co.uk", "x@de", "li@例子.de",
)  # fmt: skip
MOMENTS = ("1900-01-01 00:00:00.000001", "2038-01-19 03:14:08.000000", "9999-12-31 23:59:59.999999")


def varied(template: Template, besides: Collection[str] = ()) -> Template:
    """The template with more rows in its database; built once, like any template.

    Args:
        besides: tables that keep their rows, because a ticket mentions them.
    """
    return variant(template, f"{RECIPE} {sorted(besides)}", lambda url: vary(url, besides))


def vary(url: str, besides: Collection[str]) -> None:
    """Add unusual rows to a database; the same ones whatever order its rows are stored in."""
    choose = random.Random(7)
    with connect.engine(url).connect() as connection:
        for table in _parents_first(read_schema(url).tables):
            key = table.primary_key.columns if table.primary_key else ()
            if table.name in besides or table.schema or len(key) != 1:
                continue
            if (column := table.column(key[0])) and column.kind == "integer":
                _add_rows(connection, table, key[0], choose)


def _add_rows(connection: Connection, table: Table, key: str, choose: random.Random) -> None:
    """Add rows like the existing ones, with other values; the database assigns keys, and some rows are deleted."""
    columns = [each for each in table.in_order if each.name != key and not each.generated]
    names = ", ".join(quoted(each.name) for each in columns)
    # Where a row was stored once more depends on what else the server did at that time.
    shown = f"SELECT {names} FROM {quoted(table.name)} ORDER BY {quoted(key)} LIMIT 500"
    there = connection.exec_driver_sql(shown).all()
    connection.rollback()
    if not there or not columns:
        return
    marks = ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * len(columns))
    insert = f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})"
    unique = {each for one in table.uniques for each in one.columns}
    unique |= {each for one in table.indexes if one.unique for each in one.columns}
    keys = {each for one in table.foreign_keys for each in one.columns}
    for number in range(ROWS):
        like = choose.choice(there)
        values = []
        for place, column in enumerate(columns):
            known = list(dict.fromkeys(row[place] for row in there))
            is_word = known != [None] and len(known) <= A_FEW_WORDS and 2 * len(known) <= len(there)
            if column.name in unique or not (column.name in keys or is_word):
                is_unique = column.name in unique
                is_none = None in known and not is_unique and number % 4 == 0
                values.append(None if is_none else _value(column, like[place], number, is_unique, choose))
            else:
                values.append(choose.choice(known))
        for attempt in _plainer(values, list(like), [each.name in unique for each in columns]):
            if _done(connection, insert, attempt):
                break
    newest = f"SELECT {quoted(key)} FROM {quoted(table.name)} ORDER BY 1 DESC LIMIT {ROWS}"
    for gone in connection.exec_driver_sql(newest).scalars().all()[1 : ROWS // 2 : 3]:
        _done(connection, f"DELETE FROM {quoted(table.name)} WHERE {quoted(key)} = {gone}", [])


def _value(column: Column, like: Any, number: int, is_unique: bool, choose: random.Random) -> Any:
    match column.kind:
        case "text":
            text = choose.choice(EMAILS) if "@" in str(like) else choose.choice(TEXTS)
            text = f"{number}.{text}" if is_unique else text
            return text[: column.length]
        case "integer":
            return choose.choice((0, 1, 2**31 - 1, like))
        case "timestamp":
            return choose.choice(MOMENTS)
    return like


def _plainer(values: list[Any], like: list[Any], unique: list[bool]) -> Iterator[list[Any]]:
    """The values; if the database refuses them, with fewer and fewer unusual ones."""
    yield values
    for place in range(len(values)):
        yield [each if n == place or unique[n] else like[n] for n, each in enumerate(values)]


def _done(connection: Connection, sql: str, values: list[Any]) -> bool:
    try:
        connection.exec_driver_sql(sql, tuple(values))
        connection.commit()
    except DBAPIError:
        connection.rollback()
        return False
    return True


def _parents_first(tables: tuple[Table, ...]) -> list[Table]:
    waiting, sorted_ = list(tables), []
    while waiting:
        names = {each.name for each in waiting}
        free = [each for each in waiting if not {key.target for key in each.foreign_keys} & (names - {each.name})]
        sorted_ += free or waiting
        waiting = [each for each in waiting if each not in sorted_]
    return sorted_
