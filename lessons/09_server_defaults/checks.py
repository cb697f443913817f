"""Lesson 09: what the result of each exercise must be."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from migration_lab import course
from migration_lab.checking import Database, FilesJudge, Snapshot, differences_in, listed
from migration_lab.checking.rollout import both_releases, revisions_ahead
from migration_lab.checking.rows import MayChange, changed
from migration_lab.checking.transactions import Statement, note_statements, noted_statements, rows_in_one_transaction
from migration_lab.schema import diff
from migration_lab.service import Service, serve

ORDER = {"user_id": 1, "amount_cents": 700}
PARTNER = (
    "INSERT INTO orders (user_id, amount_cents, currency, status, created_at) "
    "VALUES (5, 990, 'EUR', 'paid', '2026-02-23 03:00:00')"
)
SCRIPT = "scripts/phone_orders.sql"
WRITES = {"today": "web", "shop": "web", "script": "phone", "job": "partner"}


class Source(FilesJudge):
    exercise = "09.1"
    stub_fails = "old_orders"
    changes = ("orders.source",)

    def old_orders(self) -> None:
        """`orders.source` is there, and all orders from before have `web`"""
        self.expect_there("orders.source", where=self.head)
        self.expect_values(
            "orders.source",
            lambda row: "web",
            where=self.head,
            next_step="The ticket says what the old orders get. Ask what fills them in, and at which moment.",
        )

    def required(self) -> None:
        """no order can be without a source, a text of up to 20 characters"""
        self.expect_column(
            "orders.source",
            where=self.head,
            length=20,
            nullable=False,
            default=...,
            next_step="Say `String(20)` and `nullable=False`, and see to it that each row has a value by then.",
        )

    def deploy(self) -> None:
        """an order that the release of today writes after your first new revision is taken, and has `web` in the end"""
        self._expect_source("today", "Which default is right while the old release runs, and which one a day later?")

    def app(self) -> None:
        """the new release takes orders from your first new revision on, and they have `web` in the end"""
        self._expect_source(
            "shop", "What the app writes is a matter of its model; what it needs has to be there first."
        )

    def script(self) -> None:
        """`scripts/phone_orders.sql` adds its two orders on the evening after the first new revision, and again when
        all have run; they have `phone` in the end, and it changes nothing else"""
        self._expect_source("script", "Add the column and its value to the script's INSERT. What it wrote has to stay.")

    def job(self) -> None:
        """an order from the partner's job has `partner`"""
        self._expect_source("job", "A default that somebody relies on stays.")

    def _expect_source(self, program: str, next_step: str) -> None:
        found = self._wrong[program]
        self.expect(
            not found,
            expected=f"Its orders are taken, and have the source '{WRITES[program]}' in the end.",
            found=listed(found, most=3),
            next_step=next_step,
        )

    @cached_property
    def _wrong(self) -> dict[str, list[str]]:
        """What is not right with the orders of each program, from the first new revision to the job's first run."""
        shop, wrong, written = self.fresh("the shop", watched=False), defaultdict[str, list[str]](list), []

        def run(program: str, when: str, write: Callable[[], str]) -> None:
            highest = shop.sql("SELECT max(id) FROM orders").scalar
            if refused := write():
                wrong[program].append(f"{when}: {refused}")
            ids = shop.sql(f"SELECT id FROM orders WHERE id > {highest} ORDER BY id").rows
            written.extend((program, when, each) for (each,) in ids)

        with both_releases(shop, course.lesson("09")) as (old, new):
            for number, revision in enumerate(revisions_ahead(shop)):
                shop.reach(revision)
                if number == 0:
                    run("today", f"At {revision}", lambda: refused_by(old))
                run("shop", f"At {revision}", lambda: refused_by(new))
                if number == 0:
                    run("script", f"At {revision}", lambda: self._refused_script(shop))
        run("script", "After the last revision", lambda: self._refused_script(shop))
        run("job", "After the last revision", lambda: shop.refusal(PARTNER))
        sources = shop.snapshot().values_of("orders.source")
        for program, when, id_ in written:
            if sources[id_] != WRITES[program] and id_ not in self._touched:
                wrong[program].append(f"{when}: order {id_} has {sources[id_]!r} in the end.")
        return wrong

    def _refused_script(self, shop: Database) -> str:
        """What is not right with a run of the script; empty when it adds what it should and leaves the rest alone."""
        script = shop.folder / SCRIPT
        if not script.is_file():
            return "The script is gone."
        before = shop.snapshot()
        if refused := shop.refusal(text_of(script)):
            return refused
        after = shop.snapshot()
        old, new = before.values_of("orders.source"), after.values_of("orders.source")
        self._touched.update(each for each in old if new.get(each) != old[each])
        more = changed(before.tables, after.tables, MayChange(grows=("orders",)))
        if more := [*more, *map(str, diff(before.schema, after.schema))]:
            return listed(["It does more than to add orders:", *more])
        found, wanted = without(("id", "source"), after.new_rows("orders", before)), self._phoned
        others = [f"user {row['user_id']}, {row['amount_cents']} cents, {row['status']}" for row in found]
        return "" if found == wanted else listed(["It adds other orders than those of the list:", *others])

    @cached_property
    def _touched(self) -> set[int]:
        """The orders of others whose source the script has changed: that is no other program's fault."""
        return set()

    @cached_property
    def _phoned(self) -> list[dict[str, Any]]:
        """The orders that the script adds as it is shipped."""
        shipped = self.fresh(watched=False, sql=text_of(self.traces.original / SCRIPT)).snapshot()
        return without(("id",), shipped.new_rows("orders", self.start))


