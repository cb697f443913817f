"""The judgement of one answer on one engine: what a judge looks at, and the words for the usual expectations."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NoReturn

from migration_lab.checking import rows
from migration_lab.checking.copies import Copies, Copy
from migration_lab.checking.expectations import (
    DOWNGRADE,
    DOWNGRADE_MAKES_TOO_MUCH,
    NO_DRIFT,
    NO_OTHER_CHANGE,
    ONE_HEAD,
    ROWS_KEPT,
    UPGRADE,
    UPGRADE_AGAIN,
    Expectation,
    Finding,
    Judge,
    JudgeError,
    Unmet,
)
from migration_lab.checking.words import differences_in, error_in, listed
from migration_lab.explain import Card, explain
from migration_lab.process import Completed, StoppedError
from migration_lab.schema import Schema, diff

THERE_ALREADY = "F29"  # the field guide's card for a table, column or index that exists
# Its cards about files, the app and its settings: such a command fails before it reaches a revision.
NOT_THE_REVISION = {"F01", "F02", "F03", "F04", "F05", "F07", "F08", "F09", "G01", "G02", "G03", "G04", "G05", "G07"}


class Trial(Copy):
    """A copy of the learner's files with the database as it was at the start of the exercise.

    `upgrade()`, `downgrade()`, `upgrade_again()` and the other methods that end in an expectation's name judge that
    expectation; they and `expect()` end the trial at the first miss, by raising `Unmet`.
    """

    def __init__(self, judge: Judge, copies: Copies) -> None:
        super().__init__(copies.at_start())
        self._judge = judge
        self._copies = copies
        self._learner: Copy | None = None
        self.judged: list[Expectation] = []
        self._start: Schema | None = None
        self._upgraded: Schema | None = None
        self._start_revisions: tuple[str, ...] = ()
        self._rows: list[tuple[str, rows.Tables]] = []

    @property
    def learner(self) -> Copy:
        """A copy of the learner's own database as it is now. Only for a judge with `own_database=True`."""
        if not self._judge.own_database:
            raise JudgeError(f"the judge of {self._judge.exercise} looks at trial.learner without own_database=True")
        if self._learner is None:
            self._learner = Copy(self._copies.of_learner())
        return self._learner

    def fresh(self) -> Copy:
        """One more copy of the files with the database as it was at the start."""
        return Copy(self._copies.at_start())

    def empty(self) -> Copy:
        """One more copy of the files with an empty database."""
        return Copy(self._copies.empty())

    def expect(self, expectation_id: str, condition: bool, *, expected: str, found: str) -> None:
        """Judge an expectation; it may be judged several times, and is met when it is met each time.

        Args:
            expectation_id: one that the judge declares.
            condition: whether it is met.
            expected: what should be there, in the learner's words.
            found: what is there instead, and nothing that differs from run to run: no path, no time.

        Raises:
            Unmet: it is not met.
            JudgeError: it is not declared.
        """
        expectation = self._judge.declared(expectation_id)
        if not condition:
            if expectation in self.judged:
                self.judged.remove(expectation)
            raise Unmet(Finding(expectation, expected, found or "nothing"))
        if expectation not in self.judged:
            self.judged.append(expectation)

    def unjudged(self) -> tuple[Expectation, ...]:
        """The declared expectations that nobody has looked at yet."""
        return tuple(each for each in self._judge.expectations if each not in self.judged)

    # ------------------------------------------------------------------------------------ ready-made expectations

    def upgrade(self) -> Completed:
        """UPGRADE: `flask db upgrade` from the start. Notes schema and rows before and after for what follows."""
        self._start, self._start_revisions = self.schema(), self.stands_at()
        self._note_rows("before", self._start)
        completed = self._run(UPGRADE, "db", "upgrade")
        self._upgraded = self.schema()
        self._note_rows("after the upgrade", self._upgraded)
        return completed

    def downgrade(self, to: str | None = None) -> Completed:
        """DOWNGRADE: back to the revision of the start, and the schema is what it was there.

        Args:
            to: the revision to go back to, where the database stood at more than one at the start.
        """
        start, _ = self._schemas()
        if to is None and len(self._start_revisions) > 1:
            raise JudgeError("the database starts at several revisions; say which one to go back to")
        target = to or (self._start_revisions or ("base",))[0]
        completed = self._run(DOWNGRADE, "db", "downgrade", target)
        now = self.schema()
        self._note_rows("after the downgrade", now)
        changes = [str(each) for each in diff(start, now)]
        self.expect(
            DOWNGRADE.id,
            not changes,
            expected="After the downgrade the schema is the one from before the upgrade.",
            found=listed(["Compared with before the upgrade:", *changes]),
        )
        return completed

    def upgrade_again(self) -> Completed:
        """UPGRADE_AGAIN: `flask db upgrade` after the downgrade, and the schema is what it was the first time."""
        _, upgraded = self._schemas()
        completed = self._run(UPGRADE_AGAIN, "db", "upgrade")
        now = self.schema()
        self._note_rows("after the second upgrade", now)
        changes = [str(each) for each in diff(upgraded, now)]
        self.expect(
            UPGRADE_AGAIN.id,
            not changes,
            expected="The second upgrade gives the same schema as the first.",
            found=listed(["Compared with after the first upgrade:", *changes]),
        )
        return completed

    def no_drift(self) -> Completed:
        """NO_DRIFT: `flask db check` ends with exit code 0."""
        completed = self._flask_or_unmet(self._judge.declared(NO_DRIFT.id), "db", "check")
        self.expect(
            NO_DRIFT.id,
            completed.exit_code == 0,
            expected="`flask db check` says that there is nothing to upgrade.",
            found=listed(differences_in(completed.output)) or self._failed(completed, "db", "check"),
        )
        return completed

    def rows_kept(self, *, renamed: Mapping[str, str] | None = None, besides: Collection[str] = ()) -> None:
        """ROWS_KEPT: after each upgrade and downgrade so far, the rows from before have their values.

        Args:
            renamed: where a column's values are after the upgrade: {"users.nickname": "users.display_name"}.
            besides: columns whose values the ticket lets change or go, and tables: "users.nickname", "old_orders".
        """
        self._schemas()
        before, *later = self._rows
        for when, tables in later:
            lost = rows.lost(before[1], tables, renamed or {}, besides)
            self.expect(
                ROWS_KEPT.id,
                not lost,
                expected="The rows that were there before keep their values.",
                found=listed([f"{each}, {when}" for each in lost], most=3),
            )

    def no_other_change(self, *asked: str) -> None:
        """NO_OTHER_CHANGE: between start and upgrade, nothing changed in the schema but what was asked for.

        Args:
            asked: "users.display_name" (a column, index or constraint of a table), or "users": all of the table, or a
                view, enum or function.
        """
        start, upgraded = self._schemas()
        others = [
            str(each)
            for each in diff(start, upgraded)
            if not {each.subject or each.name, f"{each.subject}.{each.name}"} & set(asked)
        ]
        self.expect(
            NO_OTHER_CHANGE.id,
            not others,
            expected=f"Nothing changes but {', '.join(f'`{each}`' for each in asked)}.",
            found=listed(others),
        )

    def one_head(self) -> None:
        """ONE_HEAD: the files hold one head, neither none nor several."""
        heads = self.history().heads
        self.expect(ONE_HEAD.id, len(heads) == 1, expected="One head.", found=", ".join(heads) or "no revision at all")

    # ------------------------------------------------------------------------------------------------------- inside

    def _run(self, expectation: Expectation, *args: str) -> Completed:
        """Run a command that must end with exit code 0; a miss is told in the words of the judge's own declaration."""
        expectation = self._judge.declared(expectation.id)
        completed = self._flask_or_unmet(expectation, *args)
        typed = f"`flask {' '.join(args)}`"
        if completed.exit_code != 0:
            self._miss(
                expectation,
                expected=f"{typed} ends without an error.",
                found=self._failed(completed, *args),
                because=explain(completed.output),
            )
        self.expect(expectation.id, True, expected="", found="")
        return completed

    def _flask_or_unmet(self, expectation: Expectation, *args: str) -> Completed:
        try:
            return self.flask(*args)
        except StoppedError as error:
            self._miss(
                replace(expectation, cause="A revision or a model does not come to an end.", next_step=error.next_step),
                expected=f"`flask {' '.join(args)}` comes to an end.",
                found=error.message,
            )

    def _miss(self, expectation: Expectation, *, expected: str, found: str, because: Card | None = None) -> NoReturn:
        """End the trial at this expectation; in the field guide's words, if the cause is not in the revision."""
        self.judged = [each for each in self.judged if each.id != expectation.id]
        if expectation == DOWNGRADE and because is not None and because.id == THERE_ALREADY:
            expectation = DOWNGRADE_MAKES_TOO_MUCH
        if because is not None and because.id in NOT_THE_REVISION:
            expectation = replace(expectation, cause=because.meaning, next_step=" ".join(because.cure))
        raise Unmet(Finding(expectation, expected, found))

    def _failed(self, completed: Completed, *args: str) -> str:
        words = error_in(completed.output, self.folder)
        return f"`flask {' '.join(args)}` ends with exit code {completed.exit_code}:\n{words}"

    def _note_rows(self, when: str, schema: Schema) -> None:
        self._rows.append((when, rows.read(self.url, schema)))

    def _schemas(self) -> tuple[Schema, Schema]:
        """The schema at the start and after the upgrade."""
        if self._start is None or self._upgraded is None:
            raise JudgeError("trial.upgrade() comes first")
        return self._start, self._upgraded
