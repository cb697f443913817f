"""Each run works in a database of its own, on the engine that DATABASE_URL names; nobody's rows are touched."""

import os
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import create_engine, make_url, text

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
def client(app: Flask) -> Iterator[FlaskClient]:
    """A client of a shop without users and orders."""
    yield app.test_client()
    db.session.rollback()
    for table in reversed(db.metadata.sorted_tables):
        db.session.execute(table.delete())
    db.session.commit()
