"""The history of a workspace: its revision files as a graph, and where databases stand in it.

The files are read, not run: they may be broken, and looking at them must not do anything.
"""

import ast
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from alembic.script.revision import Revision as AlembicRevision
from alembic.script.revision import RevisionMap
from sqlalchemy import text

from migration_lab.errors import LabError
from migration_lab.readonly import looking_at

VERSION_TABLE = "alembic_version"
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}


class HasHistory(Protocol):
    """A workspace, or anything else with files and a database."""

    @property
    def folder(self) -> Path: ...
    @property
    def url(self) -> str: ...


@dataclass(frozen=True)
class Revision:
    """One revision file. `down` names the revisions that it follows: none for a base, several for a merge."""

    id: str
    down: tuple[str, ...]
    message: str
    file: str


@dataclass(frozen=True)
class Standing:
    """Where a database stands: at no revision, one, or several.

    `has_table` is False without `alembic_version`. `is_lost` is True at no revision if there are other tables all the
    same: Alembic would begin at the beginning, with tables that are there already.
    """

    name: str
    revisions: tuple[str, ...]
    has_table: bool = True
    is_lost: bool = False


@dataclass(frozen=True)
class History:
    """A graph of revisions, newest first, and the databases that were asked where they stand.

    `earlier` are the ids of those that `since` has left out.
    """

    revisions: tuple[Revision, ...]
    databases: tuple[Standing, ...] = ()
    earlier: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all revisions, newest first."""
        return tuple(revision.id for revision in self.revisions)

    @property
    def heads(self) -> tuple[str, ...]:
        """Revisions that no other follows."""
        followed = {parent for revision in self.revisions for parent in revision.down}
        return tuple(revision.id for revision in self.revisions if revision.id not in followed)

    @property
    def bases(self) -> tuple[str, ...]:
        """Revisions that follow no other."""
        return tuple(revision.id for revision in self.revisions if not revision.down)

    @property
    def current(self) -> tuple[str, ...]:
        """Where the first database stands; it may be a revision that no file has."""
        return self.databases[0].revisions if self.databases else ()

    def revision(self, revision_id: str) -> Revision | None:
        """The revision with this id, or None."""
        return next((each for each in self.revisions if each.id == revision_id), None)

    def unknown(self, standing: Standing) -> tuple[str, ...]:
        """The revisions that a database names and that no file has."""
        return tuple(each for each in standing.revisions if each not in self.ids + self.earlier)

    def since(self, revision_id: str) -> "History":
        """The same without what comes before this revision, for a look at the end of a long history.

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


def read_standing(name: str, url: str) -> Standing:
    """Where the database at this URL stands."""
    with looking_at(url) as connection:
        tables = connection.execute(text(TABLES[connection.dialect.name])).scalars().all()
        if VERSION_TABLE not in tables:
            return Standing(name, (), has_table=False, is_lost=bool(tables))
        rows = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE} ORDER BY version_num"))
        ids = tuple(rows.scalars())
        return Standing(name, ids, is_lost=not ids and tables != [VERSION_TABLE])


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


def as_text(history: History) -> str:
    """The graph as lines, newest first, as `git log --graph` draws it, with where each database stands."""
    lines: list[str] = []
    lanes: list[str] = []
    for revision in history.revisions:
        if revision.id not in lanes:
            lanes.append(revision.id)
        lane = lanes.index(revision.id)
        while lanes.count(revision.id) > 1:
            last = len(lanes) - 1 - lanes[::-1].index(revision.id)
            lines += _join(len(lanes), last, lane)
            del lanes[last]
        row = " ".join("*" if at == lane else "|" for at in range(len(lanes)))
        lines.append(f"{row}  {_label(history, revision)}")
        down = [parent for parent in revision.down if parent not in history.earlier]
        lanes[lane : lane + 1] = down[:1]
        for parent in down[1:]:
            lines.append(" ".join(["|"] * (lane + 1)) + "\\" + " \\" * (len(lanes) - lane - 1))
            lanes.insert(lane + 1, parent)
    return "\n".join([*lines, *_notes(history)]) or "(no revisions yet)"


