"""What was done to an exercise so far, as files and databases show it, for choosing the likely cause."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from migration_lab.ground.layers import NOT_INPUT, files_in
from migration_lab.instruments.models import Models, read_models
from migration_lab.instruments.revisions import History, Revision, read_revisions
from migration_lab.shops.process import StoppedError
from migration_lab.teaching.judging.database import Database, Snapshot

NOT_LEARNERS = NOT_INPUT | {".ipynb_checkpoints", ".git"}
SKIPPED = frozenset((".flaskenv", ".lab.json", "interruption.json", "statements.txt"))
NOTHING_YET = (
    "Nothing has been changed yet.",
    "Read the ticket and what the check looks at; `lab.hint(...)` gives a first question.",
)


@dataclass(frozen=True)
class Traces:
    """The files of an answer beside those of the start.

    Args:
        original: the folder of the exercise's original files.
        database: the answer's files with any database.
        start: what the database held at the start.
        is_untouched: whether neither a file nor the learner's database was changed.
    """

    original: Path
    database: Database
    start: Snapshot
    is_untouched: bool

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """Existing files whose content changed."""
        return tuple(each for each in sorted(self._before.keys() & self._now.keys()) if self._differs(each))

    @cached_property
    def added(self) -> tuple[str, ...]:
        """New files."""
        return tuple(sorted(self._now.keys() - self._before.keys()))

    @cached_property
    def history(self) -> History:
        """The revisions of the answer."""
        return self.database.history()

    @cached_property
    def applied(self) -> frozenset[str]:
        """The revisions that had run before the exercise began."""
        return frozenset(_with_ancestors(self.start.revisions, self.history.revision))

    @cached_property
    def past(self) -> dict[str, str]:
        """The original files of the revisions that had run before the exercise began, by their ids."""
        originals = {each.id: each for each in read_revisions(self.original)}
        found = _with_ancestors(self.start.revisions, originals.get)
        return {each: found[each].path.relative_to(self.original.resolve()).as_posix() for each in sorted(found)}

    @cached_property
    def edited(self) -> tuple[str, ...]:
        """Files of applied revisions whose content changed."""
        names = {Path(each.file).name: each.id for each in self.history.revisions}
        return tuple(each for each in self.changed if names.get(Path(each).name) in self.applied)

    @cached_property
    def new_revisions(self) -> tuple[str, ...]:
        """The ids of the revisions that had not run before, in order."""
        return tuple(each for each in reversed(self.history.ids) if each not in self.applied)

    @cached_property
    def models(self) -> Models:
        """What the models describe now."""
        try:
            return read_models(self.database.workspace, self.database.url)
        except StoppedError as error:
            return Models({}, fault=error.message)

    def why_not_there(self, name: str, learners: Snapshot | None) -> tuple[str, str]:
        """Why the upgrade does not create the column `users.nickname`, and what to do.

        Args:
            learners: the learner's own database as it is now, if that could be read.
        """
        table, _, column = name.rpartition(".")
        in_model = column in self.models.tables.get(table, ())
        if self.is_untouched:
            return NOTHING_YET
        if self.edited and not self.new_revisions:
            return (
                f"`{Path(self.edited[0]).name}` was edited after it had run, and it will not run again.",
                "Put the file back as it was, and make a new revision.",
            )
        if self.new_revisions:
            files = [Path(each.file).name for each in self.history.revisions if each.id in self.new_revisions]
            return (
                f"{' and '.join(f'`{each}`' for each in sorted(files))} runs, and its `upgrade()` does not make it"
                + ("" if in_model else "; no model has it either")
                + ".",
                "Read `upgrade()`. A revision that was made before the model was changed is empty: delete it and make "
                "it again.",
            )
        if learners is not None and learners.column(name) is not None:
            return (
                "It is in your own database only: it was added by hand, and no revision brings it to any other.",
                "Remove it from your database, and let a revision add it.",
            )
        if in_model:
            return (
                "The model has it, and no revision brings it.",
                "Run `flask db migrate`, look for a new file in `migrations/versions`, and read it.",
            )
        return "Neither a model nor a revision has it.", "Add it to the model first, then make a revision."

    # ------------------------------------------------------------------------------------------------------- inside

    @cached_property
    def _before(self) -> dict[str, Path]:
        return _files(self.original)

    @cached_property
    def _now(self) -> dict[str, Path]:
        return _files(self.database.folder)

    def _differs(self, name: str) -> bool:
        now = self._now[name]
        return not now.is_file() or self._before[name].read_bytes() != now.read_bytes()


def _files(folder: Path) -> dict[str, Path]:
    found = {path.relative_to(folder).as_posix(): path for path in files_in(folder, NOT_LEARNERS)}
    return {name: path for name, path in found.items() if Path(name).name not in SKIPPED}


def _with_ancestors(ids: Iterable[str], revision_of: Callable[[str], Revision | None]) -> dict[str, Revision]:
    """These revisions and all before them, by id; those that are not known are left out."""
    found: dict[str, Revision] = {}
    ahead = list(ids)
    while ahead:
        revision = revision_of(ahead.pop())
        if revision is not None and revision.id not in found:
            found[revision.id] = revision
            ahead += revision.down
    return found
