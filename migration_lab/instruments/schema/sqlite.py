"""Reads a schema from SQLite: the columns with a pragma, everything else from the stored statements."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from migration_lab.instruments.schema import sqlite_create
from migration_lab.instruments.schema.model import Column, Detail, Named, Schema
from migration_lab.instruments.schema.parts import Parts, foreign_key, in_order
from migration_lab.instruments.schema.sql import tokens, written

# The names that SQLite keeps for itself begin with `sqlite_`, however it is spelled.
MASTER = """
    SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND substr(lower(name), 1, 7) <> 'sqlite_'
    ORDER BY name"""
COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden, cid FROM pragma_table_xinfo(?)'
PRAGMAS = ("user_version", "application_id")
VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)


def read(connection: Connection) -> Schema:
    """Read all that the file holds, apart from its rows."""
    rows = connection.execute(text(MASTER)).all()
    tables = [row for row in rows if row.type == "table" and not VIRTUAL.match(row.sql)]
    columns = _columns(connection, [row.name for row in tables])
    creates = {row.name: sqlite_create.table(row.sql, [each[0] for each in columns[row.name]]) for row in tables}
    declared = {each.lower(): each for name in creates for each in (name, *creates[name].known.values())}
    declared |= {row.name.lower(): row.name for row in rows if row.type in ("table", "view")}

    parts = Parts()
    for name, create in creates.items():
        _note_table(parts, name, columns[name], create, creates, declared)
    details = _details(connection, creates, rows, declared)
    for row in rows:
        owner = declared.get(row.tbl_name.lower(), row.tbl_name)
        if row.type == "index" and owner in creates:
            parts.indexes[owner].append(sqlite_create.index(row.name, row.sql, creates[owner]))
        elif row.type == "trigger":
            found = Named(row.name, sqlite_create.trigger(row.sql, declared))
            if owner in creates:
                parts.triggers[owner].append(found)
            else:
                details.append(Detail("trigger", found.name, found.definition, owner))
    views = [Named(row.name, sqlite_create.view(row.sql, declared)) for row in rows if row.type == "view"]
    return Schema("sqlite", tuple(map(parts.table, creates)), in_order(views), details=tuple(details))


def _columns(connection: Connection, names: Sequence[str]) -> dict[str, list[Any]]:
    """The pragma's rows for each column, by table. Joined with the tables, it would read all of them for each."""
    cursor = connection.connection.cursor()
    return {name: cursor.execute(COLUMNS, (name,)).fetchall() for name in names}


def _note_table(
    parts: Parts,
    name: str,
    columns: Sequence[Any],
    create: sqlite_create.Create,
    others: Mapping[str, sqlite_create.Create],
    declared: Mapping[str, str],
) -> None:
    keys = [each for each in columns if each[4]]
    for column, type_, notnull, default, key, _, position in columns:
        called = re.sub(r"\s*([(),])\s*", r"\1", type_.upper()).replace(",", ", ")
        parts.columns[name].append(
            Column(
                column,
                " ".join(called.split()),
                # a single INTEGER key of a table is its row number, which is never null
                nullable=not notnull and not (key and len(keys) == 1 and type_.upper() == "INTEGER"),
                default=_default(default),
                generated=create.generated.get(column),
                collation=None if create.collations.get(column) == "BINARY" else create.collations.get(column),
                position=position,
            )
        )
    if create.primary_key:
        parts.primary_key[name] = create.primary_key
    parts.uniques[name] += create.uniques
    parts.checks[name] += create.checks
    for each in create.references:
        target = declared.get(each.target.lower(), each.target)
        other = others.get(target)
        known = other.known if other else {}
        implied = other.primary_key.columns if other and other.primary_key else ()
        parts.foreign_keys[name].append(
            foreign_key(
                each.name,
                each.columns,
                target,
                tuple(known.get(column.lower(), column) for column in each.target_columns) or implied,
                on_delete=each.actions.get("DELETE"),
                on_update=each.actions.get("UPDATE"),
                words=each.words,
            )
        )


def _default(said: str | None) -> str | None:
    """A default as SQL; None for NULL, which is the same as no default. SQLite knows 0 and 1 as FALSE and TRUE too."""
    default = written(sqlite_create.bare(tokens(said or "NULL")), {})
    return {"NULL": None, "FALSE": "0", "TRUE": "1"}.get(default.upper(), default)


def _details(
    connection: Connection,
    creates: Mapping[str, sqlite_create.Create],
    rows: Sequence[Row[Any]],
    declared: Mapping[str, str],
) -> list[Detail]:
    found = [
        Detail("virtual table", row.name, sqlite_create.virtual(row.sql))
        for row in rows
        if row.type == "table" and row.name not in creates
    ]
    for name, create in creates.items():
        found += [Detail("table option", each, "set", name) for each in create.options]
        found += [
            Detail("clauses of column", each, " ".join(said), name) for each, said in create.clauses.items() if said
        ]
    for pragma in PRAGMAS:
        value = connection.execute(text(f"PRAGMA {pragma}")).scalar()
        found += [Detail("pragma", pragma, str(value))] if value else []
    if connection.execute(text("PRAGMA journal_mode")).scalar() == "wal":  # the only mode that the file itself keeps
        found.append(Detail("pragma", "journal_mode", "wal"))
    return found
