"""What an exercise's judge builds on: a class whose public methods are the expectations, each in one place.

The way is that of a tree comparison: a judge says what the ticket lets change, and everything else must be as it was.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property, partial
from types import EllipsisType, FunctionType
from typing import Any, ClassVar, NoReturn

from migration_lab.checking.copies import Copies
from migration_lab.checking.database import Database, Snapshot
from migration_lab.checking.expectations import Expectation, JudgeError, Miss
from migration_lab.checking.rows import MayChange, changed
from migration_lab.checking.traces import Traces
from migration_lab.checking.words import listed
from migration_lab.errors import LabError
from migration_lab.schema import Change, Column, Schema, diff


class Judge:
    """The judgement of one exercise on one engine.

    A subclass declares what the ticket lets change, and adds a public method for each thing that must be so. The
    method's name is the expectation's id, its docstring is what learners read before they start, and its body looks:
    it returns, or it raises `Miss`, mostly by way of `expect`. They are looked at in this order: `first`, the
    subclass's own as they are written, `last`; the trial ends at the first miss.

    Class attributes of a subclass:
        exercise: its id, "02.1".
        stub_fails: the id of the expectation that rejects the exercise as it is shipped.
        changes: parts of the schema that may differ from the start at the end: "users.nickname" for a column, an
            index or a constraint, "refunds" for a table with all that is in it, a view, an enum or a function.
        adds: tables to which parts may be added that the ticket leaves open; "*" for new tables and all beside tables.
        writes: columns and tables whose old rows the ticket lets change: "orders.status", "point_bookings".
        fills: new columns and tables that get values from the migration itself; any other is empty at first.
        moves: where the values of a column are afterwards: {"users.nickname": "users.display_name"}.
        random: new columns that get other values at each upgrade.
        only_on: expectations that concern one engine alone, with its name.
        may_refuse: whether a downgrade that fails is right too.
        by_hand: tables and parts of tables that the database has and that no file describes.
        as_shown: tables whose rows are those that the learner sees; to others the check adds rows of unusual kinds.
        causes: what to say where a command fails and this card of the field guide explains it: cause, next step.
        first, last: the usual expectations, by the names of their methods.
    """

    exercise: ClassVar[str]
    stub_fails: ClassVar[str]
    changes: ClassVar[Collection[str]] = ()
    adds: ClassVar[Collection[str]] = ()
    writes: ClassVar[Collection[str]] = ()
    fills: ClassVar[Collection[str]] = ()
    moves: ClassVar[Mapping[str, str]] = {}
    random: ClassVar[Collection[str]] = ()
    only_on: ClassVar[Mapping[str, str]] = {}
    may_refuse: ClassVar[bool] = False
    by_hand: ClassVar[Collection[str]] = ()
    as_shown: ClassVar[Collection[str]] = ()
    causes: ClassVar[dict[str, tuple[str, str]]] = {}
    first: ClassVar[tuple[str, ...]] = ("upgrade",)
    last: ClassVar[tuple[str, ...]] = ()
    of_own_database: ClassVar[tuple[str, ...]] = ()  # looked at after all others, on the learner's engine
    looks_at_own_database: ClassVar[bool] = False
    business: ClassVar[bool] = False

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self.engine = copies.engine.name

    # ------------------------------------------------------------------------------------------ what is there to see

    @cached_property
    def start(self) -> Snapshot:
        """The database as it was at the start of the exercise."""
        return self.fresh("the database at the start", watched=False).snapshot()

    def fresh(
        self, name: str = "a fresh copy", *, sql: str = "", watched: bool = True, changes: Collection[str] = ()
    ) -> Database:
        """The learner's files with the database as it was at the start.

        Args:
            name: how sentences call it: "staging".
            sql: makes of it what it is to be, before anything is looked at.
            watched: whether everything that the ticket does not let change must be as it was after each command.
            changes: parts of the schema that may differ in this database, besides the judge's own.
        """
        watch = partial(self._watch, changes) if watched else None
        database = Database(self._copies.at_start(), name, watch, self.causes)
        if sql:
            database.execute(sql)
        return database

    def empty(self, name: str = "a new database", *, watched: bool = False) -> Database:
        """The learner's files with a database that holds nothing; `watched` from its first command on."""
        return Database(self._copies.empty(), name, partial(self._watch, ()) if watched else None, self.causes)

    @cached_property
    def new(self) -> tuple[Database, Snapshot]:
        """A new database that the files have made, and what it holds."""
        database = self.empty()
        try:
            return database, database.upgrade()
        except Miss as miss:
            miss.of = "new_database"
            raise

    @cached_property
    def back_to(self) -> str:
        """The revision of the start, to which a downgrade leads."""
        return " ".join(self.start.revisions) or "base"

    @cached_property
    def traces(self) -> Traces:
        """What has been done to the files, to choose a cause by."""
        return Traces(self._copies.original, self._files, self.start, self._copies.is_untouched)

    @property
    def _files(self) -> Database:
        """A database whose files are the learner's."""
        return self.fresh(watched=False)

    @property
    def may(self) -> MayChange:
        """What rows may become."""
        return MayChange(self.writes, self.moves, self.business)

    def other_changes(self, before: Schema, after: Schema, *, besides: Collection[str] = ()) -> list[Change]:
        """How two schemas differ, apart from what the ticket lets change."""
        named = {*self.changes, *besides}
        return [
            each
            for each in diff(before, after)
            if not {each.subject or each.name, f"{each.subject}.{each.name}"} & named and not self._may_add(each)
        ]

    def _may_add(self, change: Change) -> bool:
        stands_alone = change.kind == "table" or not change.subject
        return change.before is None and ("*" if stands_alone else change.subject) in self.adds

    def _watch(self, besides: Collection[str], before: Snapshot, now: Snapshot) -> None:
        """Everything that the ticket does not let change is as it was."""
        lost = changed(before.tables, now.tables, self.may)
        others = [str(each) for each in self.other_changes(before.schema, now.schema, besides=besides)]
        if lost or others:
            raise Miss(
                expected=f"In {now.name}, whatever the ticket does not ask for stays as it was.",
                found=listed([*lost, *others], most=3),
                cause="A revision writes to rows, or changes a part of the schema, that it should leave alone.",
                next_step=f"Look at what the revisions do when they run on {now.name}.",
            )

    # -------------------------------------------------------------------------------------------------- words to look

    def expect(self, is_so: object, *, expected: str, found: str, cause: str = "", next_step: str = "") -> None:
        """Go on if it is so.

        Args:
            expected, found, cause, next_step: as for `Miss`.

        Raises:
            Miss: it is not.
        """
        if not is_so:
            self.miss(expected=expected, found=found, cause=cause, next_step=next_step)

    def expect_none(
        self, wrong: list[str], *, expected: str, heading: str = "", most: int = 5, cause: str = "", next_step: str = ""
    ) -> None:
        """Go on if nothing is wrong.

        Args:
            wrong: what is, in sentences; shown under the heading, as many lines as `most`.
            expected, cause, next_step: as for `Miss`.
        """
        found = listed([heading, *wrong] if heading else wrong, most)
        self.expect(not wrong, expected=expected, found=found, cause=cause, next_step=next_step)

    def miss(self, *, expected: str, found: str, cause: str = "", next_step: str = "") -> NoReturn:
        """Raise `Miss` in these words."""
        raise Miss(expected=expected, found=found, cause=cause, next_step=next_step)

    def expect_there(self, name: str, *, where: Snapshot, expected: str = "") -> Column:
        """A column is there; what was measured says why it is missing.

        Args:
            name: "users.nickname".
            where: in which database.
            expected: what it should be, in words.
        """
        column = where.column(name)
        if column is None:
            table = where.schema.table(name.rpartition(".")[0])
            has = ", ".join(each.name for each in table.in_order) if table else "gone"
            why, then = self.traces.why_not_there(name, self._learners)
            found = f"`{name.rpartition('.')[0]}` has {has}."
            self.miss(expected=expected or f"`{name}` is there.", found=found, cause=why, next_step=then)
        return column

    def expect_column(
        self,
        name: str,
        *,
        where: Snapshot,
        kind: str = "text",
        length: int | None = None,
        nullable: bool = True,
        default: str | EllipsisType | None = None,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """A column is there, and is what it should be.

        Args:
            name: "users.nickname".
            where: in which database.
            kind: the family of the type, as `Column.kind` has it.
            length: the most characters; None where the type sets no limit.
            default: what the database writes where a program names no value, as the engine spells it; None for nothing,
                `...` for whatever it is.
            cause, next_step: said where the column is there and differs; what was measured says why it is missing.
        """
        words = [f"text of up to {length} characters" if length else kind, "may be null" if nullable else "not null"]
        words += [] if default is ... else [f"default {default}" if default else "without a default"]
        wanted = f"`{name}`: {', '.join(words)}."
        column = self.expect_there(name, where=where, expected=wanted)
        self.expect(
            (column.kind, column.length, column.nullable) == (kind, length, nullable)
            and default in (column.default, ...),
            expected=wanted,
            found=f"`{name}` is {column}.",
            cause=cause,
            next_step=next_step or "Compare this with the model and with the revision, and correct what differs.",
        )

    def expect_values(
        self, column: str, rule: Mapping[Any, Any] | Callable[[dict[str, Any]], Any], *, where: Snapshot, **words: str
    ) -> None:
        """Each row has the value of a rule.

        Args:
            column: "users.language".
            rule: the values by the id of the row, or a function from a row to its value.
            where: in which database.
            words: `cause` and `next_step`.
        """
        table, _, name = column.rpartition(".")
        wrong = []
        for row in where.rows_of(table):
            wanted = rule(row) if callable(rule) else rule.get(row.get("id"), row.get(name))
            if row.get(name) != wanted:
                known = next((f" ({row[each]})" for each in ("email",) if each in row), "")
                wrong.append(
                    f"`{column}` of the row with id {row.get('id')}{known} is {row.get(name)!r}, not {wanted!r}"
                )
        self.expect(not wrong, expected=f"`{column}` follows the ticket.", found=listed(wrong, most=3), **words)

    def expect_same_schema(
        self,
        one: Snapshot,
        other: Snapshot,
        *,
        besides: Collection[str] = (),
        on: Database | None = None,
        cause: str = "",
        next_step: str = "",
    ) -> None:
        """Two databases hold the same.

        Args:
            one, other: what they hold.
            besides: names that may differ.
            on: a database on which views of both can be asked: those that give the same columns and rows are the same,
                in whatever words.
            cause, next_step: as for `Miss`.
        """
        differences = [
            f"{' '.join(filter(None, [each.subject, each.kind, each.name]))}: "
            f"{_has(one.name, each.before)}, {_has(other.name, each.after)}"
            for each in diff(one.schema, other.schema)
            if not {each.subject or each.name, f"{each.subject}.{each.name}"} & set(besides)
            and not (on and _answers_alike(on, each))
        ]
        self.expect(
            not differences,
            expected=f"{one.name[:1].upper()}{one.name[1:]} and {other.name} have the same schema"
            + (f", but for {', '.join(f'`{each}`' for each in besides)}." if besides else "."),
            found=listed(differences),
            cause=cause,
            next_step=next_step,
        )

    def expect_rows(self, before: Snapshot, now: Snapshot, *, grows: Collection[str] = (), **words: str) -> None:
        """All rows and values that a database had are as they were, but for what the ticket lets change.

        Args:
            grows: tables to which rows have been added meanwhile.
            words: `cause` and `next_step`.
        """
        lost = changed(before.tables, now.tables, replace(self.may, grows=grows))
        self.expect(
            not lost, expected=f"In {now.name} the rows from before are as they were.", found=listed(lost, 3), **words
        )

    @cached_property
    def _learners(self) -> Snapshot | None:
        """The learner's own database as it is now; None where it cannot be read."""
        return self._copies.look_at_learner()

    # --------------------------------------------------------------------------------------------------- declarations

    @classmethod
    def expectations(cls, engine: str | None = None) -> tuple[Expectation, ...]:
        """All expectations, in the order in which they are looked at and shown.

        Args:
            engine: leave out those that concern the other one alone.

        Raises:
            JudgeError: a method has no docstring, takes a name that has another meaning, or is not there.
        """
        bases = [each for each in reversed(cls.__mro__) if each.__module__ != __name__ and issubclass(each, Judge)]
        usual = [
            each for each in cls.__mro__ if issubclass(each, Judge) and each.__module__.startswith("migration_lab.")
        ]
        own: dict[str, FunctionType] = {}
        for base in bases:
            if base in usual:
                continue
            for name, value in vars(base).items():
                if isinstance(value, FunctionType) and not name.startswith("_"):
                    own[name] = value
        for name in own:
            if name not in (*cls.first, *cls.last, *cls.of_own_database) and any(hasattr(each, name) for each in usual):
                raise JudgeError(f"{cls.__name__}.{name}: this name has another meaning in a judge; choose another")
        ends = (*cls.last, *cls.of_own_database)
        names = [*cls.first, *(each for each in own if each not in (*cls.first, *ends)), *ends]
        there = [each for each in names if engine is None or cls.only_on.get(each, engine) == engine]
        return tuple(_expectation(cls, name, is_own=name in own) for name in there)


def _expectation(judge: type[Judge], name: str, *, is_own: bool) -> Expectation:
    method = getattr(judge, name, None)
    if method is None:
        raise JudgeError(f"{judge.__name__} has no expectation {name!r}")
    if not method.__doc__:
        raise JudgeError(f"{judge.__name__}.{name} has no docstring: learners read there what it looks at")
    sentence = " ".join(method.__doc__.split()).removesuffix(".")
    return Expectation(name, sentence, method, is_own)


def _has(name: str, definition: str | None) -> str:
    return f"{name} has ({definition})" if definition else f"{name} has none"


def _answers_alike(database: Database, change: Change) -> bool:
    """Whether a view that says something else still gives the same columns and rows."""
    if change.kind != "view" or change.before is None or change.after is None:
        return False
    try:
        one, other = database.sql(change.before), database.sql(change.after)
    except LabError:
        return False
    return one.columns == other.columns and sorted(map(repr, one.rows)) == sorted(map(repr, other.rows))
