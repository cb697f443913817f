"""Where a database stands in its history."""

from sqlalchemy import text

from migration_lab.instruments.readonly import looking_at
from migration_lab.instruments.revisions.model import Standing

VERSION_TABLE = "alembic_version"
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}


def read_standing(name: str, url: str) -> Standing:
    """Where the database at this URL stands."""
    with looking_at(url, asks_the_same=True) as connection:
        tables = connection.execute(text(TABLES[connection.dialect.name])).scalars().all()
        if VERSION_TABLE not in tables:
            return Standing(name, (), has_table=False, is_lost=bool(tables))
        rows = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE} ORDER BY version_num"))
        ids = tuple(rows.scalars())
        return Standing(name, ids, is_lost=not ids and tables != [VERSION_TABLE])
