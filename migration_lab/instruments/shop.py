"""A shop as a folder and a database: runs commands in it, and reads it with instruments.

Notebooks, judges, releases, the doctor and the tests all use it.
"""

from pathlib import Path
from shlex import split

from migration_lab.ground.engines import Engine
from migration_lab.instruments.query import Rows, execute, query
from migration_lab.instruments.revisions import History, read_history, read_standing
from migration_lab.instruments.schema import Schema, read_schema
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.process import Completed
from migration_lab.shops.script import Ran, run_script


class PlainShop:
    """A folder with the shop and its `.flaskenv`, and the database that goes with it.

    Args:
        folder: where the files are.
        engine: the database's engine; `engine.name` is `sqlite` or `postgres`.
        url: the database, for SQLAlchemy in any process on this machine; by default the folder's own.
    """

    def __init__(self, folder: Path, engine: Engine, url: str | None = None) -> None:
        self.folder = folder
        self.engine = engine
        self._url = url

    @property
    def url(self) -> str:
        """The URL of the database, for SQLAlchemy."""
        return self._url or self.engine.sqlalchemy_url(self.folder)

    def flask(self, command: str, *, folder: Path | None = None, seconds: float | None = None) -> Completed:
        """Run a command as a terminal in this folder would, or in one below it: `flask("db current")`.

        Args:
            seconds: how long it may take; by default as in `run_flask`.

        Raises:
            LabError: as for `run_flask`. A command that fails is not an error.
        """
        return run_flask(self, *split(command), folder=folder, timeout=seconds)

    def run(self, command: str) -> Ran:
        """Run a line as CI does, such as `sh ci/gate.sh`. Errors: as for `run_script`."""
        return run_script(self, command)

    def sql(self, question: str) -> Rows:
        """Query the database, which refuses to change anything."""
        return query(self.url, question)

    def execute(self, sql: str) -> int:
        """Change the database by hand and commit, as another program would; returns the number of rows changed."""
        return execute(self.url, sql)

    def schema(self) -> Schema:
        """The schema of the database now, without Alembic's own table."""
        return read_schema(self.url)

    def stands_at(self) -> tuple[str, ...]:
        """The revisions recorded in the database, sorted; empty before the first migration."""
        return read_standing("database", self.url).revisions

    def history(self) -> History:
        """The revisions in `migrations/`, and where the database stands among them."""
        return read_history(self)
