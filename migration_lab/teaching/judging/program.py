"""A program that uses the shop's models in a process of its own, as a till or a night job does; for judges.

done = run_program(copy, "db.session.delete(db.session.get(User, 7))", "db.session.commit()")
"""

from textwrap import indent

from migration_lab.shops.process import Completed
from migration_lab.teaching.judging.database import Database

CHANGED = "A setting of the connection: "
PROGRAM = """
from contextlib import contextmanager, suppress

from flask_migrate import upgrade

from shop import create_app as shop
from shop.extensions import db
from shop.models import User

PRAGMAS = (
    "foreign_keys", "defer_foreign_keys", "ignore_check_constraints", "legacy_alter_table", "query_only",
    "recursive_triggers", "writable_schema",
)


def settings():
    with db.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            return dict(connection.exec_driver_sql("SELECT name, setting FROM pg_settings").tuples().all())
        found = {{f"PRAGMA {{each}}": connection.exec_driver_sql(f"PRAGMA {{each}}").scalar() for each in PRAGMAS}}
        return found | {{"isolation_level": connection.connection.driver_connection.isolation_level}}


@contextmanager
def same_settings():
    db.session.remove()
    before = settings()
    yield
    db.session.remove()
    for name, now in settings().items():
        if now != before.get(name):
            print(f"{changed}`{{name}}` was {{before.get(name)!r}} and is {{now!r}}.")


def create_app():
    app = shop()

    @app.cli.command("program")
    def program():
{body}

    return app
"""


def run_program(copy: Database, *lines: str) -> Completed:
    """Run lines of Python in the shop's app, with `db`, `User`, `upgrade` and `suppress`. The program may fail.

    `with same_settings():` notes what is different on the app's connection afterwards, for `changed_settings`.

    Raises:
        StoppedError, LabError: as for `Database.flask`.
    """
    body = indent("\n".join(lines), " " * 8)
    (copy.folder / "program.py").write_text(PROGRAM.format(body=body, changed=CHANGED), encoding="utf-8")
    return copy.flask("--app program program")


def changed_settings(done: Completed) -> list[str]:
    """What `same_settings` has noted in a program, in sentences."""
    lines = done.output.splitlines()
    return [each.removeprefix(CHANGED) for each in lines if each.startswith(CHANGED)]
