"""In the child process: load the app, print its models, and then the output of its own check."""

import contextlib
import importlib
import json
import os
import pkgutil
import sqlite3
import sys
from functools import partial
from typing import Any

import flask_migrate
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask.cli import ScriptInfo, load_dotenv
from sqlalchemy import Connection, text
from sqlalchemy.orm import configure_mappers

from migration_lab.ground import connect

VIRTUAL = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'create virtual%'"
SHADOWS = "SELECT name FROM pragma_table_list WHERE type = 'shadow'"


def say() -> None:
    """Print the models' tables, and how the database differs from them, after a unique mark.

    Then run what `flask db check` runs, with the shop's own env.py. It is not typed, so that no code of the shop can
    recognise the command.
    """
    _, mark, url = sys.argv
    sys.argv = ["flask", "run"]  # models must be loaded for the app, not for one command only
    load_dotenv()  # `.env`, as `flask` does
    app = ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()
    with app.app_context():
        metadata = app.extensions["migrate"].db.metadata
        # Recorded before the comparison, which may add tables that are not models to the metadata.
        tables = {table.name: [column.name for column in table.columns] for table in metadata.tables.values()}
        defaults = {
            f"{table.name}.{column.name}": _default(column)
            for table in metadata.tables.values()
            for column in table.columns
            if column.default is not None
        }
        with connect.engine(url).connect() as connection:
            options = {
                "compare_type": True,
                "include_name": partial(_is_compared, _virtual(connection) - tables.keys()),
            }
            context = MigrationContext.configure(connection, opts=options)
            differences = [_words(each) for each in compare_metadata(context, metadata)]
        said = {"tables": tables, "differences": differences, "defaults": defaults}
        print(f"\n{mark}{json.dumps(said)}", flush=True)
        with contextlib.suppress(SystemExit):
            flask_migrate.check()
    broken = _broken(app.import_name.partition(":")[0])
    print(f"\n{mark}{json.dumps({'broken': broken, 'unfit': _unfit()})}", flush=True)


def _virtual(connection: Connection) -> set[str]:
    """The virtual tables of SQLite, with the tables of theirs. Without their module they cannot even be looked at."""
    if connection.dialect.name != "sqlite":
        return set()
    virtual = connection.execute(text(VIRTUAL)).scalars().all()
    shadows = connection.execute(text(SHADOWS)).scalars().all() if sqlite3.sqlite_version_info >= (3, 37) else ()
    return {*virtual, *shadows}


def _is_compared(left_out: set[str], name: str | None, kind: str, _parents: object) -> bool:
    """Alembic's hook `include_name`."""
    return kind != "table" or name not in left_out


def _broken(package: str) -> list[str]:
    """The modules of the app's package that cannot be imported; the app itself may work without them."""
    found = []
    path = getattr(sys.modules.get(package), "__path__", [])
    for module in sorted(each.name for each in pkgutil.walk_packages(path, f"{package}.", onerror=lambda _: None)):
        try:
            importlib.import_module(module)
        except Exception as error:
            found.append(f"{module}: {type(error).__name__}: {error}")
    return found


def _unfit() -> str:
    """Why the first query or new object would fail, whatever it is; empty if the models fit together."""
    try:
        configure_mappers()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _default(column: Any) -> str:
    """What the model writes where a program names no value, in Python."""
    return repr(column.default.arg) if column.default.is_scalar else "computed"


def _words(difference: Any) -> str:
    """One of Alembic's differences in a line: "add column users.nickname"."""
    kind, *parts = difference[0] if isinstance(difference, list) else difference
    where: list[str] = []
    for each in parts[:3]:
        table = getattr(each, "table", None)
        for name in (getattr(table, "name", None), each if isinstance(each, str) else getattr(each, "name", None)):
            if isinstance(name, str) and name not in where:
                where.append(name)
    return f"{str(kind).replace('_', ' ')} {'.'.join(where)}"
