"""The revision files of a workspace as a graph.

The files are read, not run: they may be broken, and looking at them must not do anything.
"""

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from alembic.script.revision import Revision as AlembicRevision
from alembic.script.revision import RevisionMap

from migration_lab.errors import LabError
from migration_lab.revisions.model import History, Revision
from migration_lab.revisions.standing import read_standing


class HasHistory(Protocol):
    """A workspace, or anything else with files and a database."""

    @property
    def folder(self) -> Path: ...
    @property
    def url(self) -> str: ...


def read_history(workspace: HasHistory, databases: Mapping[str, str] | None = None) -> History:
    """Read a workspace's revision files, and where databases stand.

    Args:
        workspace: its folder holds `migrations/`; its database is the one asked, called `database`.
        databases: names and URLs of the databases to ask instead.

    Raises:
        LabError: there is no `migrations/`, or its files make no history; the message names the file.
    """
    revisions = read_revisions(workspace.folder / "migrations" / "versions")
    asked = {"database": workspace.url} if databases is None else databases
    return History(revisions, tuple(read_standing(name, url) for name, url in asked.items()))


def read_revisions(versions: Path) -> tuple[Revision, ...]:
    """The revision files of a folder as a graph, newest first, in Alembic's own order.

    Raises:
        LabError: the folder is missing, or a file is broken, twice there, or follows one that is not there.
    """
    if not versions.is_dir():
        raise LabError("There is no folder migrations/versions here yet.", "Run `flask db init` first.")
    found: dict[str, Revision] = {}
    for path in sorted(versions.glob("*.py")):
        revision = _read(path.name, path.read_bytes())
        if revision.id in found:
            raise LabError(
                f"Two files have the revision id {revision.id}: {found[revision.id].file} and {revision.file}.",
                "Delete the copy, or give it an id and a `down_revision` of its own.",
            )
        found[revision.id] = revision
    for revision in found.values():
        for parent in revision.down:
            if parent not in found:
                raise LabError(
                    f"{revision.file} follows revision {parent}, and no file has that id.",
                    f"Bring the file of {parent} back, from version control for example.",
                )
    return tuple(found[each] for each in _newest_first(found))


@lru_cache(1024)
def _read(name: str, source: bytes) -> Revision:
    """What a revision file says of itself; each of a shop's copies has the same files."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise LabError(f"{name} is not Python: {error.args[0]}{line}.", "Correct the file.") from error
    values = _assigned(tree)
    for each in ("revision", "down_revision"):
        if each not in values:
            raise LabError(
                f"{name} does not say its `{each}`.",
                f'Add a line like `{each} = "0001"`' + (", or None for the first." if each[0] == "d" else "."),
            )
    try:
        own, down = ast.literal_eval(values["revision"]), ast.literal_eval(values["down_revision"])
        parents = (down,) if isinstance(down, str) else tuple(down or ())
        if not isinstance(own, str) or not all(isinstance(parent, str) for parent in parents):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise LabError(
            f"{name} gives `revision` or `down_revision` as something that is not a text.",
            'Write them in quotes, like `revision = "0002"` and `down_revision = "0001"`.',
        ) from error
    message = (ast.get_docstring(tree) or "").strip().splitlines()
    return Revision(own, parents, message[0] if message else "(no message)", name)


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """What the file's outermost assignments give to names."""
    values: dict[str, ast.expr] = {}
    for line in tree.body:
        if isinstance(line, ast.Assign):
            values |= {target.id: line.value for target in line.targets if isinstance(target, ast.Name)}
        elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value:
            values[line.target.id] = line.value
    return values


def _newest_first(found: Mapping[str, Revision]) -> list[str]:
    """Alembic's own order, every revision before those that it follows."""
    try:
        TopologicalSorter({each.id: each.down for each in found.values()}).prepare()
    except CycleError as error:
        files = sorted({found[each].file for each in error.args[1]})
        raise LabError(
            f"The revisions go round in a circle: {', '.join(files)}." if files[1:] else f"{files[0]} follows itself.",
            "Correct `down_revision` in the file that was changed last.",
        ) from error
    graph = RevisionMap(lambda: [AlembicRevision(each.id, each.down) for each in found.values()])
    walked: Iterable[Any] = graph.iterate_revisions("heads", "base")
    return [each.revision for each in walked]
