"""A copy of an exercise's files and database, which a judge may read and change; never the learner's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migration_lab.ground.errors import LabError
from migration_lab.instruments.revisions import History
from migration_lab.instruments.schema import Column, Schema, diff
from migration_lab.instruments.shop import PlainShop
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed, StoppedError
from migration_lab.shops.process.loaded import sign_of
from migration_lab.shops.script import Ran
from migration_lab.teaching.explain import Card, explain
from migration_lab.teaching.judging import rows
from migration_lab.teaching.judging.expectations import Miss, part_of
from migration_lab.teaching.judging.outside import refuse_from_outside, refuse_reached
from migration_lab.teaching.judging.words import error_in, relative, revision_names, text_of

COMMAND_SECONDS = 10.0  # a revision over a few hundred rows takes well under one
THERE_ALREADY = ("F29", "F48")  # the field guide's cards for a table, a column or an index that exists
# What cards of the field guide mean for a downgrade.
MAKES_TOO_MUCH = (
    "`downgrade()` creates something that exists already: it undoes more than its `upgrade()` does, or another "
    "revision has undone it.",
    "Compare `downgrade()` with `upgrade()`, operation by operation.",
)
DROPS_TOO_MUCH = (
    "`downgrade()` drops or alters something that does not exist: its `upgrade()` has not made it, or another "
    "`downgrade()` has dropped it already.",
    "Compare `downgrade()` with `upgrade()`, operation by operation.",
)
ON_THE_WAY_BACK = {**dict.fromkeys(THERE_ALREADY, MAKES_TOO_MUCH), "G30": DROPS_TOO_MUCH}
SETTINGS = """
    SELECT unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = current_database()
"""


@dataclass(frozen=True)
class Snapshot:
    """The contents of a database at one moment. `name` is its name in sentences: "production", "a new database"."""

    name: str
    schema: Schema
    tables: rows.Tables
    revisions: tuple[str, ...]

    def column(self, name: str) -> Column | None:
        """The column `users.email`; None if there is no such column or table."""
        return column_of(self.schema, name)

    def known_values_of(self, column: str) -> dict[Any, Any]:
        """The values that are not NULL, by the id of their rows."""
        return {id_: value for id_, value in self.values_of(column).items() if value is not None}

    def differences(self, other: "Snapshot", may: rows.MayChange) -> list[str]:
        """The differences in a later snapshot, as sentences: schema, revisions, and rows except for allowed changes."""
        found = [*map(str, diff(self.schema, other.schema)), *rows.changed(self.tables, other.tables, may)]
        if self.revisions != other.revisions:
            found.append(
                f"it stands at {revision_names(other.revisions)}, and should stand at {revision_names(self.revisions)}"
            )
        return found

    def rows_of(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table as dictionaries, in the order of the key; empty if there is no such table."""
        return self.tables[table].as_dicts() if table in self.tables else []

    def new_rows(self, table: str, before: "Snapshot") -> list[dict[str, Any]]:
        """The rows of a table whose ids are not in an earlier snapshot."""
        known = {row.get("id") for row in before.rows_of(table)}
        return [row for row in self.rows_of(table) if row.get("id") not in known]

    def values_of(self, column: str) -> dict[Any, Any]:
        """The values of `users.email` by the id of their rows; None for a missing column."""
        table, _, name = column.rpartition(".")
        return self.tables[table].values(name) if table in self.tables else {}


def column_of(schema: Schema, name: str) -> Column | None:
    """The column `users.email` of a schema; None if there is no such column or table."""
    table, _, column = name.rpartition(".")
    found = schema.table(table)
    return found.column(column) if found else None


