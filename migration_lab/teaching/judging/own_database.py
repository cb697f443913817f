"""Judges of the learner's own database as it is now, with their shared expectations."""

from dataclasses import replace
from functools import cached_property, partial
from typing import ClassVar

from migration_lab.ground.course import EngineName
from migration_lab.ground.engines import why_no_postgres
from migration_lab.teaching.explain import explain
from migration_lab.teaching.judging.arrivals import arrive
from migration_lab.teaching.judging.database import THERE_ALREADY, Database, Snapshot
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.judge import Judge
from migration_lab.teaching.judging.numbering import BROUGHT, FREE, SET_IT, newly_taken, taken_numbers
from migration_lab.teaching.judging.planted import expect_no_drift
from migration_lab.teaching.judging.rows import A_FEW, changed
from migration_lab.teaching.judging.server import expect_one_database
from migration_lab.teaching.judging.words import listed, revision_names

TAKE_BACK = "Let `downgrade()` take back what `upgrade()` did, and nothing else."
WRITES = "Look for `INSERT`, `UPDATE` and `DELETE` in `upgrade()`, and at which rows they touch."
LEAVES_IT = "The downgrade leaves something that the next upgrade makes."
OTHER: dict[str, tuple[EngineName, str]] = {"sqlite": ("postgres", "PostgreSQL"), "postgres": ("sqlite", "SQLite")}
CHANGES_NOTHING = "The downgrade changes nothing, so the next upgrade makes what is already there."


class OwnDatabaseJudge(Judge):
    """Judges the learner's own database as it is now, on the engine that the learner uses."""

    looks_at_own_database: ClassVar[bool] = True
    business: ClassVar[bool] = True
    first: ClassVar[tuple[str, ...]] = ("rows",)
    last: ClassVar[tuple[str, ...]] = ("nothing_else",)
    database_name: ClassVar[str] = "your database"

    @cached_property
    def own(self) -> Database:
        """A copy of the learner's own database as it is now, with a copy of the files."""
        return Database(
            self._copies.of_learner(), self.database_name, partial(self._watch, ()), self.causes, self.seconds
        )

    @property
    def _files(self) -> Database:
        return self.own

    @cached_property
    def now(self) -> Snapshot:
        """What the learner's database holds now. A copy leaves out rights and settings, and has all keys enforced."""
        copy, itself = self.own.snapshot(), self.learners
        return replace(copy, schema=itself.schema) if itself else copy

    def on_other_engine(self) -> Database | None:
        """The files with a database that holds nothing, on the other engine; None where this machine lacks it."""
        name, called = OTHER[self.engine]
        if name == "postgres" and why_no_postgres():
            return None
        return self.empty_on(name, f"a new database on {called}")

    def rows(self) -> None:
        """every row that was there is there, with the same values"""
        self.expect_rows(
            self.start,
            self.now,
            cause="A table or a column was dropped and made again, or something wrote to rows that it should leave "
            "alone.",
            next_step=f'Run `shop = lab.reset("{self.exercise}")` for the rows, and change the schema around them.',
        )
        self._expect_not_invented(self.now, few=A_FEW)
        taken = taken_numbers(self.own)
        new = newly_taken(taken_numbers(self.fresh("the start", watched=False)), taken) if taken else []
        self.expect_none(new, expected=FREE, cause=BROUGHT, next_step=SET_IT)

    def nothing_else(self) -> None:
        """nothing else in the schema differs from the start"""
        others = [str(each) for each in self.other_changes(self.start.schema, self.now.schema)]
        self.expect(
            not others,
            expected="Nothing differs except what the ticket asks for.",
            found=listed(others),
            cause="Something else was changed, by hand or by a revision.",
            next_step="Look at `shop.schema()`, and undo what the ticket does not ask for.",
        )

    def expect_place(self, *wanted: str, cause: str = "", next_step: str = "") -> None:
        """The learner's database stands at these revisions; by default, at the head of the files."""
        heads = () if wanted else self.own.history().heads
        at = wanted or heads
        name = self.database_name[:1].upper() + self.database_name[1:]
        self.expect(
            len(at) >= 1 and self.now.revisions == tuple(sorted(at)) and (wanted or len(heads) == 1),
            expected=f"{name} stands at {revision_names(wanted) if wanted else 'the one head of the files'}.",
            found=f"It stands at {revision_names(self.now.revisions)}."
            + ("" if wanted else f" The head of the files is {revision_names(heads)}."),
            cause="No revision joins the heads of the files." if len(heads) > 1 else cause,
            next_step=next_step or "Compare `flask db current` with `flask db history`.",
        )

    def expect_there_and_back(
        self, down_to: str, *, may_refuse: bool = False, cause: str = "", next_step: str = TAKE_BACK
    ) -> None:
        """`flask db downgrade` and `flask db upgrade` keep each row, also a new one, and lead back to the same schema.

        Args:
            down_to: a revision, or "base".
            may_refuse: whether a downgrade that fails and changes nothing is right too.
            cause, next_step: as for `Miss`.
        """
        now = self.own.snapshot()
        arrive(self.own.url, now, now, self.may)
        before = self.own.snapshot()
        refused = may_refuse and self.own.flask(f"db downgrade {down_to}").exit_code != 0
        if not may_refuse:
            self._take_back(down_to, next_step)
        changes_nothing = self.own.schema() == before.schema
        commands = [
            f"After `flask db downgrade {down_to}`",
            *([] if refused else ["After the next `flask db upgrade`"]),
        ]
        for place, when in enumerate(commands):
            if place:
                self._upgrade_again(cause or (CHANGES_NOTHING if changes_nothing else ""), next_step)
            lost = changed(before.tables, self.own.snapshot().tables, replace(self.may, business=False))
            expected = f"{when} {self.database_name} has every row and value."
            then = WRITES if place and next_step == TAKE_BACK else next_step
            self.expect_none(lost, expected=expected, cause=cause, next_step=then)
        self.expect_same_schema(before, self.own.snapshot(), cause=cause, next_step=next_step)

    def _take_back(self, down_to: str, next_step: str) -> None:
        try:
            self.own.downgrade(down_to)
        except Miss as miss:
            if next_step == TAKE_BACK:  # a card of the field guide says how to make it run, and not whether it should
                miss.cause, miss.next_step = "", next_step
            raise

    def _upgrade_again(self, cause: str, next_step: str) -> None:
        try:
            self.own.upgrade()
        except Miss as miss:
            card = explain(miss.found)
            is_left = card is not None and card.id in THERE_ALREADY
            miss.cause, miss.next_step = cause or (LEAVES_IT if is_left else miss.cause), next_step
            raise

    def files_agree(self) -> None:
        """a new database gets the same schema from the files, and the models agree"""
        expect_one_database(self)
        database, made = self.new
        self.expect_same_schema(
            self.now,
            made,
            on=self.own,
            cause="The schema that the files make is not the one in the database.",
            next_step="Compare a new database with yours, and correct what is wrong. A repair that is not in the files "
            "does not last.",
        )
        expect_no_drift(database, by_hand=self.by_hand, schema=made.schema, empty=self._empty_columns(made))
