"""Judges of what the learner's files do to databases, with the expectations that most exercises share."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from migration_lab.instruments.schema import Change, diff
from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.expectations import part_of
from migration_lab.teaching.judging.guards import expect_still_guarded
from migration_lab.teaching.judging.judge import Judge
from migration_lab.teaching.judging.left_alone import expect_left_alone
from migration_lab.teaching.judging.numbering import BROUGHT, FREE, SET_IT
from migration_lab.teaching.judging.planted import expect_no_drift
from migration_lab.teaching.judging.rows import changed
from migration_lab.teaching.judging.server import expect_one_database
from migration_lab.teaching.judging.stated import expect_stated
from migration_lab.teaching.judging.walk import Walk
from migration_lab.teaching.judging.way_back import (
    UNDO,
    expect_kept_on_the_way,
    expect_undone,
    not_undone,
    other_new_values,
)
from migration_lab.teaching.judging.words import listed, revision_names, text_of

NOT_ASKED_FOR = (
    "A revision holds an operation that the ticket does not ask for. Autogenerate may have written it.",
    "Read the revision line by line, and delete the operations that do not belong to the ticket.",
)
LOST_IN_A_COPY = (
    "On SQLite a batch copies the table. Its triggers, and its indexes on expressions, are not copied.",
    "Create them again after each batch, in both directions; or use an operation that needs no batch.",
)
STAYS = (
    "A revision makes the function, and none drops it. `DROP TRIGGER` leaves the function of the trigger, and so does "
    "`CASCADE`.",
    "Drop it in the revision that drops the trigger.",
)
NO_REVISION = "No revision has run: the database stands where it stood. A file that has run before does not run again."
WRITES_NOTHING = "Every value is as it was: the revisions that ran do not write to this column."
EXPRESSION = re.compile(r"on \([^)]*\(")  # an index on one
MOST_NAMED = 8  # more parts than these are only called by their tables
USED = "Before the second downgrade somebody gave the new column a value. It does less then, and says nothing."


class FilesJudge(Judge):
    """Judges what the learner's files do to a database as it was at the start, and to an empty one."""

    last: ClassVar[tuple[str, ...]] = (
        "no_other_change", "downgrade", "upgrade_again", "rows_kept", "new_database", "past", "no_drift",
    )  # fmt: skip
    of_own_database: ClassVar[tuple[str, ...]] = ("own_database",)

    @cached_property
    def _main(self) -> Database:
        return self.fresh("the database", watched=False)

    @cached_property
    def start(self) -> Snapshot:
        """The database as it was at the start of the exercise."""
        return self._main.snapshot()

    @cached_property
    def walk(self) -> Walk:
        """The walk of the revisions over a database of the start: up, back, up again, and back."""
        return Walk(
            self._main, self.start, self.may, self.back_to, empty=self._empty_columns, may_refuse=self.may_refuse
        )

    @property
    def _files(self) -> Database:
        return self._main

    @property
    def head(self) -> Snapshot:
        """The database after the first upgrade."""
        return self.walk.head

    @property
    def heads(self) -> list[Snapshot]:
        """The database after the first upgrade, and after the second."""
        return [self.head, self.walk.again()]

    def upgrade(self) -> None:
        """`flask db upgrade` runs from the start of the exercise, over the rows that are there"""
        with part_of("new_database"):  # before anything runs: what is changed on the server stays there
            expect_one_database(self)
        head = self.head
        no_revision = not self.traces.new_revisions and set(head.revisions) == set(self.start.revisions)
        changes = [str(each) for each in diff(self.start.schema, head.schema)] if no_revision else []
        self.expect(
            not changes,
            expected="What changes the database is a revision, so that it can be read, repeated and taken back.",
            found=listed(["No revision has run, and yet:", *changes]),
            cause="A file that only sets the migration up, such as `migrations/env.py`, changes the database.",
            next_step="Put it back as it was, and write a revision.",
        )
        with part_of("rows_kept"):  # first, because the other expectations add rows
            self.expect_none(self.walk.taken, expected=FREE, cause=BROUGHT, next_step=SET_IT)

    def one_head(self) -> None:
        """the history has one head"""
        heads = self.traces.history.heads
        self.expect(
            len(heads) == 1,
            expected="One head.",
            found=f"{revision_names(heads)[:1].upper()}{revision_names(heads)[1:]}.",
            cause="Two revisions follow the same revision, so that neither is the last." if len(heads) > 1 else "",
            next_step="Run `flask db heads`, and join the heads or delete the revision that is not needed.",
        )

    def no_other_change(self) -> None:
        """nothing else in the schema changes"""
        for name in self.changes:
            self._expect_usual_order(name, where=self.head)
        changes = self.other_changes(self.start.schema, self.head.schema)
        others = [str(each) for each in changes]
        why, then = LOST_IN_A_COPY if self._were_left_behind(changes) else NOT_ASKED_FOR
        if {each.kind for each in changes if each.before is None} == {"function"}:
            why, then = STAYS
        asked = ", ".join(
            [*(f"`{name}`" for name in self.changes), *(f"the default of `{name}`" for name in self.defaults)]
        )
        if len(self.changes) > MOST_NAMED:
            tables = dict.fromkeys(name.partition(".")[0] for name in self.changes)
            asked = f"what the ticket names in {', '.join(f'`{each}`' for each in tables)}"
        self.expect(
            not others,
            expected=f"Nothing changes except {asked}." if asked else "Nothing changes.",
            found=listed(others),
            cause=why,
            next_step=then,
        )

    def downgrade(self) -> None:
        """`flask db downgrade`, back to the start, undoes exactly what the upgrade did"""
        back = self.walk.back()
        changes = [] if self.walk.refuses else not_undone(self, back)
        why, then = LOST_IN_A_COPY if self._were_left_behind(changes) else ("", UNDO)
        self.expect(
            not changes,
            expected="After the downgrade the schema is the one from before the upgrade.",
            found=listed(["Compared with before the upgrade:", *map(str, changes)]),
            cause="The downgrade changes nothing." if back.schema == self.head.schema else why,
            next_step=then,
        )

    def upgrade_again(self) -> None:
        """`flask db upgrade` runs again after the downgrade, one revision at a time, and gives the same schema"""
        changes = [str(each) for each in diff(self.head.schema, self.walk.again().schema)]
        self.expect(
            not changes,
            expected="The second upgrade gives the same schema as the first.",
            found=listed(["Compared with after the first upgrade:", *changes]),
            cause="The downgrade leaves something behind that stands in the way of the second upgrade.",
            next_step="Run up, down and up, and look with `shop.schema()` at what the downgrade leaves behind.",
        )
        *others, last = self.walk.stops
        for stop in others:
            expect_undone(self, stop)
        left = not_undone(self, last.snapshot)
        named = {f"{each.subject}.{each.name}" for each in left} & set(self.changes)
        with part_of("downgrade" if named else "upgrade_again"):
            self.expect(
                not left,
                expected="The second downgrade leads back to the start, as the first one did.",
                found=listed([str(each) for each in left]),
                cause=USED if named and self.walk.was_used else "",
                next_step=UNDO,
            )

    def rows_kept(self) -> None:
        """the rows that were there before keep their values, forward and back"""
        self.walk.again()
        first, *later = self.walk.stops
        lost = [f"{each}, {first.when}" for each in changed(self.start.tables, first.snapshot.tables, self.may)]
        for stop in later:
            found = changed(self.walk.lived.tables, stop.snapshot.tables, self.may, columns=self.start.tables)
            lost += [f"{each}, {stop.when}" for each in found]
        last = self.walk.stops[-1].snapshot
        for stop in self.walk.turned_back():
            lost += [f"{each}, {stop.when}" for each in changed(last.tables, stop.snapshot.tables, self.may)]
        lost += other_new_values(self)
        self.expect(
            not lost,
            expected="The rows that were there before keep their values.",
            found=listed(lost, most=3),
            cause="A revision drops what it should change, or writes to rows that it should leave alone.",
            next_step="Look for `drop_column`, `drop_table`, `DELETE`, `INSERT` and `UPDATE` in the revisions, and at "
            "which rows they touch. Change a column in place, or copy its values before it goes.",
        )
        self.expect_none(self.walk.taken, expected=FREE, cause=BROUGHT, next_step=SET_IT)
        self._expect_not_invented(self.head)
        expect_kept_on_the_way(self)

    def new_database(self) -> None:
        """a new, empty database gets the same schema from the files alone, also in a later release with other models"""
        _, made = self.new
        self.expect_same_schema(
            self.head,
            made,
            besides=self.by_hand,
            cause="A revision does something else, or nothing, where there are no rows, where it finds another "
            "database, or where the models are others.",
            next_step="Run `flask db upgrade` on `shop.copy(empty=True)`, and compare.",
        )

    def past(self) -> None:
        """the files of revisions that have already run are unchanged, apart from comments; later ones are guarded as
        before"""
        for revision, file in self.traces.past.items():
            if revision not in self.may_edit:
                self.expect_revision(
                    revision,
                    file,
                    cause="A revision that has run does not run again: databases that have it would differ from new "
                    "ones.",
                    next_step="Put the file back, and let a new revision make the change.",
                )
        expect_still_guarded(self)

    def no_drift(self) -> None:
        """`flask db check` finds no difference between the models and the database, and sees one when there is one"""
        database, made = self.new
        expect_no_drift(database, by_hand=self.by_hand, schema=made.schema, empty=self._empty_columns(made))
        self.expect(
            database.schema() == made.schema,
            expected="`flask db check` looks at the database and leaves it as it is.",
            found=listed([str(each) for each in diff(made.schema, database.schema())]),
            next_step="Look for what changes the database in `migrations/env.py` and in the app.",
        )

        def down(new: Database) -> Snapshot:
            return new.downgrade(self.back_to, may_refuse=self.may_refuse)

        with self._in_a_later_release(database, Database.upgrade, down):
            back = down(database)
        if self.may_refuse and back.revisions != self.start.revisions:
            return
        left = self.other_changes(self.start.schema, back.schema, besides=self.by_hand)
        self.expect(
            not left,
            expected="On a new database the downgrade leads to the schema of the start as well.",
            found=listed([str(each) for each in left]),
            next_step=UNDO,
        )

    def own_database(self) -> None:
        """the database of this exercise, if it says that it stands at the head, has what the revisions make"""
        own = self.learners
        if own is None or set(own.revisions) != set(self.head.revisions) or own.revisions == self.start.revisions:
            return
        # Definitions may differ: a revision may take a number from the existing rows.
        missing = [str(each) for each in diff(self.head.schema, own.schema) if each.after is None]
        self.expect(
            not missing,
            expected="The database of this exercise, which stands at the head, has what the revisions make.",
            found=listed(["Compared with a database that has run them:", *missing]),
            cause="It was stamped without running them, or changed by hand.",
            next_step="Go back with `flask db downgrade`, or open the exercise again, and let `flask db upgrade` run.",
        )

    def stated(self) -> None:
        """a `downgrade()` that loses something, leaves something or refuses says so"""
        for name in dict.fromkeys((*self.changes, *self.writes)):
            if self.head.column(name) is not None:
                expect_stated(self.walk, name)

    def left_alone(self) -> None:
        """a request of the shop changes what it is about, and nothing else"""
        expect_left_alone(self)

    def expect_values(
        self,
        column: str,
        rule: Mapping[Any, Any] | Callable[[dict[str, Any]], Any],
        *,
        where: Snapshot,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """Each row has the value of a rule, as in `Vocabulary`; adds the cause if an upgrade changed no row."""
        if not cause and where is self.head and where.values_of(column) == self.start.values_of(column):
            cause = NO_REVISION if where.revisions == self.start.revisions else WRITES_NOTHING
        super().expect_values(column, rule, where=where, cause=cause, next_step=next_step)

    def expect_stays(self, column: str, values: Mapping[Any, Any], *, cause: str = "", next_step: str = "") -> None:
        """Rows have these values, by their ids, on the way back and on the second way up."""
        self.walk.again()
        for stop in self.walk.stops[1:]:
            self.expect_values(column, values, where=stop.snapshot, cause=cause, next_step=next_step)

    def expect_as_they_were(self, kind: str) -> None:
        """The upgrade changes no part of a kind, such as "trigger" or "view"."""
        gone = [each for each in diff(self.start.schema, self.head.schema) if each.kind == kind]
        then = "Ask the database what belongs to the table and what reads it, before and after."
        why, then = LOST_IN_A_COPY if self._were_left_behind(gone) else ("", then)
        self.expect_none(gone, expected=f"Each {kind} is as it was.", cause=why, next_step=then)

    # ------------------------------------------------------------------------------------------------------- inside

    def _were_left_behind(self, changes: list[Change]) -> bool:
        """Whether a revision has a batch and something is gone that a batch does not copy."""
        lost = [
            each
            for each in changes
            if each.before
            and each.after is None
            and (each.kind == "trigger" or (each.kind == "index" and EXPRESSION.search(each.before)))
        ]
        files = [each.path for each in self.traces.history.revisions if each.id in self.traces.new_revisions]
        return self.engine == "sqlite" and bool(lost) and any("batch" in text_of(each) for each in files)
