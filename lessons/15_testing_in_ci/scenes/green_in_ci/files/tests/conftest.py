"""Each run works in a database of its own, on the engine that DATABASE_URL names; nobody's rows are touched."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import URL, create_engine, make_url, text

from shop import create_app
from shop.extensions import db


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """SQLite in memory, or a new schema in the Postgres database, dropped at the end."""
    url = make_url(os.environ.get("DATABASE_URL", "sqlite://"))
    if url.get_backend_name() == "sqlite":
        yield "sqlite://"
        return
    schema = f"shop_tests_{os.getpid()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        yield url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(scope="session")
def app(database_url: str) -> Iterator[Flask]:
    """The service on a database that the migrations have made."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": database_url, "TESTING": True})
    with app.app_context():
        upgrade()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def at_0033() -> Iterator[Flask]:
    """The service on a database of its own, at revision 0033 and with the rows of `dirt.sql`.

    `flask_migrate.upgrade()` brings it to the head; `db.session` asks it.
    """
    url = make_url(os.environ.get("DATABASE_URL", "sqlite://"))
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(schema_in(url)) if url.get_backend_name() == "postgresql" else "sqlite://"
        app = create_app({"SQLALCHEMY_DATABASE_URI": own, "TESTING": True})
        with app.app_context():
            upgrade(revision="0033")
            for statement in Path(__file__).with_name("dirt.sql").read_text(encoding="utf-8").split(";\n"):
                if any(line.strip() and not line.startswith("--") for line in statement.splitlines()):
                    db.session.execute(text(statement))
            db.session.commit()
            yield app
            db.session.remove()
            db.engine.dispose()


@contextlib.contextmanager
def schema_in(url: URL) -> Iterator[str]:
    """A schema of its own in a Postgres database, dropped at the end; the URL that leads there."""
    schema = f"shop_dirt_{os.getpid()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        try:
            yield url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    """A client of a shop without users and orders."""
    yield app.test_client()
    db.session.rollback()
    for table in reversed(db.metadata.sorted_tables):
        db.session.execute(table.delete())
    db.session.commit()
