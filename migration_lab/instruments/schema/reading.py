"""Reading a schema, on either engine."""

from dataclasses import replace

from sqlalchemy import Connection

from migration_lab.instruments.readonly import looking_at
from migration_lab.instruments.schema import postgres, sqlite
from migration_lab.instruments.schema.model import Schema

VERSION_TABLE = "alembic_version"


def read_schema(url: str, *, with_version_table: bool = False) -> Schema:
    """Read everything that a database holds, apart from its rows, over one read-only connection.

    Args:
        url: a SQLAlchemy URL. On Postgres all schemas are read except the server's own, and of an extension only
            its name.
        with_version_table: also show `alembic_version`, which belongs to Alembic rather than the shop.

    Raises:
        LabError: nothing answers at the URL.
    """
    with looking_at(url, asks_the_same=True) as connection:
        return read(connection, with_version_table=with_version_table)


def read(connection: Connection, *, with_version_table: bool = False) -> Schema:
    """The same over an open connection."""
    engine = sqlite if connection.dialect.name == "sqlite" else postgres
    found: Schema = engine.read(connection)
    own = {table.name for table in found.tables if not with_version_table and table.place[1] == VERSION_TABLE}
    return replace(
        found,
        tables=tuple(table for table in found.tables if table.name not in own),
        details=tuple(
            sorted(
                (each for each in found.details if each.owner not in own),
                key=lambda each: (each.owner or "", each.kind, each.name, each.definition),
            )
        ),
    )
