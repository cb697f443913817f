"""The schema as text, to be compared with the one on file: `flask schema write` and `flask schema check`.

`flask db check` compares tables, columns, indexes and keys. It does not see checks, triggers, views, functions, types,
or an index that is not valid; this text has them all.
"""

import difflib
import sys
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import Connection, text

from shop.extensions import db

FOLDER = Path(__file__).resolve().parents[1] / "schema"

SQLITE = """
    SELECT sql FROM sqlite_master
    WHERE sql IS NOT NULL AND tbl_name <> 'alembic_version' AND substr(name, 1, 7) <> 'sqlite_'
    ORDER BY tbl_name, type DESC, name
"""

# One query for each kind of thing that a schema holds; every row is one line or one definition.
POSTGRES = (
    """
    SELECT 'type ' || typname || ' ' || string_agg(enumlabel, ', ' ORDER BY enumsortorder)
    FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid
    WHERE typnamespace = current_schema()::regnamespace GROUP BY typname ORDER BY typname
    """,
    """
    SELECT 'column ' || relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
        || CASE WHEN attnotnull THEN ' not null' ELSE '' END
        || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
        AND relname <> 'alembic_version'
    ORDER BY relname, attname
    """,
    """
    SELECT 'constraint ' || relname || '.' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid)
    FROM pg_constraint JOIN pg_class ON conrelid = pg_class.oid
    WHERE connamespace = current_schema()::regnamespace AND contype <> 'n' AND relname <> 'alembic_version'
    ORDER BY relname, conname
    """,
    """
    SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' NOT VALID' END
    FROM pg_index JOIN pg_class ON indrelid = pg_class.oid
    WHERE relnamespace = current_schema()::regnamespace AND relname <> 'alembic_version'
    ORDER BY indexrelid::regclass::text COLLATE "C"
    """,
    """
    SELECT pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace ORDER BY proname
    """,
    """
    SELECT pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid
    WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal ORDER BY relname, tgname
    """,
    """
    SELECT 'view ' || viewname || definition FROM pg_views WHERE schemaname = current_schema() ORDER BY viewname
    """,
)

commands = AppGroup("schema", help="The schema on file, and whether the database agrees with it.")


@commands.command()
def write() -> None:
    """Write the schema of the database to the file. Commit it with the revision that changed it."""
    with db.engine.connect() as connection:
        path_for(connection).write_text(dump(connection), encoding="utf-8")


@commands.command()
def check() -> None:
    """Fail, and show the difference, unless the database has the schema on file."""
    with db.engine.connect() as connection:
        path = path_for(connection)
        on_file, found = path.read_text(encoding="utf-8"), dump(connection)
    if on_file != found:
        name = f"schema/{path.name}"
        lines = difflib.unified_diff(on_file.splitlines(), found.splitlines(), name, "the database", lineterm="")
        click.echo("\n".join(lines))
        sys.exit(1)


def path_for(connection: Connection) -> Path:
    return FOLDER / f"{connection.dialect.name}.txt"


def dump(connection: Connection) -> str:
    """Everything that the schema holds, except Alembic's own table, in an order that never changes."""
    if connection.dialect.name == "sqlite":
        return lines_of([with_constraints_sorted(sql) for sql in connection.scalars(text(SQLITE))])
    schema = connection.scalar(text("SELECT current_schema()"))
    found = [line for query in POSTGRES for line in connection.scalars(text(query))]
    return lines_of([line.replace(f"{schema}.", "") for line in found])


def with_constraints_sorted(sql: str) -> str:
    """SQLite keeps the statement that made a table. Batch mode writes the constraints in it in any order."""
    if not sql.startswith("CREATE TABLE "):
        return sql
    lines = [line.rstrip().removesuffix(",") for line in sql.splitlines()]
    constraints = sorted(line for line in lines if line.lstrip().startswith("CONSTRAINT "))
    rest = [line for line in lines if line not in constraints]
    return "\n".join([*rest[:-1], *constraints, rest[-1]])


def lines_of(definitions: list[str]) -> str:
    return "\n".join(line.rstrip() for each in definitions for line in each.strip().splitlines()) + "\n"
