"""A history of revisions, and where databases stand in it."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from migration_lab.ground.errors import LabError


@dataclass(frozen=True)
class Revision:
    """One revision file.

    `down` names the revisions that it follows: none for a base, several for a merge. `file` is its path below the
    folder of versions, or below the project where there are several such folders; `path` is where it is. `labels` and
    `depends_on` are Alembic's `branch_labels` and `depends_on`, where each may name a revision or a label.
    """

    id: str
    down: tuple[str, ...]
    message: str
    file: str
    path: Path
    labels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Where a database stands: at no revision, one, or several.

    `has_table` is False without `alembic_version`. `is_lost` is True at no revision if there are other tables all the
    same: Alembic would start at the first revision, with tables that exist already.
    """

    name: str
    revisions: tuple[str, ...]
    has_table: bool = True
    is_lost: bool = False


@dataclass(frozen=True)
class History:
    """A graph of revisions, newest first, with the revisions of databases.

    `earlier` are the ids of those that `since` has left out.
    """

    revisions: tuple[Revision, ...]
    databases: tuple[Standing, ...] = ()
    earlier: tuple[str, ...] = ()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all revisions, newest first."""
        return tuple(revision.id for revision in self.revisions)

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """Revisions that no other follows."""
        followed = {parent for revision in self.revisions for parent in revision.down}
        return tuple(revision.id for revision in self.revisions if revision.id not in followed)

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """Revisions that follow no other."""
        return tuple(revision.id for revision in self.revisions if not revision.down)

    @property
    def current(self) -> tuple[str, ...]:
        """The revisions of the first database; they may be missing from the files."""
        return self.databases[0].revisions if self.databases else ()

    def revision(self, revision_id: str) -> Revision | None:
        """The revision with this id, or None."""
        return next((each for each in self.revisions if each.id == revision_id), None)

    def unknown(self, standing: Standing) -> tuple[str, ...]:
        """The revisions that a database names and that no file has."""
        return tuple(each for each in standing.revisions if each not in self.ids + self.earlier)

    def since(self, revision_id: str) -> "History":
        """The same without what comes before this revision, to show the end of a long history.

        Raises:
            LabError: no file has this id.
        """
        if self.revision(revision_id) is None:
            raise LabError(f"No revision has the id {revision_id}.", "`flask db history` lists those that are there.")
        wanted = {revision_id}
        for revision in self.revisions:  # newest first: all that follow a revision have been seen before it
            wanted |= set(revision.down) if revision.id in wanted else set()
        left = tuple(each for each in self.revisions if each.id == revision_id or each.id not in wanted)
        return replace(self, revisions=left, earlier=tuple(sorted(wanted - {revision_id})))
