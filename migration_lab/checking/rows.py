"""Whether rows survive: what a database's tables hold, and which values are not there any more."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from migration_lab.checking.copies import quoted
from migration_lab.readonly import looking_at
from migration_lab.schema import Schema


@dataclass(frozen=True)
class Table:
    """A table's rows. `key` holds the columns of its primary key, none where it has none."""

    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def values(self, columns: Collection[str]) -> list[tuple[Any, ...]]:
        """The rows, with these columns only."""
        places = [self.columns.index(each) for each in columns]
        return [tuple(row[place] for place in places) for row in self.rows]


Tables = dict[str, Table]


def lost(before: Tables, after: Tables, renamed: Mapping[str, str], besides: Collection[str]) -> list[str]:
    """Which values from before are not there afterwards, in a sentence for each table: what was, and what is.

    Rows that came later do not matter.

    Args:
        before, after: what `read` gave.
        renamed: {"table.old": "table.new"}; either name will do.
        besides: "table.column" and "table" that are not compared.
    """
    found = []
    for name, table in before.items():
        if name in besides:
            continue
        if name not in after:
            found += [f"`{name}`: the table is gone"] if table.rows else []
            continue
        compared = [each for each in table.columns if f"{name}.{each}" not in besides]
        now_called = {each: _name_now(name, each, after[name], renamed) for each in compared}
        gone = [each for each, now in now_called.items() if now is None]
        if gone and table.rows:
            found.append(f"`{name}.{gone[0]}`: the column is gone, with its values")
            continue
        kept = {each: now for each, now in now_called.items() if now is not None}
        if said := _first_difference(name, table, after[name], kept):
            found.append(said)
    return found


def read(url: str, schema: Schema) -> Tables:
    """All rows of all tables in the schema, read through one connection."""
    found = {}
    with looking_at(url) as connection:
        for table in schema.tables:
            # The driver's own cursor: no SQLAlchemy type may change a value on its way.
            cursor = connection.connection.cursor()
            cursor.execute(f"SELECT * FROM {'.'.join(quoted(each) for each in table.place if each)}")
            columns = tuple(column[0] for column in cursor.description or ())
            key = table.primary_key.columns if table.primary_key else ()
            found[table.name] = Table(key, columns, tuple(map(tuple, cursor.fetchall())))
    return found


def _name_now(table: str, column: str, after: Table, renamed: Mapping[str, str]) -> str | None:
    new = renamed.get(f"{table}.{column}", "").rpartition(".")[2]
    return next((each for each in (new, column) if each in after.columns), None)


def _first_difference(name: str, before: Table, after: Table, kept: Mapping[str, str]) -> str:
    old, new = before.values(kept.keys()), after.values(kept.values())
    key = [each for each in before.key if each in kept]
    if not key:
        missing = list((Counter(map(repr, old)) - Counter(map(repr, new))).elements())
        return f"`{name}`: a row is gone or changed, {missing[0]}" if missing else ""
    places = [list(kept).index(each) for each in key]
    there = {tuple(row[place] for place in places): row for row in new}
    for row in sorted(old, key=lambda row: repr([row[place] for place in places])):
        which = ", ".join(f"{column} {row[place]}" for column, place in zip(key, places, strict=True))
        now = there.get(tuple(row[place] for place in places))
        if now is None:
            return f"`{name}`: the row with {which} is gone"
        for (column, now_called), was, value in zip(kept.items(), row, now, strict=True):
            if was != value:
                there_now = "" if now_called == column else f"`{now_called}` "
                return f"`{name}.{column}` of the row with {which} was {was!r} and {there_now}is {value!r}"
    return ""
