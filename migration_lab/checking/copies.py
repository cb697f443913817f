"""Scratch copies of a learner's files, each with a database of its own; nothing done to one reaches the learner."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dotenv import dotenv_values, set_key

from migration_lab import places, query
from migration_lab.checking.addresses import refuse_own_addresses
from migration_lab.checking.files import copy_files
from migration_lab.checking.learner_database import copy_database
from migration_lab.checking.outside import refuse_from_outside, refuse_reached
from migration_lab.engines import Engine
from migration_lab.errors import LabError
from migration_lab.flask_command import run_flask
from migration_lab.leases import shops
from migration_lab.process import Completed
from migration_lab.process.confinement import confine, release
from migration_lab.query import Rows
from migration_lab.readonly import parse
from migration_lab.revisions import History, read_history, read_standing
from migration_lab.schema import Schema, read_schema
from migration_lab.templates import Template
from migration_lab.workspace import Workspace

COMMAND_SECONDS = 10.0  # a revision over a few hundred rows takes well under one
LEFTOVER_SECONDS = 3600.0  # a scratch folder this old belongs to a check that was killed


class Copy:
    """A copy of the learner's files and a database to go with it, to be looked at and changed freely."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.url = workspace.url

    @property
    def folder(self) -> Path:
        """Where the copied files are."""
        return self.workspace.folder

    @property
    def engine(self) -> Engine:
        """The engine of its database; `engine.name` is `sqlite` or `postgres`."""
        return self.workspace.engine

    def flask(self, *args: str, folder: Path | None = None) -> Completed:
        """Run a command, `trial.flask("db", "upgrade")`, as in a terminal in the copy's folder or in one below it.

        Raises:
            LabError: it takes longer than `COMMAND_SECONDS`, it would reach the learner's own database, or something
                that is not the learner's doing cut it short.
        """
        try:
            completed = run_flask(self.workspace, *args, folder=folder, timeout=COMMAND_SECONDS)
        finally:
            refuse_reached(self.folder)
        refuse_from_outside(completed, " ".join(["flask", *args]), self.workspace)
        return completed

    def schema(self) -> Schema:
        """What the database holds now, without Alembic's own table."""
        return read_schema(self.url)

    def history(self) -> History:
        """The revisions in the files, and where the database stands."""
        return read_history(self.workspace)

    def query(self, sql: str) -> Rows:
        """Ask the database; it refuses to change anything."""
        return query.query(self.url, sql)

    def execute(self, sql: str) -> int:
        """Change the database by hand, as another program would; the number of rows touched."""
        return query.execute(self.url, sql)

    def refusal(self, sql: str) -> str:
        """Why the database does not carry a statement out, in its own words; empty when it does."""
        try:
            self.execute(sql)
        except LabError as error:
            return error.message
        return ""

    def rows_of(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, a dictionary each, in the order of the first column."""
        rows = self.query(f"SELECT * FROM {quoted(table)} ORDER BY 1")
        return [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]

    def stands_at(self) -> tuple[str, ...]:
        """The revisions that the database names, sorted; none before the first migration."""
        return read_standing("database", self.url).revisions


class Copies:
    """Makes copies of one workspace on one engine, and removes them all at the end."""

    def __init__(self, workspace: Workspace, template: Template, root: Path) -> None:
        self._workspace = workspace
        self._template = template
        self._root = root
        self._made: list[tuple[Engine, Path]] = []
        self._confinement = confine(root, [shops().parent, workspace.folder])

    def at_start(self) -> Workspace:
        """The files, and the database as it was at the start of the exercise, with its rows."""
        copied = self._files(self._template.engine)
        copied.engine.clone(self._template.key, copied.folder)
        return copied

    def empty(self) -> Workspace:
        """The files, and a database that holds nothing."""
        copied = self._files(self._template.engine)
        copied.engine.create(copied.folder)
        return copied

    def of_learner(self) -> Workspace:
        """The files, and the learner's own database as it is now."""
        copied = self._files(self._workspace.engine)
        copy_database(self._workspace, copied)
        return copied

    def remove(self) -> None:
        """End what was left running, and drop every database and folder that was made."""
        self._confinement.end_processes()
        release(self._confinement)
        for engine, folder in self._made:
            with suppress(LabError):  # a server that has gone has taken its databases along
                engine.drop(folder)
        shutil.rmtree(self._root, ignore_errors=True)

    def _files(self, engine: Engine) -> Workspace:
        # The learner's own name comes last: messages say it.
        folder = self._root / str(len(self._made) + 1) / self._workspace.folder.name
        self._made.append((engine, folder))
        copy_files(self._workspace.folder, folder)
        copied = replace(self._workspace, folder=folder, engine=engine)
        refuse_own_addresses(self._workspace, folder)
        _point_at_copy(self._workspace, copied)
        return copied


@contextmanager
def copies_of(workspace: Workspace, template: Template) -> Iterator[Copies]:
    """A place for copies, gone when the block ends, however it ends."""
    trials = places.state() / "trials"
    trials.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(trials, template.engine)
    copies = Copies(workspace, template, Path(tempfile.mkdtemp(prefix=f"{template.engine.name}-", dir=trials)))
    try:
        yield copies
    finally:
        copies.remove()


def quoted(name: str) -> str:
    """A name of a table or column, as SQL takes it whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def _point_at_copy(learners: Workspace, copied: Workspace) -> None:
    """Let every `.flaskenv` and `.env` of a copy name the copy's database: the lines in it lead to the learner's.

    In the copy's own folder any database counts as the learner's. A line that is missing or that leads nowhere stays
    as it is, because it may be what the exercise is about.
    """
    own = {
        learners.engine.url(learners.folder): copied.engine.url(copied.folder),
        str(learners.folder): str(copied.folder),
    }
    for path in [*copied.folder.rglob(".flaskenv"), *copied.folder.rglob(".env")]:
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            for theirs, ours in own.items():
                text = text.replace(theirs, ours)
            path.unlink()  # it may be a link that leads out of the copy
            path.write_text(text, encoding="utf-8")
    with suppress(LabError):
        said = dotenv_values(copied.folder / ".flaskenv", interpolate=False).get("DATABASE_URL")
        if said and parse(said):
            set_key(copied.folder / ".flaskenv", "DATABASE_URL", copied.engine.url(copied.folder))


def _remove_leftovers(trials: Path, engine: Engine) -> None:
    """What a killed check left behind; each engine's trials clear up that engine's."""
    for root in trials.glob(f"{engine.name}-*"):
        with suppress(LabError, OSError):
            if time.time() - root.stat().st_mtime > LEFTOVER_SECONDS:
                for folder in root.glob("*/*"):
                    engine.drop(folder)
                shutil.rmtree(root)
