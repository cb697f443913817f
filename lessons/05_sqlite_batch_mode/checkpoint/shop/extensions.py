"""Flask extensions, made here and bound to the app in the factory, so that models can import them."""

import sqlite3

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

# Every constraint has a name, and the same one on every engine: a migration can only change what it can name.
# Primary keys keep the names that the database gives, because nothing here ever changes one.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
}


class Base(DeclarativeBase):
    """The base of all models."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


db = SQLAlchemy(model_class=Base)
migrate = Migrate(db=db)


@event.listens_for(Engine, "connect")
def enforce_foreign_keys(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """SQLite keeps foreign keys, and their ON DELETE, only for a connection that asks for it."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA foreign_keys = ON")
