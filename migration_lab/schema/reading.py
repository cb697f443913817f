"""Reading a schema: SQLAlchemy's inspection for keys and constraints, the catalog for what it does not tell."""

import re
import warnings
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Inspector, Row, inspect, text
from sqlalchemy.exc import SAWarning

from migration_lab.readonly import looking_at
from migration_lab.schema.model import Check, Column, ForeignKey, Index, Named, PrimaryKey, Schema, Table, Unique

VERSION_TABLE = "alembic_version"

CREATE = re.compile(r"^create (temp |temporary )?(view|trigger) (if not exists )?\S+ (as )?", re.IGNORECASE)

SQLITE_COLUMNS = """
    SELECT m.name AS owner, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.hidden, p.cid
    FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.name"""
SQLITE_INDEXES = """
    SELECT m.name AS owner, i.name, i."unique", i.partial, x.name AS column_name, x."desc", x.coll, d.sql
    FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) x
    JOIN sqlite_master d ON d.type = 'index' AND d.name = i.name
    WHERE m.type = 'table' AND i.origin = 'c' AND x.key ORDER BY m.name, i.name, x.seqno"""
SQLITE_OTHERS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY name"

POSTGRES_COLUMNS = """
    SELECT c.relname AS owner, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid) AS expression, a.attidentity, a.attgenerated, a.attnum,
           CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, a.attname"""
POSTGRES_INDEXES = """
    SELECT t.relname AS owner, c.relname AS name, i.indisunique, i.indisvalid,
           pg_get_expr(i.indpred, i.indrelid) AS where,
           ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k) AS columns,
           pg_get_indexdef(i.indexrelid, 0, true) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    ORDER BY t.relname, c.relname"""
POSTGRES_OTHERS = """
    SELECT 'trigger' AS type, tgname AS name, relname AS tbl_name, pg_get_triggerdef(t.oid, true) AS sql
      FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
     WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
    UNION ALL SELECT CASE relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, relname, NULL, pg_get_viewdef(oid)
      FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = current_schema()::regnamespace
    UNION ALL SELECT 'constraint', conname, relname, pg_get_constraintdef(k.oid, true)
      FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
     WHERE contype = 'x' AND connamespace = current_schema()::regnamespace
    UNION ALL SELECT 'not valid', conname, relname, '' FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
     WHERE NOT convalidated AND contype IN ('c', 'f') AND connamespace = current_schema()::regnamespace
    UNION ALL SELECT 'enum', typname, NULL, string_agg(enumlabel, ', ' ORDER BY enumsortorder)
      FROM pg_type t JOIN pg_enum ON enumtypid = t.oid
     WHERE typnamespace = current_schema()::regnamespace GROUP BY typname
    UNION ALL SELECT 'sequence', relname, NULL, 'of its own'
      FROM pg_class c WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype IN ('a', 'i'))
    UNION ALL SELECT 'function', proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', NULL, prosrc
      FROM pg_proc p WHERE prokind IN ('f', 'p') AND pronamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
    ORDER BY 1, 2"""


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
        on_sqlite = connection.dialect.name == "sqlite"
        columns = _sqlite_columns(connection) if on_sqlite else _postgres_columns(connection)
        indexes = _sqlite_indexes(connection) if on_sqlite else _postgres_indexes(connection)
        others = connection.execute(text(SQLITE_OTHERS if on_sqlite else POSTGRES_OTHERS)).all()
        keys = _Keys(inspect(connection))
        tables = [
            _table(name, own, indexes.get(name, ()), keys, others)
            for name, own in columns.items()
            if with_version_table or name != VERSION_TABLE
        ]
    return Schema(
        "sqlite" if on_sqlite else "postgres",
        tuple(tables),
        views=_named(others, "view") + _named(others, "materialized view"),
        enums=_named(others, "enum"),
        functions=_named(others, "function"),
        sequences=_named(others, "sequence"),
    )


class _Keys:
    """Keys and constraints of all tables, asked for once per kind."""

    def __init__(self, inspector: Inspector) -> None:
        self.primary: Mapping[Any, Any] = inspector.get_multi_pk_constraint()
        self.unique: Mapping[Any, Any] = inspector.get_multi_unique_constraints()
        self.foreign: Mapping[Any, Any] = inspector.get_multi_foreign_keys()
        self.check: Mapping[Any, Any] = inspector.get_multi_check_constraints()


