"""Reads a schema from Postgres's catalog.

SQLAlchemy's inspection would send four long queries about keys where one is enough, and a check reads many schemas.
"""

import re
from typing import Any

from sqlalchemy import Connection

from migration_lab.instruments.schema import postgres_details
from migration_lab.instruments.schema.model import Check, Column, ForeignKey, Index, Named, PrimaryKey, Schema, Unique
from migration_lab.instruments.schema.parts import Parts, bare, foreign_key, in_order
from migration_lab.instruments.schema.postgres_details import SCOPE, answers
from migration_lab.instruments.schema.sql import one_line

COLUMNS = f"""{SCOPE}
    SELECT c.called AS owner, c.elsewhere, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS expression, a.attidentity, a.attgenerated, a.attnum,
           CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation
    FROM relation c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relkind IN ('r', 'p')"""
INDEXES = f"""{SCOPE}
    SELECT t.called AS owner, c.relname AS name, i.indisunique, i.indisvalid,
           pg_get_expr(i.indpred, i.indrelid) AS where, pg_get_expr(i.indpred, i.indrelid, true) AS condition,
           ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k) AS columns,
           pg_get_indexdef(i.indexrelid, 0, true) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN relation t ON t.oid = i.indrelid
    WHERE t.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"""
KEYS = f"""{SCOPE}
    SELECT t.called AS owner, k.conname AS name, k.contype AS kind, k.convalidated AS valid, r.called AS target,
           ARRAY(SELECT attname FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
                 JOIN pg_attribute ON attrelid = k.conrelid AND attnum = number ORDER BY place) AS columns,
           ARRAY(SELECT attname FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
                 JOIN pg_attribute ON attrelid = k.confrelid AND attnum = number ORDER BY place) AS target_columns,
           CASE WHEN k.confdelsetcols IS NOT NULL THEN ARRAY(SELECT attname FROM pg_attribute
                 WHERE attrelid = k.conrelid AND attnum = ANY (k.confdelsetcols) ORDER BY 1) END AS set_columns,
           CASE WHEN i.indnatts > i.indnkeyatts THEN ARRAY(SELECT attname FROM pg_attribute
                 WHERE attrelid = i.indexrelid AND attnum > i.indnkeyatts ORDER BY attnum) END AS included,
           i.indnullsnotdistinct, k.connoinherit, k.confdeltype, k.confupdtype, k.confmatchtype, k.condeferrable,
           k.condeferred, {{since_18}},
           CASE WHEN k.contype IN ('c', 'x') THEN pg_get_constraintdef(k.oid, true) END AS definition
    FROM pg_constraint k JOIN relation t ON t.oid = k.conrelid LEFT JOIN relation r ON r.oid = k.confrelid
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND t.relkind IN ('r', 'p')"""
KEYS_BEFORE_18 = KEYS.format(since_18="true AS enforced, false AS period")
KEYS_SINCE_18 = KEYS.format(since_18="k.conenforced AS enforced, k.conperiod AS period")
NO_DEFAULT = re.compile(r"NULL(::.*)?")
ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}  # `a` is NO ACTION, which is usual
OTHERS = f"""{SCOPE}
    SELECT 'trigger' AS type, tgname AS name, called AS owner, pg_get_triggerdef(t.oid, true) AS sql
      FROM pg_trigger t JOIN relation c ON c.oid = tgrelid WHERE NOT tgisinternal AND relkind IN ('r', 'p')
    UNION ALL SELECT CASE relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, called, NULL, pg_get_viewdef(oid)
      FROM relation WHERE relkind IN ('v', 'm')
    UNION ALL SELECT 'enum', prefix || typname, NULL,
           string_agg(CASE WHEN enumlabel ~ ',' THEN quote_literal(enumlabel) ELSE enumlabel END, ', '
                      ORDER BY enumsortorder)
      FROM pg_type t JOIN pg_enum ON enumtypid = t.oid JOIN space ON space.oid = typnamespace
     WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_type'::regclass AND objid = t.oid) GROUP BY 2
    UNION ALL SELECT 'sequence', called, NULL, 'of its own'
      FROM relation c WHERE relkind = 'S'
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                       AND refobjsubid > 0 AND deptype IN ('a', 'i'))
    UNION ALL SELECT 'function', prefix || proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', NULL,
           prosrc
      FROM pg_proc p JOIN space ON space.oid = pronamespace
     WHERE prokind IN ('f', 'p')
       AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_proc'::regclass AND objid = p.oid)"""

