"""The shop of a notebook: the learner's files, their database, and the instruments that look at both."""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from migration_lab.ground import engines
from migration_lab.ground.course import EngineName
from migration_lab.ground.errors import LabError
from migration_lab.ground.html import button, card, table
from migration_lab.ground.places import below_my_work
from migration_lab.instruments import query, revisions, schema
from migration_lab.instruments.shop import PlainShop
from migration_lab.notebook import running_note, under_way
from migration_lab.notebook.displays import Bundle, Note, show
from migration_lab.notebook.live_shop import LiveShop
from migration_lab.notebook.shop_files import ShopFiles
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.git_command import run_git
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed
from migration_lab.shops.script import Ran, run_script
from migration_lab.shops.templates import checkpoint_template
from migration_lab.shops.workspace import copy_workspace

ENGINE_NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
NO_CHANGES = "The schema is as it was at the last look."

used: "Shop | None" = None  # the one that the magics work on, there or not
copies: "dict[Path, Shop]" = {}  # the last one made in each folder


def current() -> "Shop":
    """The shop that the magics work on.

    Raises:
        LabError: none is open in this kernel, or its files are gone.
    """
    if used is None:
        raise LabError(
            "No shop is open in this notebook yet.",
            "Run the cell with `lab.open(...)` at the top first, or `shop = lab.resume()` to go on where you were.",
        )
    used.check()
    return used


def engine_of(exercise_id: str) -> EngineName | None:
    """The engine of the current shop if it is that exercise's; None if it is another one, or a copy."""
    identity = used.workspace.identity if used else None
    return identity.engine if identity and identity.exercise == exercise_id and not identity.copy else None


