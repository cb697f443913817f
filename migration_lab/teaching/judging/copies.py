"""Scratch copies of a learner's files, each with a database of its own; changing one never affects the learner."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dotenv import dotenv_values, set_key
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from migration_lab.ground import places
from migration_lab.ground.engines import Engine
from migration_lab.ground.errors import LabError
from migration_lab.shops.identity import Workspace
from migration_lab.shops.leases import shops
from migration_lab.shops.origin import is_untouched
from migration_lab.shops.process.confinement import confine, release
from migration_lab.shops.templates import Template
from migration_lab.teaching.judging.addresses import refuse_own_addresses
from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.files import copy_files
from migration_lab.teaching.judging.learner_database import copy_database

LEFTOVER_SECONDS = 3600.0  # a scratch folder this old belongs to a check that was killed


class Copies:
    """Makes copies of one workspace on one engine, and removes them all at the end."""

    def __init__(self, workspace: Workspace, template: Template, root: Path) -> None:
        self._workspace = workspace
        self._template = template
        self._root = root
        self._made: list[tuple[Engine, Path]] = []
        self._confinement = confine(root, [shops().parent, workspace.folder])

    @property
    def engine(self) -> Engine:
        """The engine to judge on."""
        return self._template.engine

    @property
    def original(self) -> Path:
        """The exercise's original files."""
        return self._template.files

    @cached_property
    def is_untouched(self) -> bool:
        """Whether the learner's work is still unchanged."""
        return is_untouched(self._workspace.folder, self._workspace.engine)

    def look_at_learner(self) -> Snapshot | None:
        """What the learner's own database holds now, read through a read-only connection; None if it cannot be
        read, or is on the other engine."""
        if self._workspace.engine.name != self._template.engine.name:
            return None
        try:
            return Database(self._workspace, "your database").snapshot()
        except LabError:
            return None

    def at_start(self) -> Workspace:
        """The files, and the database as it was at the start of the exercise, with its rows."""
        copied = self._files(self._template.engine)
        copied.engine.clone(self._template.key, copied.folder)
        return copied

    def empty(self, on: Engine | None = None) -> Workspace:
        """The files, and a database that holds nothing; on the engine to judge on, or on another."""
        copied = self._files(on or self._template.engine)
        copied.engine.create(copied.folder)
        return copied

    def of_learner(self) -> Workspace:
        """The files, and the learner's own database as it is now."""
        copied = self._files(self._workspace.engine)
        copy_database(self._workspace, copied)
        return copied

    def remove(self) -> None:
        """End processes that are still running, and drop every database and folder that was created."""
        self._confinement.end_processes()
        release(self._confinement)
        for engine, folder in self._made:
            with suppress(LabError):  # a server that is gone took its databases with it
                engine.drop(folder)
        shutil.rmtree(self._root, ignore_errors=True)

    def _files(self, engine: Engine) -> Workspace:
        # The learner's own name comes last: messages say it.
        folder = self._root / str(len(self._made) + 1) / self._workspace.folder.name
        self._made.append((engine, folder))
        copy_files(self._workspace.folder, folder)
        copied = Workspace(folder, replace(self._workspace.identity, engine=engine.name))
        refuse_own_addresses(self._workspace, folder)
        _point_at_copy(self._workspace, copied)
        return copied


@contextmanager
def copies_of(workspace: Workspace, template: Template) -> Iterator[Copies]:
    """A place for copies, removed when the block ends, however it ends."""
    trials = places.trials()
    trials.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(trials, template.engine)
    copies = Copies(workspace, template, Path(tempfile.mkdtemp(prefix=f"{template.engine.name}-", dir=trials)))
    try:
        yield copies
    finally:
        copies.remove()


def _point_at_copy(learners: Workspace, copied: Workspace) -> None:
    """Make every `.flaskenv` and `.env` of a copy name the copy's database instead of the learner's.

    In the copy's own folder, any database counts as the learner's. A line that is missing or that names nothing stays
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
    with suppress(ArgumentError, NoSuchModuleError):
        said = dotenv_values(copied.folder / ".flaskenv", interpolate=False).get("DATABASE_URL")
        if said and make_url(said).get_dialect():
            set_key(copied.folder / ".flaskenv", "DATABASE_URL", copied.engine.url(copied.folder))


def _remove_leftovers(trials: Path, engine: Engine) -> None:
    """Remove what a killed check left behind; each engine's trials clean up their own engine."""
    for root in trials.glob(f"{engine.name}-*"):
        with suppress(LabError, OSError):
            if time.time() - root.stat().st_mtime > LEFTOVER_SECONDS:
                for folder in root.glob("*/*"):
                    engine.drop(folder)
                shutil.rmtree(root)