CREATE_TRIGGER = re.compile(r'^CREATE (?:CONSTRAINT )?TRIGGER ("(?:[^"]|"")*"|\S+) ')


def read(connection: Connection) -> Schema:
    """Read all schemas of the database except the server's own."""
    parts = Parts()
    spaces: dict[str, str | None] = {}
    for row in answers(connection, COLUMNS):
        spaces[row.owner] = row.elsewhere
        if row.name is not None:
            parts.columns[row.owner].append(_column(row))
    for row in answers(connection, INDEXES):
        parts.indexes[row.owner].append(_index(row))
    version = connection.dialect.server_version_info or (0,)
    for row in answers(connection, KEYS_SINCE_18 if version >= (18,) else KEYS_BEFORE_18):
        _note_key(parts, row)
    beside: dict[str, list[Named]] = {}
    for row in answers(connection, OTHERS):
        found = Named(row.name, CREATE_TRIGGER.sub("", one_line(row.sql)) if row.owner else one_line(row.sql))
        (parts.triggers[row.owner] if row.owner else beside.setdefault(row.type, [])).append(found)
    view, enum, function, sequence, materialized = (
        in_order(beside.get(kind, ())) for kind in ("view", "enum", "function", "sequence", "materialized view")
    )
    tables = tuple(parts.table(name, spaces[name]) for name in sorted(spaces))
    details = tuple(postgres_details.read(connection))
    return Schema("postgres", tables, view, enum, function, sequence, materialized, details)


def _column(row: Any) -> Column:
    identity = {"a": "generated always as identity", "d": "generated by default as identity"}.get(row.attidentity)
    computed = {"s": "stored", "v": "virtual"}.get(row.attgenerated)
    generated = f"generated always as ({bare(row.expression)}) {computed}" if computed else identity
    # NULL is the same as no default.
    default = None if computed or NO_DEFAULT.fullmatch(row.expression or "") else row.expression
    return Column(row.name, row.type, not row.attnotnull, default, generated, row.collation, row.attnum)


def _index(row: Any) -> Index:
    using = row.definition.split(" USING ", 1)[1].removesuffix(f" WHERE {row.condition}")
    plain = f"btree ({', '.join(row.columns)})"
    return Index(
        row.name, tuple(row.columns), row.indisunique, bare(row.where), None if using == plain else f"USING {using}",
        row.indisvalid,
    )  # fmt: skip


def _note_key(parts: Parts, row: Any) -> None:
    options = _options(row)
    match row.kind:
        case "p":
            parts.primary_key[row.owner] = PrimaryKey(row.name, tuple(row.columns), options)
        case "u":
            parts.uniques[row.owner].append(Unique(row.name, tuple(row.columns), options))
        case "c":
            condition = row.definition.removeprefix("CHECK ")
            for word in (" NOT VALID", " NOT ENFORCED", " NO INHERIT"):
                condition = condition.removesuffix(word)
            parts.checks[row.owner].append(Check(row.name, one_line(bare(condition) or ""), row.valid, options))
        case "x":
            parts.other_constraints[row.owner].append(Named(row.name, one_line(row.definition)))
        case "f":
            parts.foreign_keys[row.owner].append(_foreign_key(row, options))


def _options(row: Any) -> tuple[str, ...]:
    """The options of a key or a check, apart from its columns, condition and validity."""
    said = {
        "NULLS NOT DISTINCT": row.indnullsnotdistinct,
        f"INCLUDE ({', '.join(row.included or ())})": row.included,
        "NO INHERIT": row.connoinherit and row.kind == "c",
        "WITHOUT OVERLAPS" if row.kind != "f" else "PERIOD": row.period,
        "MATCH FULL": row.confmatchtype == "f",
        "DEFERRABLE": row.condeferrable,
        "INITIALLY DEFERRED": row.condeferred,
        "NOT ENFORCED": not row.enforced,
    }
    return tuple(word for word, holds in said.items() if holds)


def _foreign_key(row: Any, options: tuple[str, ...]) -> ForeignKey:
    only = f" ({', '.join(row.set_columns)})" if row.set_columns else ""
    deleted = ACTIONS.get(row.confdeltype)
    return foreign_key(
        row.name,
        row.columns,
        row.target,
        row.target_columns,
        on_delete=deleted and deleted + only,
        on_update=ACTIONS.get(row.confupdtype),
        words=[*options, *([] if row.valid else ["NOT VALID"])],
    )
