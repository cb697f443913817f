"""A program that uses the shop's models in a process of its own, as a till or a night job does; for judges.

done = run_program(copy, "db.session.delete(db.session.get(User, 7))", "db.session.commit()")
"""

from textwrap import indent

from migration_lab.shops.process import Completed
from migration_lab.teaching.judging.database import Database

PROGRAM = """
from contextlib import suppress

from flask_migrate import upgrade

from shop import create_app as shop
from shop.extensions import db
from shop.models import User


def create_app():
    app = shop()

    @app.cli.command("program")
    def program():
{body}

    return app
"""


def run_program(copy: Database, *lines: str) -> Completed:
    """Run lines of Python in the shop's app, with `db`, `User`, `upgrade` and `suppress`. The program may fail.

    Raises:
        StoppedError, LabError: as for `Database.flask`.
    """
    body = indent("\n".join(lines), " " * 8)
    (copy.folder / "program.py").write_text(PROGRAM.format(body=body), encoding="utf-8")
    return copy.flask("--app program program")
