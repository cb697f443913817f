"""The base of an exercise's judge: a class whose public methods are the expectations, each in one place.

It works like a tree comparison: a judge says what the ticket allows to change, and everything else must be unchanged.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from types import FunctionType
from typing import ClassVar

from migration_lab.ground import engines
from migration_lab.ground.course import EngineName
from migration_lab.instruments.schema import Change, Schema, diff
from migration_lab.teaching.judging.copies import Copies
from migration_lab.teaching.judging.database import THERE_ALREADY, Database, Snapshot, column_of
from migration_lab.teaching.judging.expectations import Expectation, JudgeError, Miss, part_of
from migration_lab.teaching.judging.later import NEEDS_MODELS, forgetful, models_gone
from migration_lab.teaching.judging.limits import says_length
from migration_lab.teaching.judging.rows import MayChange, changed
from migration_lab.teaching.judging.traces import Traces
from migration_lab.teaching.judging.vocabulary import Vocabulary
from migration_lab.teaching.judging.words import listed, shown

HAS_IT = (
    "This database already has that part, and others do not.",
    "Let the revision check whether a part exists before it makes it.",
)
OF_ITS_OWN = dict.fromkeys(THERE_ALREADY, HAS_IT)  # causes, for a database with another history


class Judge(Vocabulary):
    """The judgement of one exercise on one engine.

    A subclass declares what the ticket allows to change, and adds a public method for each thing that must be true. The
    method's name is the expectation's id, its docstring is what learners read before they start, and its body checks:
    it returns, or it raises `Miss`, usually through `expect`. They are checked in this order: `first`, the
    subclass's own as they are written, `last`; the trial ends at the first miss.

    Class attributes of a subclass:
        exercise: its id, "02.1".
        stub_fails: the id of the expectation that rejects the unsolved exercise.
        changes: parts of the schema that may differ from the start at the end: "users.nickname" for a column, an
            index or a constraint, "refunds" for a table with all that is in it, a view, an enum or a function.
        defaults: columns of which the default may differ, and nothing else.
        adds: tables to which parts may be added that the ticket leaves open; "*" for new tables and everything else.
        writes: columns and tables whose old rows may change: "orders.status", "point_bookings".
        loses: columns whose old values may be lost, but not replaced.
        fills: new columns and tables that get values from the migration itself; any other is empty at first.
        moves: where the values of a column are afterwards: {"users.nickname": "users.display_name"}.
        random: new columns whose values differ at each upgrade.
        only_on: expectations that concern one engine alone, with its name.
        may_leave: new columns that a downgrade may leave, if they may be null: what people have written stays.
        may_refuse: whether a downgrade may also refuse, with an error that a revision raises itself.
        by_hand: tables and parts of tables that the database has although no file describes them.
        may_edit: revisions that had run before, whose files the ticket lets change.
        as_shown: tables that keep exactly the learner's rows; to others the check adds unusual rows.
        causes: what to say when a command fails with this card of the field guide: cause, next step.
        seconds: how long a command may take, where the exercise has many rows.
        first, last: the usual expectations, by the names of their methods.
    """

    exercise: ClassVar[str]
    stub_fails: ClassVar[str]
    changes: ClassVar[Collection[str]] = ()
    defaults: ClassVar[Collection[str]] = ()
    adds: ClassVar[Collection[str]] = ()
    writes: ClassVar[Collection[str]] = ()
    loses: ClassVar[Collection[str]] = ()
    fills: ClassVar[Collection[str]] = ()
    moves: ClassVar[Mapping[str, str]] = {}
    random: ClassVar[Collection[str]] = ()
    only_on: ClassVar[Mapping[str, str]] = {}
    may_leave: ClassVar[Collection[str]] = ()
    may_refuse: ClassVar[bool] = False
    by_hand: ClassVar[Collection[str]] = ()
    may_edit: ClassVar[Collection[str]] = ()
    as_shown: ClassVar[Collection[str]] = ()
    causes: ClassVar[dict[str, tuple[str, str]]] = {}
    seconds: ClassVar[float | None] = None
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
            sql: prepares it, before anything is checked.
            watched: whether everything that the ticket does not allow to change must be unchanged after each command.
            changes: parts of the schema that may differ in this database, besides the judge's own.
        """
        watch = partial(self._watch, changes) if watched else None
        database = Database(
            self._copies.at_start(), name, watch, {**(OF_ITS_OWN if sql else {}), **self.causes}, self.seconds
        )
        if sql:
            database.execute(sql)
        return database

    def upgraded(self, name: str, *, sql: str = "") -> Database:
        """The same after `flask db upgrade`, for others to use: it is not watched.

        Args:
            sql: what others do in it afterwards.
        """
        database = self.fresh(name, watched=False)
        database.reach()
        if sql:
            database.execute(sql)
        return database

    def empty(self, name: str = "a new database", *, watched: bool = False) -> Database:
        """The learner's files with a database that holds nothing; `watched` from its first command on."""
        watch, causes = (partial(self._watch, ()), {**OF_ITS_OWN, **self.causes}) if watched else (None, self.causes)
        return Database(self._copies.empty(), name, watch, causes, self.seconds)

    def empty_on(self, engine: EngineName, name: str) -> Database:
        """The same on one of the engines: what a revision does has to be the same there."""
        return Database(self._copies.empty(engines.engine(engine)), name, None, self.causes, self.seconds)

    @cached_property
    def new(self) -> tuple[Database, Snapshot]:
        """A new database built from the files as in a later release, without today's models; and what it holds."""
        database = forgetful(self.empty())
        with self._in_a_later_release(database, Database.upgrade):
            return database, database.upgrade()

    @contextmanager
    def _in_a_later_release(self, new: Database, *steps: Callable[[Database], object]) -> Iterator[None]:
        """While a block runs, the new database's commands find no models; a miss counts as one of `new_database`.

        Args:
            steps: do what has been done and is done to it, in another one that has the models: the reason of a miss.
        """
        with part_of("new_database"):
            try:
                with models_gone(new):
                    yield
            except Miss as miss:
                other = self.empty()
                for step in steps:
                    step(other)
                miss.cause, miss.next_step = NEEDS_MODELS
                raise

    @cached_property
    def back_to(self) -> str:
        """The revision of the start, to which a downgrade leads."""
        return " ".join(self.start.revisions) or "base"

    @cached_property
    def traces(self) -> Traces:
        """What was done to the files, for choosing a cause."""
        return Traces(self._copies.original, self._files, self.start, self._copies.is_untouched)

    @cached_property
    def _files(self) -> Database:
        """A database whose files are the learner's; it is not changed."""
        return self.fresh(watched=False)

    @property
    def may(self) -> MayChange:
        """How rows may change."""
        return MayChange(self.writes, self.loses, self.moves, self.business)

    def other_changes(self, before: Schema, after: Schema, *, besides: Collection[str] = ()) -> list[Change]:
        """How two schemas differ, apart from what the ticket lets change."""
        named = {*self.changes, *besides}
        for name in self.defaults:
            one, other = (column_of(each, name) for each in (before, after))
            if one and other and replace(one, default=None) == replace(other, default=None):
                named.add(name)
        new = [each for each in self.changes if column_of(before, each) is None]
        return [
            each
            for each in diff(before, after)
            if (not {each.subject or each.name, f"{each.subject}.{each.name}"} & named or each.switches_off)
            and not self._may_add(each)
            and not says_length(each, after, new)
        ]

    def _expect_not_invented(self, now: Snapshot, *, few: int = 0) -> None:
        """New columns and tables that the ticket does not fill have no values, or as few as a shop in use would add."""
        found = []
        for name in self._empty_columns(now):
            table, _, column = name.rpartition(".")
            rows = [row for row in now.rows_of(table) if row[column] is not None]
            if len(rows) > few:
                found.append(f"`{name}` of the row with id {rows[0].get('id')} is {shown(rows[0][column])}")
        for name in self._not_filled:
            if name in now.tables and name not in self.start.tables and len(now.tables[name].rows) > few:
                found.append(f"the new table `{name}` has {len(now.tables[name].rows)} rows")
        self.expect_none(
            sorted(found),
            expected="Columns for which the ticket gives no value are still empty.",
            cause="Values were made up.",
            next_step="Remove the statement that fills it.",
        )

    @property
    def _not_filled(self) -> set[str]:
        """The parts of the schema for which the ticket gives no values."""
        return {*self.changes} - {*self.fills, *self.writes, *self.moves.values()}

    def _empty_columns(self, now: Snapshot) -> list[str]:
        """The new columns for which the ticket gives no values, and which may be null."""
        new = {name: now.column(name) for name in self._not_filled if self.start.column(name) is None}
        return sorted(name for name, column in new.items() if column and column.nullable)

    def _may_add(self, change: Change) -> bool:
        stands_alone = change.kind == "table" or not change.subject
        return change.before is None and ("*" if stands_alone else change.subject) in self.adds

    def _watch(self, besides: Collection[str], before: Snapshot, now: Snapshot) -> None:
        """Everything that the ticket does not allow to change is unchanged."""
        lost = changed(before.tables, now.tables, self.may)
        others = [str(each) for each in self.other_changes(before.schema, now.schema, besides=besides)]
        if lost or others:
            raise Miss(
                expected=f"In {now.name}, whatever the ticket does not ask for stays as it was.",
                found=listed([*lost, *others], most=3),
                cause="A revision writes to rows, or changes a part of the schema, that it should leave alone.",
                next_step=f"Look at what the revisions do when they run on {now.name}.",
            )

    @cached_property
    def learners(self) -> Snapshot | None:
        """The learner's own database as it is now; None where it cannot be read."""
        return self._copies.look_at_learner()

    # --------------------------------------------------------------------------------------------------- declarations

    @classmethod
    def expectations(cls, engine: str | None = None) -> tuple[Expectation, ...]:
        """All expectations, in the order in which they are checked and shown.

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

    @classmethod
    def refuse_wrong_names(cls) -> None:
        """Refuse names in `changes` that cannot be a part of a schema.

        Raises:
            JudgeError: such as for `users.phone.default`; it says what to write.
        """
        for name in cls.changes:
            table, _, part = name.partition(".")
            column, _, rest = part.partition(".")
            if rest:
                instead = "`defaults`, if nothing but its default may differ" if rest == "default" else "`changes`"
                what = f"`changes` names `{name}`, and a part of a table has two words"
                raise JudgeError(f"{what}: put `{table}.{column}` in {instead}")


def _expectation(judge: type[Judge], name: str, *, is_own: bool) -> Expectation:
    method = getattr(judge, name, None)
    if method is None:
        raise JudgeError(f"{judge.__name__} has no expectation {name!r}")
    if not method.__doc__:
        raise JudgeError(f"{judge.__name__}.{name} has no docstring: learners read there what it looks at")
    sentence = " ".join(method.__doc__.split()).removesuffix(".")
    return Expectation(name, sentence, method, is_own)