def _table(
    name: str, columns: tuple[Column, ...], indexes: tuple[Index, ...], keys: _Keys, others: Iterable[Row[Any]]
) -> Table:
    at = (None, name)
    mine = [row for row in others if row.tbl_name == name]
    not_valid = {row.name for row in mine if row.type == "not valid"}
    primary = keys.primary.get(at) or {}
    return Table(
        name,
        columns,
        PrimaryKey(primary["name"], tuple(primary["constrained_columns"]))
        if primary.get("constrained_columns")
        else None,
        _sorted(Unique(each["name"], tuple(each["column_names"])) for each in keys.unique.get(at, [])),
        _sorted(_foreign_key(each, each["name"] in not_valid) for each in keys.foreign.get(at, [])),
        _sorted(
            Check(each["name"], _one_line(each["sqltext"]), each["name"] not in not_valid)
            for each in keys.check.get(at, [])
        ),
        _named(mine, "constraint"),
        indexes,
        _named(mine, "trigger"),
    )


def _foreign_key(found: Mapping[str, Any], not_valid: bool) -> ForeignKey:
    options = dict(found.get("options") or {})
    options.pop("not_valid", None)
    on_delete = options.pop("ondelete", None)
    deferrable = [word for word, on in (("DEFERRABLE", options.pop("deferrable", False)),) if on]
    initially = options.pop("initially", None)
    words = [f"ON UPDATE {options['onupdate']}"] if options.get("onupdate") not in (None, "NO ACTION") else []
    words += [f"MATCH {options['match']}"] if options.get("match") else []
    words += deferrable + ([f"INITIALLY {initially}"] if initially else []) + (["NOT VALID"] if not_valid else [])
    return ForeignKey(
        found["name"],
        tuple(found["constrained_columns"]),
        found["referred_table"],
        tuple(found["referred_columns"]),
        on_delete if on_delete != "NO ACTION" else None,
        tuple(words),
    )


def _sqlite_columns(connection: Connection) -> dict[str, tuple[Column, ...]]:
    rows = connection.execute(text(SQLITE_COLUMNS)).all()
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
                default=_bare(row.dflt_value),
                generated=f"generated always as ({_balanced(computed[row.name]['sqltext'])})"
                if computed.get(row.name)
                else None,
                position=row.cid,
            )
            for row in own
        )
    return tables


def _sqlite_indexes(connection: Connection) -> dict[str, tuple[Index, ...]]:
    found: dict[str, list[Index]] = {}
    for (owner, name), group in groupby(connection.execute(text(SQLITE_INDEXES)), lambda row: (row.owner, row.name)):
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
    keyed = _balanced(sql[start + 1 :])
    rest = re.sub(r"^\s*where\b", "", sql[start + len(keyed) + 2 :], flags=re.IGNORECASE)
    return _one_line(keyed), _one_line(rest) or None


def _postgres_columns(connection: Connection) -> dict[str, tuple[Column, ...]]:
    rows = connection.execute(text(POSTGRES_COLUMNS))
    return {owner: tuple(map(_postgres_column, group)) for owner, group in groupby(rows, lambda row: row.owner)}


def _postgres_column(row: Row[Any]) -> Column:
    identity = {"a": "generated always as identity", "d": "generated by default as identity"}.get(row.attidentity)
    computed = {"s": "stored", "v": "virtual"}.get(row.attgenerated)
    generated = f"generated always as ({_bare(row.expression)}) {computed}" if computed else identity
    default = None if computed else row.expression
    return Column(row.name, row.type, not row.attnotnull, default, generated, row.collation, row.attnum)


def _postgres_indexes(connection: Connection) -> dict[str, tuple[Index, ...]]:
    rows = connection.execute(text(POSTGRES_INDEXES))
    return {owner: tuple(map(_postgres_index, group)) for owner, group in groupby(rows, lambda row: row.owner)}


def _postgres_index(row: Row[Any]) -> Index:
    using = row.definition.split(" USING ", 1)[1].split(" WHERE ", 1)[0]
    plain = f"btree ({', '.join(row.columns)})"
    return Index(
        row.name, tuple(row.columns), row.indisunique, _bare(row.where), None if using == plain else f"USING {using}",
        row.indisvalid,
    )  # fmt: skip


def _named(rows: Iterable[Row[Any]], kind: str) -> tuple[Named, ...]:
    return tuple(Named(row.name, CREATE.sub("", _one_line(row.sql))) for row in rows if row.type == kind)


def _sorted(parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(parts, key=lambda part: (part.name or "", str(part))))


def _bare(expression: str | None) -> str | None:
    """An expression without the brackets that enclose the whole of it, which mean nothing."""
    if expression is None:
        return None
    text = expression.strip()
    while text.startswith("(") and text.endswith(")") and _encloses(text):
        text = text[1:-1].strip()
    return text


def _encloses(text: str) -> bool:
    return len(_balanced(text[1:])) == len(text) - 2


def _balanced(text: str) -> str:
    """The beginning of a text up to the first bracket that closes more than was opened."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return text[:place]
    return text


def _one_line(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip().rstrip(";")
