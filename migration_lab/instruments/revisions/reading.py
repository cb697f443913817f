"""The revision files of a workspace as a graph.

Files that give their id and their parents as plain values are read without running them.
"""

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from alembic.script.revision import Revision as AlembicRevision
from alembic.script.revision import RevisionError, RevisionMap

from migration_lab.ground.errors import LabError, reason
from migration_lab.instruments.revisions.files import Found, list_files, read_settings
from migration_lab.instruments.revisions.literals import read_literals
from migration_lab.instruments.revisions.model import History, Revision
from migration_lab.instruments.revisions.running import run_files
from migration_lab.instruments.revisions.standing import read_standing

LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")  # a file without `revision` that Alembic knows by its name


class HasHistory(Protocol):
    """A workspace, or any other object with files and a database."""

    @property
    def folder(self) -> Path: ...
    @property
    def url(self) -> str: ...


def read_history(workspace: HasHistory, databases: Mapping[str, str] | None = None) -> History:
    """Read a workspace's revision files, and the revisions of databases.

    Args:
        workspace: its folder holds `migrations/`; its database is the one asked, called `database`.
        databases: names and URLs of databases to read instead.

    Raises:
        LabError: there is no `migrations/`, or its files make no history; the message names the file.
    """
    revisions = read_revisions(workspace.folder)
    asked = {"database": workspace.url} if databases is None else databases
    return History(revisions, tuple(read_standing(name, url) for name, url in asked.items()))


def read_revisions(folder: Path) -> tuple[Revision, ...]:
    """The revision files of a project as a graph, newest first, in Alembic's own order.

    Args:
        folder: where `flask db` or `alembic` would be run.

    Raises:
        LabError: there are no migrations, or a file is broken, twice there, or follows one that is not there.
    """
    settings = read_settings(folder)
    files = list_files(settings)
    literal = [read_literals(file.name, _bytes(file)) for file in files]
    to_run = [file for file, said in zip(files, literal, strict=True) if said is None]
    ran = iter(run_files(settings, to_run) if to_run else ())
    said = [next(ran) if each is None else each for each in literal]
    revisions = [_revision(file, each) for file, each in zip(files, said, strict=True)]
    return tuple(_newest_first(_by_id(revisions)))


def _bytes(file: Found) -> bytes:
    try:
        return file.path.read_bytes()
    except OSError as error:
        raise LabError(f"{file.name} cannot be read: {reason(error)}.", "Correct or delete it.") from error


def _revision(file: Found, said: Mapping[str, Any]) -> Revision:
    """A file's own values, checked; they are those of `literals.ATTRIBUTES`."""
    legacy = LEGACY_NAME.match(file.path.name)
    values = {"revision": legacy[1], **said} if legacy else said
    for each in ("revision", "down_revision"):
        if each not in values:
            raise LabError(
                f"{file.name} does not say its `{each}`.",
                f'Add a line like `{each} = "0001"`' + (", or None for the first." if each[0] == "d" else "."),
            )
    own, down = values["revision"], _texts(values["down_revision"])
    if not isinstance(own, str) or down is None:
        raise LabError(
            f"{file.name} gives `revision` or `down_revision` as something that is not a string.",
            'Write them in quotes, like `revision = "0002"` and `down_revision = "0001"`.',
        )
    labels, depends_on = _texts(values.get("branch_labels")), _texts(values.get("depends_on"))
    if labels is None or depends_on is None:
        raise LabError(
            f"{file.name} gives `branch_labels` or `depends_on` as something that is not a string.",
            "Write None, a string in quotes, or several in parentheses.",
        )
    try:
        AlembicRevision.verify_rev_id(own)
    except RevisionError as error:
        raise LabError(f"{file.name}: {error}.", "Give it an id of letters and digits.") from error
    message = values["doc"].strip().splitlines()
    return Revision(own, down, message[0] if message else "(no message)", file.name, file.path, labels, depends_on)


def _texts(value: Any) -> tuple[str, ...] | None:
    """One text or several as a tuple; None when it is neither."""
    if isinstance(value, str):
        return (value,)
    if value and not isinstance(value, (tuple, list)):
        return None
    texts = tuple(value or ())
    return texts if all(isinstance(each, str) for each in texts) else None


def _by_id(revisions: Iterable[Revision]) -> dict[str, Revision]:
    """The revisions by their ids; LabError when two have the same id, or one follows or needs one that is not there."""
    found: dict[str, Revision] = {}
    for revision in revisions:
        if revision.id in found:
            raise LabError(
                f"Two files have the revision id {revision.id}: {found[revision.id].file} and {revision.file}.",
                "Delete the copy, or give it an id and a `down_revision` of its own.",
            )
        found[revision.id] = revision
    labels = {label for revision in found.values() for label in revision.labels}
    for revision in found.values():
        for parent in revision.down:
            if parent not in found:
                raise LabError(
                    f"{revision.file} follows revision {parent}, and no file has that id.",
                    f"Bring the file of {parent} back, from version control for example.",
                )
        for needed in revision.depends_on:
            if needed not in found and needed not in labels:
                raise LabError(
                    f"{revision.file} depends on {needed}, and no file has that id or label.",
                    "Correct `depends_on`, or bring the file back, from version control for example.",
                )
    return found


def _newest_first(found: Mapping[str, Revision]) -> list[Revision]:
    """Alembic's own order, every revision before those that it follows or depends on."""
    labelled = {label: each.id for each in found.values() for label in each.labels}
    needed = {each.id: [labelled.get(name, name) for name in each.depends_on] for each in found.values()}
    _refuse_circle(found, {each.id: each.down for each in found.values()}, "down_revision")
    _refuse_circle(found, {each.id: (*each.down, *needed[each.id]) for each in found.values()}, "depends_on")
    made = [AlembicRevision(each.id, each.down, each.depends_on or None, each.labels) for each in found.values()]
    try:
        walked: list[Any] = list(RevisionMap(lambda: made).iterate_revisions("heads", "base"))
    except RevisionError as error:  # a label that two revisions have, or one of the same name as a revision
        raise LabError(f"The revisions make no history: {error}.", "Correct the `branch_labels`.") from error
    return [found[each.revision] for each in walked]


def _refuse_circle(found: Mapping[str, Revision], before: Mapping[str, Iterable[str]], name: str) -> None:
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        files = sorted({found[each].file for each in error.args[1]})
        raise LabError(
            f"The revisions form a circle: {', '.join(files)}." if files[1:] else f"{files[0]} follows itself.",
            f"Correct `{name}` in the file that was changed last.",
        ) from error