def as_mermaid(history: History) -> str:
    """The graph as a Mermaid flowchart, newest on top, with a title and a description for screen readers."""
    names = {revision.id: f"r{number}" for number, revision in enumerate(reversed(history.revisions))}
    lines = ["flowchart BT", "  accTitle: The history of revisions", f"  accDescr: {_description(history)}"]
    for revision in reversed(history.revisions):
        label = "<br/>".join([_escape(revision.id), *map(_escape, textwrap.wrap(revision.message, 32))])
        lines.append(f'  {names[revision.id]}["{label}{"<br/>(head)" if revision.id in history.heads else ""}"]')
    for revision in reversed(history.revisions):
        lines += [f"  {names[parent]} --> {names[revision.id]}" for parent in revision.down if parent in names]
    for number, standing in enumerate(history.databases):
        nowhere = "" if standing.revisions else "<br/>at no revision"
        nowhere += "<br/>though it has tables" if standing.is_lost else ""
        lines.append(f'  d{number}[("{_escape(standing.name)}{nowhere}")]')
        for place, revision_id in enumerate(standing.revisions):
            if revision_id not in names:
                why = "comes before these" if revision_id in history.earlier else "no file has it"
                lines.append(f'  u{number}_{place}["{_escape(revision_id)}<br/>{why}"]')
            lines.append(f"  d{number} -.-> {names.get(revision_id, f'u{number}_{place}')}")
    return "\n".join(lines)


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
    circle = _circle(found)
    if circle:
        files = ", ".join(found[each].file for each in circle)
        raise LabError(
            f"The revisions go round in a circle: {files}." if len(circle) > 1 else f"{files} follows itself.",
            "Correct `down_revision` in the file that was changed last.",
        )
    graph = RevisionMap(lambda: [AlembicRevision(each.id, each.down) for each in found.values()])
    walked: Iterable[Any] = graph.iterate_revisions("heads", "base")
    return [each.revision for each in walked]


def _circle(found: Mapping[str, Revision]) -> list[str]:
    """The ids that are left when every revision whose parents are all settled has been taken away, and sorted."""
    left = dict(found)
    while settled := [each for each in left if not any(parent in left for parent in left[each].down)]:
        for each in settled:
            del left[each]
    while loose := [each for each in left if not any(each in other.down for other in left.values())]:
        for each in loose:  # it only follows the circle
            del left[each]
    return sorted(left)


def _join(lanes: int, moving: int, into: int) -> list[str]:
    """The lines that lead lane `moving` into lane `into`, on its left; the lanes beyond it move up by one."""
    lines = []
    for step in range(moving, into, -1):
        line = [" "] * (2 * lanes)
        for lane in range(lanes):
            if lane < moving:
                line[2 * lane] = "|"
            elif lane > moving:
                line[2 * lane - (1 if step == moving else 2)] = "/" if step == moving else "|"
        line[2 * step - 1] = "/"
        lines.append("".join(line).rstrip())
    return lines


def _label(history: History, revision: Revision) -> str:
    marks = [name for name, ids in (("head", history.heads), ("base", history.bases)) if revision.id in ids]
    here = [standing.name for standing in history.databases if revision.id in standing.revisions]
    words = [revision.id, revision.message]
    words += [f"({', '.join(marks)})"] if marks else []
    words += [f"<- {', '.join(here)}"] if here else []
    return " ".join(words)


def _notes(history: History) -> list[str]:
    """What the graph cannot show: databases at no revision, or at one that no file has."""
    notes = []
    for standing in history.databases:
        if standing.is_lost:
            notes.append(
                f"{standing.name}: at no revision, though it has tables: {VERSION_TABLE} "
                f"{'is empty' if standing.has_table else 'is missing'}. "
                "Compare the tables with the revisions, then say where it stands: flask db stamp REVISION"
            )
        elif not standing.has_table:
            notes.append(f"{standing.name}: at no revision; it has no table {VERSION_TABLE}")
        elif not standing.revisions:
            notes.append(f"{standing.name}: at no revision; its table {VERSION_TABLE} is empty")
        before = [each for each in standing.revisions if each in history.earlier]
        notes += [f"{standing.name}: at revision {each}, which comes before these" for each in before]
        notes += [
            f"{standing.name}: at revision {each}, which no file has. "
            "Bring its file back, or say which revision the schema equals: flask db stamp --purge REVISION"
            for each in history.unknown(standing)
        ]
    return [*([""] if notes and history.revisions else []), *notes]


def _description(history: History) -> str:
    count = len(history.revisions)
    parts = [f"{count} revision{'' if count == 1 else 's'}, heads {', '.join(map(_plain, history.heads)) or 'none'}"]
    parts += [
        f"{_plain(each.name)} is at {', '.join(map(_plain, each.revisions)) or 'no revision'}"
        for each in history.databases
    ]
    return ". ".join(parts)


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isalnum() or character in " _-.")


def _escape(text: str) -> str:
    """A label's text: what Mermaid, Markdown or HTML would read as their own becomes a number code."""
    return "".join(each if each.isalnum() or each in " ,:()'/" else f"#{ord(each)};" for each in text)
