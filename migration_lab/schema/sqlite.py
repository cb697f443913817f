"""What SQLite's pragmas tell of a schema, and SQLAlchemy's inspection of keys and constraints."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, inspect, text

from migration_lab.schema.model import Check, Column, ForeignKey, Index, PrimaryKey, Unique
from migration_lab.schema.parts import Keys, balanced, bare, foreign_key, one_line

COLUMNS = """
    SELECT m.name AS owner, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.hidden, p.cid
    FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.name"""
INDEXES = """
    SELECT m.name AS owner, i.name, i."unique", i.partial, x.name AS column_name, x."desc", x.coll, d.sql
    FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) x
    JOIN sqlite_master d ON d.type = 'index' AND d.name = i.name
    WHERE m.type = 'table' AND i.origin = 'c' AND x.key ORDER BY m.name, i.name, x.seqno"""
OTHERS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY name"


def columns(connection: Connection) -> dict[str, tuple[Column, ...]]:
    """The columns of each table, by name."""
    rows = connection.execute(text(COLUMNS)).all()
    tables = {}
    for owner, group in groupby(rows, lambda row: row.owner):
        own = list(group)
        keys = [row for row in own if row.pk]
        computed: dict[str, Any] = {}
        if any(row.hidden in (2, 3) for row in own):
            computed = {each["name"]: each.get("computed") for each in inspect(connection).get_columns(owner)}
        tables[owner] = tuple(
            Column(
                row.name,
                row.type.upper(),
                # the key of a table is its row number, which is never null, if it is a single INTEGER
                nullable=not row.notnull and not (row.pk and len(keys) == 1 and row.type.upper() == "INTEGER"),
                default=bare(row.dflt_value),
                generated=f"generated always as ({balanced(computed[row.name]['sqltext'])})"
                if computed.get(row.name)
                else None,
                position=row.cid,
            )
            for row in own
        )
    return tables


def indexes(connection: Connection) -> dict[str, tuple[Index, ...]]:
    """The indexes of each table that are no constraint's."""
    found: dict[str, list[Index]] = {}
    for (owner, name), group in groupby(connection.execute(text(INDEXES)), lambda row: (row.owner, row.name)):
        rows = list(group)
        keyed, where = _index_text(rows[0].sql)
        if all(row.column_name for row in rows):
            columns = tuple(row.column_name + (" DESC" if row.desc else "") for row in rows)
        else:
            columns = (keyed,)  # an expression: only the text of the definition has it
        collations = sorted({row.coll for row in rows} - {"BINARY", None})
        extra = f"COLLATE {', '.join(collations)}" if collations else None
        index = Index(name, columns, bool(rows[0].unique), where if rows[0].partial else None, extra)
        found.setdefault(owner, []).append(index)
    return {owner: tuple(indexes) for owner, indexes in found.items()}


def _index_text(sql: str) -> tuple[str, str | None]:
    """What stands between the brackets of CREATE INDEX, and what follows WHERE."""
    start = sql.index("(", re.search(r"\bon\b", sql, re.IGNORECASE).end())  # type: ignore[union-attr]
    keyed = balanced(sql[start + 1 :])
    rest = re.sub(r"^\s*where\b", "", sql[start + len(keyed) + 2 :], flags=re.IGNORECASE)
    return one_line(keyed), one_line(rest) or None


def keys(connection: Connection) -> Keys:
    """The keys and constraints of each table, by SQLAlchemy's inspection."""
    inspector = inspect(connection)
    keys = Keys()
    for (_, owner), found in inspector.get_multi_pk_constraint().items():
        if found["constrained_columns"]:
            keys.primary[owner] = PrimaryKey(found["name"], tuple(found["constrained_columns"]))
    for (_, owner), uniques in inspector.get_multi_unique_constraints().items():
        keys.unique[owner] = [Unique(each["name"], tuple(each["column_names"])) for each in uniques]
    for (_, owner), foreign in inspector.get_multi_foreign_keys().items():
        keys.foreign[owner] = [_foreign_key(each) for each in foreign]
    for (_, owner), checks in inspector.get_multi_check_constraints().items():
        keys.check[owner] = [Check(each["name"], one_line(each["sqltext"])) for each in checks]
    return keys


def _foreign_key(found: Mapping[str, Any]) -> ForeignKey:
    options = found.get("options") or {}
    return foreign_key(
        found["name"],
        found["constrained_columns"],
        found["referred_table"],
        found["referred_columns"],
        on_delete=options.get("ondelete"),
        on_update=options.get("onupdate"),
        words=[
            *(["DEFERRABLE"] if options.get("deferrable") else []),
            *([f"INITIALLY {options['initially']}"] if options.get("initially") else []),
        ],
    )


def others(connection: Connection) -> Sequence[Row[Any]]:
    """Views and triggers: type, name, table and text."""
    return connection.execute(text(OTHERS)).all()
