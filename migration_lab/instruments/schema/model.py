"""What a schema is made of.

A `Schema` compares equal to another when both describe the same schema on the same engine. The order of a table's
columns is shown but not compared: a column that was dropped and added again comes last and is the same column.
Type names, defaults and definitions are the engine's own words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

KINDS = (
    ("boolean", r"bool"),
    ("text", r"char|text|clob|string"),
    ("timestamp", r"timestamp|datetime"),
    ("date", r"^date$"),
    ("json", r"json"),
    ("integer", r"\b(big|small|medium|tiny)?int(eger|\d)?\b|serial"),  # not `interval`, not `point`
    ("number", r"numeric|decimal|real|double|float"),
    ("binary", r"bytea|blob|binary"),
)


@dataclass(frozen=True)
class Column:
    """A column. `type` is what the engine calls it; `generated` is an identity or a computed expression, or None."""

    name: str
    type: str
    nullable: bool
    default: str | None = None
    generated: str | None = None
    collation: str | None = None
    position: int = field(default=0, compare=False)

    @property
    def kind(self) -> str:
        """The family of the type, the same word on both engines: text, integer, timestamp and so on, or `other`."""
        if self.type.endswith("[]"):
            return "other"
        return next((kind for kind, pattern in KINDS if re.search(pattern, self.type, re.IGNORECASE)), "other")

    @property
    def length(self) -> int | None:
        """The most characters that a text column takes; None where the type sets no limit."""
        found = re.search(r"\((\d+)\)", self.type) if self.kind == "text" else None
        return int(found[1]) if found else None

    def __str__(self) -> str:
        words = [self.type, "may be null" if self.nullable else "must not be null"]
        words += [f"default {self.default}"] if self.default is not None else []
        words += [self.generated] if self.generated else []
        words += [f"collation {self.collation}"] if self.collation else []
        return ", ".join(words)


@dataclass(frozen=True)
class Key:
    """A primary key or a unique constraint; `name` is None if the database keeps none. `options`: all else, in SQL."""

    name: str | None
    columns: tuple[str, ...]
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([f"on ({', '.join(self.columns)})", *self.options])


class PrimaryKey(Key):
    """A primary key."""


class Unique(Key):
    """A unique constraint; a unique index is an `Index`."""


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key. `on_delete` is `CASCADE`, `SET NULL` and so on, or None; `options` holds everything else."""

    name: str | None
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: str | None = None
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"({', '.join(self.columns)}) to {self.target} ({', '.join(self.target_columns)})"
        return " ".join([text, *([f"ON DELETE {self.on_delete}"] if self.on_delete else []), *self.options])


@dataclass(frozen=True)
class Check:
    """A CHECK constraint; `valid` is False if Postgres has not yet checked the old rows."""

    name: str | None
    condition: str
    valid: bool = True
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.condition, *self.options, *([] if self.valid else ["NOT VALID"])])


@dataclass(frozen=True)
class Index:
    """An index. `columns` are names or expressions; `where` is the condition of a partial index.

    `extra` is what the engine's definition says beyond that (method, operator class, sort order, INCLUDE);
    `valid` is False for what a failed concurrent build leaves behind.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    where: str | None = None
    extra: str | None = None
    valid: bool = True

    def __str__(self) -> str:
        words = ["unique"] if self.unique else []
        words += [self.extra if self.extra and self.extra.startswith("USING") else f"on ({', '.join(self.columns)})"]
        words += [self.extra] if self.extra and self.extra not in words else []
        words += [f"WHERE {self.where}"] if self.where else []
        return " ".join(words) + ("" if self.valid else ", INVALID")


@dataclass(frozen=True)
class Named:
    """Anything that is a name and a text: a trigger, a view, an enum, a function, another constraint."""

    name: str
    definition: str

    def __str__(self) -> str:
        return self.definition


@dataclass(frozen=True)
class Detail:
    """Anything else in a schema that the rest of this model does not cover.

    `owner` is the table or view that it belongs to, or None. `name` is empty if there can be only one of its kind.
    """

    kind: str
    name: str
    definition: str
    owner: str | None = None


@dataclass(frozen=True)
class Table:
    """A table. Everything in it is sorted by name, except that `in_order` gives the columns as the table has them.

    `schema` is the Postgres schema of a table outside the first of the search path, whose `name` is then
    `schema.table`; None for every other table.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: PrimaryKey | None = None
    uniques: tuple[Unique, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    other_constraints: tuple[Named, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Named, ...] = ()
    schema: str | None = None

    @property
    def place(self) -> tuple[str | None, str]:
        """The schema, None for the first of the search path, and the table's name within it."""
        return self.schema, self.name.removeprefix(f"{self.schema}.") if self.schema else self.name

    @property
    def in_order(self) -> list[Column]:
        """The columns in the table's own order."""
        return sorted(self.columns, key=lambda column: column.position)

    def column(self, name: str) -> Column | None:
        """The column of this name, or None."""
        return next((each for each in self.columns if each.name == name), None)

    def index(self, name: str) -> Index | None:
        """The index of this name, or None."""
        return next((each for each in self.indexes if each.name == name), None)

    def parts(self) -> Iterator[tuple[str, str, object]]:
        """Everything in the table as (kind, name, thing). A part without a name is identified by its definition."""
        for column in self.in_order:
            yield "column", column.name, column
        if self.primary_key:
            yield "primary key", self.primary_key.name or "", self.primary_key
        named = {
            "unique constraint": self.uniques,
            "foreign key": self.foreign_keys,
            "check": self.checks,
            "constraint": self.other_constraints,
            "index": self.indexes,
            "trigger": self.triggers,
        }
        for kind, parts in named.items():
            for part in parts:
                yield kind, part.name or f"without a name {part}", part  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Schema:
    """What a database holds, apart from its rows; by default without Alembic's own table.

    On Postgres these are all schemas of the database; what is not in the first of the search path is called
    `schema.name`. `sequences` are those that belong to no column. `details` is what else there is, sorted: it is
    compared, and shown where it changed.
    """

    engine: Literal["sqlite", "postgres"]
    tables: tuple[Table, ...] = ()
    views: tuple[Named, ...] = ()
    enums: tuple[Named, ...] = ()
    functions: tuple[Named, ...] = ()
    sequences: tuple[Named, ...] = ()
    materialized_views: tuple[Named, ...] = ()
    details: tuple[Detail, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}

    def table(self, name: str) -> Table | None:
        """The table of this name, or None."""
        return self._by_name.get(name)

    def only(self, *names: str) -> "Schema":
        """The same schema with these tables alone."""
        return Schema(
            self.engine,
            tuple(table for table in self.tables if table.name in names),
            details=tuple(each for each in self.details if each.owner in names),
        )

    def beside_tables(self) -> Iterator[tuple[str, Named]]:
        """Views, enum types, functions and sequences as (kind, thing)."""
        named = {
            "view": self.views,
            "materialized view": self.materialized_views,
            "enum": self.enums,
            "function": self.functions,
            "sequence": self.sequences,
        }
        for kind, things in named.items():
            for thing in things:
                yield kind, thing
