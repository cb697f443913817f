"""Whether rows survive: what a database's tables hold, and which values changed."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from typing import Any

from migration_lab.instruments.readonly import looking_at
from migration_lab.instruments.schema import Schema
from migration_lab.teaching.judging.words import shown

A_FEW = 3  # rows in which a shop in use may have changed a value since the start of an exercise


@dataclass(frozen=True)
class Table:
    """A table's rows. `key` holds the columns of its primary key, if it has one."""

    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns, in the order of the key."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return sorted(rows, key=lambda row: [(row[each] is None, row[each]) for each in self.key])

    def values(self, column: str) -> dict[Any, Any]:
        """The values of a column by the id of their row, sorted by it; None for a missing column."""
        if column not in self.columns or "id" not in self.columns:
            return {row.get("id"): None for row in self.as_dicts()}
        id_, place = self.columns.index("id"), self.columns.index(column)
        return dict(sorted(((row[id_], row[place]) for row in self.rows), key=itemgetter(0)))


Tables = dict[str, Table]


@dataclass(frozen=True)
class MayChange:
    """How the earlier rows may have changed.

    Args:
        writes: columns and tables, "orders.status" and "point_bookings", whose values and rows may differ.
        loses: columns whose values may be gone, but not replaced.
        renamed: {"users.nickname": "users.display_name"}, in either direction.
        business: whether the shop is in use: a few rows may have another value in a column, but not lose one, and there
            may be new rows. If several rows had no value and now all have one, that does not count as use.
        grows: tables that may have new rows.
    """

    writes: Collection[str] = ()
    loses: Collection[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    business: bool = False
    grows: Collection[str] = ()


def changed(before: Tables, after: Tables, may: MayChange, *, columns: Tables | None = None) -> list[str]:
    """What changed, in a sentence for each earlier table: the first row and value that differ.

    Args:
        before, after: what `read` gave.
        columns: compare only the columns that a table has in it, or that are renamed to one of them.
    """
    found = []
    for name, table in before.items():
        if name in may.writes or (columns is not None and name not in columns):
            continue
        if name not in after:
            if table.rows:
                found.append(f"`{name}`: the table is gone, with its {len(table.rows)} rows")
            continue
        kept, gone = _kept(name, table, after[name], may, columns)
        if gone and table.rows:
            found.append(f"`{name}.{gone[0]}`: the column is gone, with its values")
        elif said := _first_difference(name, table, after[name], kept, may):
            found.append(said)
    return found


def read(url: str, schema: Schema) -> Tables:
    """All rows of all tables in the schema, read through one connection."""
    found = {}
    with looking_at(url, asks_the_same=True) as connection:
        for table in schema.tables:
            # The driver's own cursor: no SQLAlchemy type converts a value.
            cursor = connection.connection.cursor()
            cursor.execute(f"SELECT * FROM {'.'.join(quoted(each) for each in table.place if each)}")
            columns = tuple(column[0] for column in cursor.description or ())
            key = table.primary_key.columns if table.primary_key else ()
            found[table.name] = Table(key, columns, tuple(map(tuple, cursor.fetchall())))
    return found


def quoted(name: str) -> str:
    """A name of a table or column, quoted for SQL whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def _kept(
    name: str, before: Table, after: Table, may: MayChange, columns: Tables | None
) -> tuple[dict[str, str], list[str]]:
    """The columns to compare, by their names before and after; and those that are missing."""
    both = {**may.renamed, **{new: old for old, new in may.renamed.items()}}
    kept, gone = {}, []
    for column in before.columns:
        other = both.get(f"{name}.{column}", "").rpartition(".")[2]
        if f"{name}.{column}" in may.writes:
            continue
        if columns is not None and not {column, other} & set(columns[name].columns):
            continue
        now = next((each for each in (other, column) if each in after.columns), None)
        if now is None and f"{name}.{column}" not in may.loses:
            gone.append(column)
        elif now is None:
            continue
        else:
            kept[column] = now
    return kept, gone


def _first_difference(name: str, before: Table, after: Table, kept: Mapping[str, str], may: MayChange) -> str:
    key = [each for each in before.key if each in kept]
    old, new = _picked(before, list(kept)), _picked(after, list(kept.values()))
    if not key:
        return _first_of_all(name, old, new, additions=not may.business and name not in may.grows)
    places = [list(kept).index(each) for each in key]
    there = {tuple(row[place] for place in places): row for row in new}
    now_of = [(row, there.pop(tuple(row[place] for place in places), None)) for row in old]
    differ = [(row, now) for row, now in now_of if now is None or row != now or [*map(type, row)] != [*map(type, now)]]
    by_shop: Counter[str] = Counter()
    gaps = {column for column in kept if may.business and _are_filled(now_of, list(kept).index(column))}
    for row, now in sorted(differ, key=lambda pair: _in_order(pair[0], places)):
        which = _which(key, row, places)
        if now is None:
            return f"`{name}`: the row with {which} is gone"
        for (column, now_called), was, value in zip(kept.items(), row, now, strict=True):
            if (was == value and type(was) is type(value)) or (value is None and f"{name}.{column}" in may.loses):
                continue
            if (
                may.business
                and column not in gaps
                and column not in key
                and (value not in (None, "") or was in (None, ""))
            ):
                by_shop[column] += 1
                if by_shop[column] <= A_FEW:
                    continue
            there_now = "" if now_called == column else f"`{now_called}` "
            return f"`{name}.{column}` of the row with {which} was {shown(was)} and {there_now}is {shown(value)}"
    if there and not may.business and name not in may.grows:
        first = min(there.values(), key=lambda row: _in_order(row, places))
        return f"`{name}`: a row was added, with {_which(key, first, places)}"
    return ""


def _are_filled(now_of: list[tuple[tuple[Any, ...], tuple[Any, ...] | None]], place: int) -> bool:
    """Whether several rows had no value in a column and all of them have one now."""
    none = [now for row, now in now_of if row[place] is None]
    return len(none) > 1 and all(now is not None and now[place] is not None for now in none)


def _first_of_all(name: str, old: list[tuple[Any, ...]], new: list[tuple[Any, ...]], *, additions: bool) -> str:
    """The first difference of a table without a key."""
    rows = {repr(row): f"({', '.join(map(shown, row))})" for row in (*old, *new)}
    before, after = Counter(map(repr, old)), Counter(map(repr, new))
    if missing := sorted((before - after).elements()):
        return f"`{name}`: a row is gone or changed, {rows[missing[0]]}"
    added = sorted((after - before).elements()) if additions else []
    return f"`{name}`: a row was added, {rows[added[0]]}" if added else ""


def _picked(table: Table, columns: Collection[str]) -> list[tuple[Any, ...]]:
    places = [table.columns.index(each) for each in columns]
    return [tuple(row[place] for place in places) for row in table.rows]


def _in_order(row: tuple[Any, ...], places: list[int]) -> list[tuple[float, str]]:
    """Sort numbers by size, before everything else."""
    key = (row[place] for place in places)
    return [(each, "") if isinstance(each, int | float) else (inf, repr(each)) for each in key]


def _which(key: list[str], row: tuple[Any, ...], places: list[int]) -> str:
    return ", ".join(f"{column} {row[place]}" for column, place in zip(key, places, strict=True))
