"""Reading a schema, on either engine."""

import re
import warnings
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import SAWarning

from migration_lab.readonly import looking_at
from migration_lab.schema import postgres, sqlite
from migration_lab.schema.model import Column, Index, Named, Schema, Table
from migration_lab.schema.parts import Keys, one_line

VERSION_TABLE = "alembic_version"
CREATE = re.compile(r"^create (temp |temporary )?(view|trigger) (if not exists )?\S+ (as )?", re.IGNORECASE)


def read_schema(url: str, *, with_version_table: bool = False) -> Schema:
    """Read all that a database holds, apart from its rows, over one connection that cannot write.

    Args:
        url: a SQLAlchemy URL. On Postgres the first schema of the search path is read, `public` as a rule.
        with_version_table: also show `alembic_version`, which is Alembic's and not the shop's.

    Raises:
        LabError: nothing answers at the URL.
    """
    with looking_at(url) as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # what SQLAlchemy skips is read from the catalog
        engine = sqlite if connection.dialect.name == "sqlite" else postgres
        columns, indexes, keys = engine.columns(connection), engine.indexes(connection), engine.keys(connection)
        others = engine.others(connection)
        tables = [
            _table(name, own, indexes.get(name, ()), keys, others)
            for name, own in columns.items()
            if with_version_table or name != VERSION_TABLE
        ]
    return Schema(
        "sqlite" if engine is sqlite else "postgres",
        tuple(tables),
        views=_named(others, "view") + _named(others, "materialized view"),
        enums=_named(others, "enum"),
        functions=_named(others, "function"),
        sequences=_named(others, "sequence"),
    )


def _table(
    name: str, columns: tuple[Column, ...], indexes: tuple[Index, ...], keys: Keys, others: Iterable[Row[Any]]
) -> Table:
    mine = [row for row in others if row.tbl_name == name]
    return Table(
        name,
        columns,
        keys.primary.get(name),
        _sorted(keys.unique.get(name, ())),
        _sorted(keys.foreign.get(name, ())),
        _sorted(keys.check.get(name, ())),
        _named(mine, "constraint"),
        indexes,
        _named(mine, "trigger"),
    )


def _named(rows: Iterable[Row[Any]], kind: str) -> tuple[Named, ...]:
    return tuple(Named(row.name, CREATE.sub("", one_line(row.sql))) for row in rows if row.type == kind)


def _sorted(parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(parts, key=lambda part: (part.name or "", str(part))))