class Database(PlainShop):
    """A copy of the learner's files, with its own database.

    Args:
        workspace: where both are.
        name: its name in sentences, with an article if it needs one.
        watch: called after each `upgrade` and `downgrade` with snapshots from before the first of them and from now;
            it raises `Miss` for a change that the ticket does not allow. None to check nothing.
        causes: replaces what the field guide's cards say about a failed command: cause and next step, by the card's
            id.
        seconds: how long a command may take; by default `COMMAND_SECONDS`.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        watch: Callable[[Snapshot, Snapshot], None] | None = None,
        causes: dict[str, tuple[str, str]] | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__(workspace.folder, workspace.engine, workspace.url)
        self.workspace = workspace
        self.name = name
        self._watch = watch
        self._causes = causes or {}
        self._seconds = seconds
        self._before: Snapshot | None = None
        self._history: tuple[object, History] | None = None

    def flask(self, command: str, *, folder: Path | None = None, seconds: float | None = None) -> Completed:
        """Run `flask db current`, for example, as in a terminal in this folder or one below it. It may fail.

        Args:
            command: without the word `flask`: "db current".
            seconds: how long it may take; by default as long as every command of this database.

        Raises:
            StoppedError: it takes longer.
            LabError: it would reach the learner's own database, or was cut short by something that is not the learner's
                doing.
        """
        try:
            completed = super().flask(command, folder=folder, seconds=seconds or self._seconds or COMMAND_SECONDS)
        finally:
            refuse_reached(self.folder)
        refuse_from_outside(completed, f"flask {command}", self.workspace)
        return completed

    def run(self, command: str) -> Ran:
        """Run a line as CI does, such as `sh ci/gate.sh`. It may fail.

        Raises:
            LabError: as for `flask`; or a line of the script cannot be run.
        """
        try:
            return super().run(command)
        finally:
            refuse_reached(self.folder)

    def must(self, command: str, *, folder: Path | None = None, seconds: float | None = None) -> Completed:
        """Run a command that must end with exit code 0.

        Raises:
            Miss: it does not, or it does not finish.
        """
        completed = self._completed(command, folder=folder, seconds=seconds)
        if completed.exit_code != 0:
            raise self._failed(command, completed)
        return completed

    def upgrade(self, to: str = "head") -> Snapshot:
        """`flask db upgrade`: it must succeed, reach its target, and change only what the ticket allows.

        Raises:
            Miss: one of these is not true.
        """
        self._note_before()
        return self._looked(self.reach(to))

    def reach(self, to: str = "head", *, seconds: float | None = None) -> tuple[str, ...]:
        """`flask db upgrade` as in `upgrade`, without comparing all rows, which is slow if there are many.

        Args:
            seconds: how long it may take; by default as long as every command of this database.

        Returns:
            The revisions that it is at now.
        """
        self.must("db upgrade" + (f" {to}" if to != "head" else ""), seconds=seconds)
        return self._must_stand_at(self.history().heads if to in ("head", "heads") else (to,), "db upgrade")

    def downgrade(self, to: str, *, may_refuse: bool = False) -> Snapshot:
        """`flask db downgrade`: as in `upgrade`. `base` is the start of the history.

        Args:
            may_refuse: whether a revision may raise an error instead; the database is then at another revision.
        """
        self._note_before()
        command = f"db downgrade {to}"
        with part_of("downgrade"):
            completed = self._completed(command) if may_refuse else self.must(command)
            if completed.exit_code != 0 and not self._is_refusal(completed):
                raise self._failed(command, completed)
            refused = completed.exit_code != 0
            at = None if refused else self._must_stand_at(() if to == "base" else (to,), "db downgrade")
        return self._looked(at)

    def snapshot(self, *, schema: Schema | None = None, at: tuple[str, ...] | None = None) -> Snapshot:
        """Schema, rows and revisions as they are now.

        Args:
            schema: a schema read earlier, if nothing can have changed it since: reading it takes longer than the rows.
            at: the same for the revisions.
        """
        schema = schema or self.schema()
        return Snapshot(self.name, schema, rows.read(self.url, schema), self.stands_at() if at is None else at)

    def settings(self) -> list[str]:
        """The settings that new sessions of the database get by `ALTER DATABASE ... SET` and similar; Postgres only."""
        return [setting for (setting,) in self.sql(SETTINGS).rows]

    def history(self) -> History:
        """The revisions in the files, read again if these have changed."""
        sign = sign_of(self.folder)
        if self._history is None or self._history[0] != sign:
            self._history = sign, super().history()
        return self._history[1]

    def refusal(self, sql: str) -> str:
        """Why the database rejects a statement, in its own words; empty if it accepts it."""
        try:
            self.execute(sql)
        except LabError as error:
            return error.message
        return ""

    # ------------------------------------------------------------------------------------------------------- inside

    def _completed(self, command: str, *, folder: Path | None = None, seconds: float | None = None) -> Completed:
        try:
            return self.flask(command, folder=folder, seconds=seconds)
        except StoppedError as error:
            raise Miss(
                expected=f"`flask {command}` finishes on {self.name}.",
                found=error.message,
                cause="A revision or a model takes too long, or never finishes.",
                next_step=error.next_step,
            ) from error

    def _is_refusal(self, completed: Completed) -> bool:
        texts = [text_of(each.path) for each in self.history().revisions]
        return "sqlalchemy.exc." not in completed.output and any("raise " in each for each in texts)

    def _note_before(self) -> None:
        if self._before is None and self._watch is not None:
            self._before = self.snapshot()

    def _looked(self, at: tuple[str, ...] | None) -> Snapshot:
        now = self.snapshot(at=at)
        if self._watch is not None and self._before is not None:
            self._watch(self._before, now)
        return now

    def _must_stand_at(self, wanted: tuple[str, ...], command: str) -> tuple[str, ...]:
        at = self.stands_at()
        if set(at) != set(wanted):
            raise Miss(
                expected=f"After `flask {command}` {self.name} stands at {revision_names(wanted)}.",
                found=f"The command ends with exit code 0, and {self.name} stands at {revision_names(at)}.",
                cause="What the command did was not kept: a transaction was left open, or was committed or rolled back "
                "on the way.",
                next_step="Look in `migrations/env.py` and in the revision for `commit`, `rollback`, `begin` and for "
                "a connection that is never committed.",
            )
        return at

    def _failed(self, command: str, completed: Completed) -> Miss:
        card = explain(relative(completed.output, self.folder))
        cause, next_step = self._why(card, ON_THE_WAY_BACK if command.startswith("db downgrade") else {})
        return Miss(
            expected=f"`flask {command}` ends without an error on {self.name}.",
            found=f"It ends with exit code {completed.exit_code}:\n{error_in(completed.output, self.folder)}",
            cause=cause,
            next_step=next_step,
        )

    def _why(self, card: Card | None, usual: dict[str, tuple[str, str]]) -> tuple[str, str]:
        if card is None:
            return "", "Read the error from its last line, and correct the file that it comes from."
        return {**usual, **self._causes}.get(card.id, (card.meaning, " ".join(card.cure)))