@dataclass(frozen=True)
class Changes:
    """What changed in the schema between two looks, in a stable order."""

    changes: tuple[schema.Change, ...]

    def __iter__(self) -> Iterator[schema.Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def as_text(self) -> str:
        """One sentence for each change."""
        return "\n".join(str(change) for change in self) or NO_CHANGES

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        rows = [_as_row(change) for change in self]
        html = table("What changed in the schema", ("Table", "Part", "Before", "After"), rows)
        return {"text/html": html if rows else card(NO_CHANGES), "text/plain": self.as_text()}


def _as_row(change: schema.Change) -> tuple[str, str, str, str]:
    """Table, part, before and after."""
    return change.subject, f"{change.kind} {change.name}".strip(), change.before or "–", change.after or "–"


class Shop(ShopFiles, LiveShop):
    """What `lab.open`, `lab.exercise` and `lab.resume` give back."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_replaced = False
        self._seen = self._checked.schema()

    @property
    def _checked(self) -> PlainShop:
        """The shop without its notebook. Errors: as for `check`."""
        self.check()
        return PlainShop(self.workspace.folder, self.workspace.engine)

    def check(self) -> None:
        """Raise LabError when the shop's folder is not there any more, or belongs to a later copy."""
        if self.is_replaced:
            raise LabError("This copy is gone: a later `copy()` replaced it.", "Use the later one, or copy again.")
        if not self.workspace.folder.is_dir():
            raise LabError(
                f"The files of {self.workspace.title} are gone: their folder was deleted or moved.",
                f"Run `{self.afresh()}` for fresh ones.",
            )

    def afresh(self) -> str:
        """What to type to start this shop afresh: the same exercise or lesson, on the same engine."""
        name = self.workspace.identity.exercise or self.workspace.lesson.number
        on = ', engine="postgres"' if self.engine == "postgres" else ""
        return f'shop = lab.reset("{name}"{on})'

    @property
    def engine(self) -> EngineName:
        """`sqlite` or `postgres`."""
        return self.workspace.identity.engine

    def use(self) -> "Shop":
        """Make this shop the current one, for `%flask`, `%%writefile` and paths in Python."""
        global used
        self.check()
        os.chdir(self.workspace.folder)
        used = self
        return self

    def __repr__(self) -> str:
        return f"{self._what()}, on {ENGINE_NAMES[self.engine]}"

    def note(self, database: str = "", *, begins: bool = False) -> Note:
        """What is open: which of the lesson's shops, where its files are, and where its database stands.

        Args:
            database: what else to say of it, before that.
            begins: whether it is as the lesson wants it: then nothing is said of what to do about it.
        """
        place = below_my_work(self.workspace.folder)
        return Note(
            f"{self._what()}. In a terminal: `cd {place}`. "
            f"Database: {ENGINE_NAMES[self.engine]}, {database}{self._where(begins)}.",
            button("filebrowser:go-to-path", {"path": place}, "Show the files"),
        )

    def _what(self) -> str:
        """`Exercise 13.2`, or `Lesson 13: Heads and merges, scene two_reports, a copy`."""
        lesson, identity = self.workspace.lesson, self.workspace.identity
        if identity.exercise:
            words = [f"Exercise {identity.exercise}"]
        else:
            words = [f"Lesson {lesson.number}: {lesson.manifest.title}"]
            words += [f"scene {identity.scene}"] if identity.scene else []
        words += [" of ".join(["a copy"] * identity.copy)] if identity.copy else []
        return ", ".join(words)

    def _where(self, begins: bool) -> str:
        """Where the database stands; with what to do next, if that is nowhere in the files and not meant to be so."""
        standing = revisions.read_standing("database", self.workspace.url)
        known = standing.revisions
        with suppress(LabError):  # files that make no history are reported by what reads it
            known = revisions.read_history(self.workspace, {}).ids
        words = f"at revision {' and '.join(f'`{each}`' for each in standing.revisions)}"
        if set(standing.revisions) - set(known):
            words += ", which no file has"
        elif standing.is_lost:
            words = "at no revision, though it has tables"
        else:
            return words if standing.revisions else "at no revision yet"
        return words if begins else f"{words}: `shop.revisions()` says more, and `{self.afresh()}` starts afresh"

    def cd(self, folder: str = "") -> None:
        """Go into a folder of the shop, as `cd` does in a terminal; without one, back to the top."""
        self.check()
        target = self.path(self.here() / folder if folder else "")
        if not target.is_dir():
            raise LabError(f"There is no folder `{folder}` here.", "`shop.files()` lists all that is there.")
        os.chdir(target)

    def copy(self, *, engine: EngineName | None = None, empty: bool = False) -> "Shop":
        """A second shop with the same files; it becomes the current one.

        Args:
            engine: of the copy; the same as here unless said.
            empty: whether its database holds nothing; without it, it is as at the start of this lesson or scene.

        There is one copy of a shop on each engine: a new one replaces the last, which says so when used.
        """
        self.check()
        made = Shop(copy_workspace(self.workspace, engines.engine(engine or self.engine), empty=empty))
        earlier = copies.get(made.workspace.folder)
        copies[made.workspace.folder] = made
        note = made.use().note("empty: " if empty else "as at the start: ", begins=True)
        if earlier is not None:
            earlier.is_replaced = True
            note = replace(note, text=f"{note.text} It replaces the earlier copy.")
        show(note)
        return made

    def flask(self, command: str) -> Completed:
        """Run a command without a word, and give back its `exit_code` and its `output`: `shop.flask("db current")`."""
        self.check()
        return self.run_flask(*shlex.split(command))

    def run_flask(
        self,
        *args: str,
        on_output: Callable[[str], None] | None = None,
        folder: Path | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command where the notebook stands in this shop, unless a folder is given; see `here`."""
        with under_way.command(f"flask {shlex.join(args)}", on_output) as noted:
            completed = run_flask(
                self.workspace, *args, folder=folder or self.here(), timeout=timeout, on_output=noted.heard
            )
            noted.ended(completed)
        return completed

    def run(self, command: str, *, keep_going: bool = False) -> Ran:
        """Run a command as CI does, without printing: `shop.run("python -m pytest")`, `shop.run("sh ci/gate.sh")`.

        Args:
            command: what a line of a workflow has after `run:`.
            keep_going: run all commands of a script, to see which of them fail.

        Returns:
            Its `exit_code`, its `steps`, the commands that `failed`, and the `output`.
        """
        self.check()
        with under_way.command(command, None) as noted:
            ran = run_script(self.workspace, command, keep_going=keep_going, on_output=noted.heard)
            noted.ended(Completed(ran.exit_code, ran.output))
        return ran

    def git(self, command: str) -> Completed:
        """Run a git command without a word, and give back its `exit_code` and its `output`: `shop.git("log")`."""
        self.check()
        return self.run_git(*shlex.split(command))

    def run_git(self, *args: str, on_output: Callable[[str], None] | None = None) -> Completed:
        """Run a git command where the notebook stands in this shop; see `here`."""
        return run_git(self.workspace, *args, folder=self.here(), on_output=on_output)

    def here(self) -> Path:
        """The folder in which the notebook stands, if it is one of this shop's; else the shop's own folder."""
        top = self.workspace.folder.resolve()
        try:
            now = Path.cwd().resolve()
        except FileNotFoundError:  # it was deleted, perhaps made again since
            return top
        return now if now.is_relative_to(top) else top

    def sql(self, statement: str) -> query.Rows:
        """The rows that a query finds; it cannot change anything."""
        return self._checked.sql(statement)

    def execute(self, statement: str) -> None:
        """Run SQL by hand and commit it, as in a database client."""
        self._checked.execute(statement)

    def schema(self, table: str | None = None) -> schema.Schema:
        """What the database holds: everything, or one table."""
        found = self._checked.schema()
        if table is None:
            return found
        if found.table(table) is None:
            names = ", ".join(each.name for each in found.tables) or "none at all"
            raise LabError(f"The database has no table `{table}`.", f"The tables that are there: {names}.")
        return found.only(table)

    def changes(self) -> Changes:
        """What changed in the schema since the last look; at the first look, since the shop was opened."""
        before, self._seen = self._seen, self._checked.schema()
        return Changes(tuple(schema.diff(before, self._seen)))

    def differences(self, other: "Shop") -> query.Rows:
        """What differs between the schemas of this database and another one, a row each; no rows where they are equal.

        Raises:
            LabError: they are on two engines, where every type and definition has other words.
        """
        here, there = self._checked, other._checked
        if self.engine != other.engine:
            why = f"Only databases of one engine are compared: here {self.engine}, there {other.engine}."
            raise LabError(why, "`shop.copy()` makes another one on the same engine.")
        found = schema.diff(here.schema(), there.schema())
        return query.Rows(("table", "part", "here", "there"), tuple(map(_as_row, found)), "No difference.")

    def drift_after(self, sql: str) -> list[str]:
        """What `flask db check` detects after this SQL by hand, a line each; tried on a copy, the shop stays as it is.

        A check that finds nothing gives an empty list; one that cannot run gives its error.
        """
        from migration_lab.teaching.judging.copies import copies_of  # here, as `lab` does it
        from migration_lab.teaching.judging.database import Database
        from migration_lab.teaching.judging.words import differences_in, error_in

        self.check()
        template = checkpoint_template(self.workspace.lesson, self.workspace.engine)
        with running_note.command("flask db check"), copies_of(self.workspace, template) as copies:
            copy = Database(copies.of_learner(), "the copy")
            copy.execute(sql)
            completed = copy.flask("db check")
            if completed.exit_code == 0:
                return []
            return differences_in(completed.output) or [error_in(completed.output, copy.folder)]

    def revisions(self, since: str | None = None) -> revisions.History:
        """The history in `migrations/`, and where the database stands in it; `since` a revision, or all of it."""
        history = self._checked.history()
        return history.since(since) if since else history