def refused_by(service: Service) -> str:
    """Why a release does not take an order or does not show it; empty when it does."""
    taken = service.post("/orders", ORDER)
    if not taken.ok:
        return f"POST /orders: {taken.reason}"
    shown = service.get(f"/users/{ORDER['user_id']}/orders")
    return "" if shown.ok else f"GET /users/{ORDER['user_id']}/orders: {shown.reason}"


def without(columns: Iterable[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, but for these columns."""
    return [{name: value for name, value in row.items() if name not in columns} for row in rows]


def text_of(script: Path) -> str:
    """What a script says, in whichever encoding an editor has saved it."""
    raw = script.read_bytes()
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


FIRST = "Read the first reason: it says what the order misses."
MOST_ROWS = 5_000  # that one transaction may change
ARRIVE = 20
# Another session's order could come after any of a backfill's statements; here it comes with each of the first ones.
ARRIVING = f"""
CREATE FUNCTION arrives() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM orders WHERE amount_cents = 990 AND user_id = 5) < {ARRIVE} THEN {PARTNER}; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER arrives AFTER UPDATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION arrives();
"""


class PublicId(FilesJudge):
    exercise = "09.2"
    stub_fails = "own_value"
    changes = fills = ("orders.public_id",)
    random = ("orders.public_id",)
    only_on = {"in_place": "postgres", "locked_out": "postgres", "batches": "postgres"}

    def own_value(self) -> None:
        """each order from before has a `public_id` of its own, a UUID or a text"""
        column = self.expect_there("orders.public_id", where=self.head)
        self.expect(
            column.kind == "text" or column.type.lower() == "uuid",
            expected="`orders.public_id` is a UUID or a text.",
            found=f"It is {column}.",
            next_step="Give the column one of these types, in the model and in the revision.",
        )
        self._expect_own(self.head, "Each row needs a call of the function in SQL; look at gaps between the ids, too.")

    def in_place(self) -> None:
        """the table is not written anew"""
        before, after, _ = self._noted
        self.expect(
            before == after,
            expected="The rows of `orders` lie where they lay.",
            found="All of them were written into a new file, and nobody got at the table meanwhile.",
            next_step="Look at the table of changes in the lesson: which ones are in place?",
        )

    def locked_out(self) -> None:
        """nobody is locked out while rows are filled in"""
        rows = rows_in_one_transaction(self._noted[2], under_lock=True)
        self.expect(
            rows <= ARRIVE,
            expected="A transaction that locks `orders` against others fills in no rows.",
            found=f"One of them changes {rows:,} rows and keeps its lock until it ends.",
            next_step="Let the change of the table be committed before the first row is filled in.",
        )

    def batches(self) -> None:
        """no transaction changes more than 5,000 rows"""
        rows = rows_in_one_transaction(self._noted[2])
        self.expect(
            rows <= MOST_ROWS + ARRIVE,
            expected=f"{MOST_ROWS:,} rows in one transaction at most.",
            found=f"{rows:,} rows in one.",
            next_step="Fill in the rows in ranges of ids, in `op.get_context().autocommit_block()`.",
        )

    def job(self) -> None:
        """an order of the partner's job has a `public_id` of its own, whenever it was written, and keeps it"""
        lived, refused, others = self._lived
        self.expect(not refused, expected="The job's orders are taken.", found=listed(refused), next_step=FIRST)
        self.expect(
            not others,
            expected="An order keeps the value that it was given: a customer may have the link.",
            found=listed(others, most=3),
            next_step="Fill in rows without a value only.",
        )
        then = "New rows first, then the old ones: an order that comes between must not be forgotten."
        self._expect_own(lived.snapshot(), then)
        if self.engine == "postgres":
            self._expect_own(self._busy.snapshot(), then)

    def app(self) -> None:
        """each order from the shop has a `public_id` of its own"""
        lived, *_ = self._lived
        with serve(lived.workspace) as shop:
            refused = [each for each in (refused_by(shop), refused_by(shop), refused_by(shop.deploy())) if each]
        self.expect(not refused, expected="The shop takes orders.", found=listed(refused), next_step=FIRST)
        self._expect_own(
            lived.snapshot(),
            "Give the model a default that is called for each order, or say that the "
            "server has one: for a column that was not set SQLAlchemy sends NULL, and NULL is not filled in.",
        )

    def secret(self) -> None:
        """nobody can guess it: an order has another one in another copy, and no half is the same in many orders"""
        one = self.head.values_of("orders.public_id")
        other = self._lived[0].snapshot().values_of("orders.public_id")
        same = [id_ for id_, value in one.items() if other.get(id_) == value]
        self.expect(
            not same,
            expected="Two copies of the database give other values to the same orders.",
            found=f"{len(same):,} of them have the same in both; the first is order {min(same, default=0)}.",
            cause="The value is computed from the row, or from a random number that begins at the same place.",
            next_step="Let the database make a random value for each row.",
        )
        texts = [str(value).replace("-", "") for value in one.values()]
        for part in ([each[: len(each) // 2] for each in texts], [each[len(each) // 2 :] for each in texts]):
            most, times = Counter(part).most_common(1)[0]
            self.expect(
                times <= len(texts) // 100 + 1,
                expected="Both halves of the values differ from order to order.",
                found=f"{times:,} of {len(texts):,} have {most!r} in the same half, like {texts[0]!r}.",
                cause="The values count up, or are made from the time.",
                next_step="Let the database make a random value for each row.",
            )

    def _expect_own(self, now: Snapshot, next_step: str) -> None:
        values = now.values_of("orders.public_id")
        times = Counter(values.values())
        none = [id_ for id_, value in values.items() if not value]
        same = [id_ for id_, value in values.items() if value and times[value] > 1]
        self.expect(
            not (none or same),
            expected=f"In {now.name} each of the {len(values):,} orders has a value of its own.",
            found=f"Orders without one: {len(none):,}; the first has id {none[0]}."
            if none
            else f"Orders with the value of another: {len(same):,}; {values[same[0]]!r} has order {same[0]}."
            if same
            else "",
            next_step=next_step,
        )

    @cached_property
    def _busy(self) -> Database:
        return self.fresh("a copy in which orders arrive all the time", watched=False)

    @cached_property
    def _noted(self) -> tuple[int, int, list[Statement]]:
        """The file of the table before and after, and what each statement did to it; on Postgres."""
        note_statements(self._busy, "orders")
        self._busy.execute(ARRIVING)
        file = "SELECT pg_relation_filenode('orders')"
        before = self._busy.sql(file).scalar
        self._busy.reach()
        return before, self._busy.sql(file).scalar, noted_statements(self._busy)

    @cached_property
    def _lived(self) -> tuple[Database, list[str], list[str]]:
        """A database to which the job writes at each revision; what it was refused, and which values did not stay."""
        lived = self.fresh("a database with orders of the job", watched=False)
        refused, others, given = [], [], dict[int, Any]()
        for revision in revisions_ahead(lived):
            lived.reach(revision)
            refused += [f"At {revision}: {why}" for _ in range(2) if (why := lived.refusal(PARTNER))]
            now = lived.snapshot().values_of("orders.public_id")
            others += [
                f"At {revision} order {id_} has {now.get(id_)!r}, and had {value!r}."
                for id_, value in given.items()
                if value and now.get(id_) != value
            ]
            given = now
        return lived, refused, others


class Defaults(FilesJudge):
    exercise = "09.3"
    stub_fails = "locale"
    changes = ("users.locale", "orders.warehouse")
    first = ("upgrade", "no_other_change")
    last = ("downgrade", "rows_kept", "new_database", "no_drift")

    def locale(self) -> None:
        """in production a user who names no locale gets `en`"""
        self._expect_default("users.locale", 5, "en", self.walk.database, self.head)

    def warehouse(self) -> None:
        """in production an order that names no warehouse gets `south`"""
        self._expect_default("orders.warehouse", 20, "south", self.walk.database, self.head)

    def made_from_nothing(self) -> None:
        """a database that is made from nothing has both defaults too"""
        database, made = self.new
        self._expect_default("users.locale", 5, "en", database, made)
        self._expect_default("orders.warehouse", 20, "south", database, made)

    def seen(self) -> None:
        """`flask db check` names each of the two columns when somebody changes its default by hand"""
        other = self.fresh("a copy", watched=False)
        other.reach()
        other.execute(BY_HAND[self.engine])
        said = differences_in(other.flask("db check").output)
        missing = [name for name in self.changes if not any(f"'{name}'" in each for each in said)]
        self.expect(
            not missing,
            expected=f"After a change by hand, it names {' and '.join(f'`{each}`' for each in missing)}.",
            found=listed(said) or "It detects nothing.",
            cause="Defaults are not compared, or these are left out of the comparison.",
            next_step="`Migrate(..., compare_server_default=True)` in `shop/extensions.py` compares them.",
        )

    def downgrade(self) -> None:
        """`flask db downgrade` changes nothing but the two defaults, and the next upgrade brings them back"""
        self.walk.again()
        for stop in self.walk.stops:
            for name, length in (("users.locale", 5), ("orders.warehouse", 20)):
                self.expect_column(
                    name, where=stop.snapshot, length=length, nullable=False, default=..., next_step=ONLY
                )
            others = self.other_changes(self.start.schema, stop.snapshot.schema)
            found = [f"{stop.when}: {each}" for each in others]
            self.expect(not others, expected="Nothing else changes.", found=listed(found), next_step=ONLY)
        found = [str(each) for each in diff(self.head.schema, self.walk.again().schema)]
        self.expect(
            not found, expected="The second upgrade gives the same defaults.", found=listed(found), next_step=ONLY
        )

    def _expect_default(self, name: str, length: int, right: str, database: Database, now: Snapshot) -> None:
        column = self.expect_there(name, where=now)
        found = database.sql(f"SELECT {column.default or 'NULL'}").scalar
        self.expect(
            found == right,
            expected=f"In {now.name} a new row that names no `{name}` gets {right!r}.",
            found=f"It gets {found!r}.",
            next_step="Ask which side is right here, the model or production. A revision has to set this default.",
        )
        self.expect_column(name, where=now, length=length, nullable=False, default=..., next_step=ONLY)


ONLY = "Let the revision change the default, and leave the column as it is."
BY_HAND = {
    "postgres": """
        ALTER TABLE users ALTER locale SET DEFAULT 'xy';
        ALTER TABLE orders ALTER warehouse SET DEFAULT 'north-2';
    """,
    "sqlite": """
        ALTER TABLE users DROP COLUMN locale;
        ALTER TABLE users ADD COLUMN locale VARCHAR(5) NOT NULL DEFAULT 'xy';
        ALTER TABLE orders DROP COLUMN warehouse;
        ALTER TABLE orders ADD COLUMN warehouse VARCHAR(20) NOT NULL DEFAULT 'north-2';
    """,
}
