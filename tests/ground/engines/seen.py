"""What a test sees of the databases on the Postgres server, and changes as their administrator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, make_url, text

from migration_lab.ground.connect import to_server
from migration_lab.ground.engines import Engine, postgres


def execute(server: Engine, folder: Path, *statements: str) -> list[tuple[object, ...]]:
    connected = create_engine(server.url(folder))
    try:
        with connected.begin() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        connected.dispose()


@contextmanager
def administrator() -> Iterator[psycopg.Connection]:
    with to_server(postgres.attach()) as connection:
        yield connection


def names() -> set[str]:
    with administrator() as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def comments() -> dict[str, dict[str, Any]]:
    """What the databases of the lab say they belong to, by their names."""
    asked = "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE 'lab\\_%'"
    with administrator() as connection:
        return {name: json.loads(comment) for name, comment in connection.execute(asked) if comment}


def note(name: str, comment: dict[str, Any]) -> None:
    """Let a database say this."""
    with administrator() as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), json.dumps(comment)))


def with_key(key: str) -> list[str]:
    """The names of all templates with this key, whole or not."""
    return [name for name, comment in comments().items() if comment.get("key") == key]


def name_of(server: Engine, folder: Path) -> str:
    return str(make_url(server.url(folder)).database)
