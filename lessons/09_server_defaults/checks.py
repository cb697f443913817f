"""Lesson 09: the judges of its exercises."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cached_property

from migration_lab.ground import course
from migration_lab.instruments.schema import diff
from migration_lab.instruments.service import serve
from migration_lab.instruments.traffic import Request
from migration_lab.teaching.judging import Database, FilesJudge, Snapshot, differences_in, listed, part_of
from migration_lab.teaching.judging.rollout import Served, both_releases, revisions_ahead
from migration_lab.teaching.judging.rows import MayChange, changed
from migration_lab.teaching.judging.transactions import Noted, noted_upgrade
from migration_lab.teaching.judging.words import text_of

ORDER: Request = ("POST", "/orders", {"user_id": 1, "amount_cents": 700})
LOOK: Request = ("GET", "/users/1/orders", None)
PARTNER = (
    "INSERT INTO orders (user_id, amount_cents, currency, status, created_at) "
    "VALUES (5, 990, 'EUR', 'paid', '2026-02-23 03:00:00')"
)
SCRIPT = "scripts/phone_orders.sql"
PHONED = [
    ("user_id", "amount_cents", "currency", "status", "created_at"),
    ("3", "4950", "EUR", "pending", "2026-02-16 17:42"),
    ("12", "1200", "EUR", "pending", "2026-02-16 18:05"),
]
FIRST = "Read the first reason: it says what the order misses."


class Source(FilesJudge):
    exercise = "09.1"
    stub_fails = "old_orders"
    changes = ("orders.source",)

    def old_orders(self) -> None:
        """`orders.source` is there, and all orders that were there before have `web`"""
        then = "The ticket says what the old orders get. What fills them in, and when?"
        self.expect_values("orders.source", lambda row: "web", where=self.head, next_step=then)

    def required(self) -> None:
        """no order can be without a source, a text of up to 20 characters"""
        self.expect_column("orders.source", where=self.head, length=20, nullable=False, default=...)

    def deploy(self) -> None:
        """an order that today's release writes after your first new revision is taken, and has `web` in the end"""
        self._expect_source("deploy", "web", "Which default is right while that release runs, and which a day later?")

    def app(self) -> None:
        """from your first new revision on, the new release takes orders, and they have `web` in the end"""
        self._expect_source("app", "web", "The model decides what the app writes.")

    def script(self) -> None:
        """`scripts/phone_orders.sql` adds its two orders on the evening after the first new revision, and again when
        all have run; they have `phone` in the end, and it changes nothing else"""
        self._expect_source("script", "phone", "Add the column and its value to the INSERT. What it wrote must stay.")

    def job(self) -> None:
        """an order from the partner's job has `partner`"""
        self._expect_source("job", "partner", "A default that a program relies on must stay.")

    def _expect_source(self, program: str, source: str, next_step: str) -> None:
        written, end = self._written
        self.expect_values("orders.source", dict.fromkeys(written[program], source), where=end, next_step=next_step)

    @cached_property
    def _written(self) -> tuple[dict[str, list[int]], Snapshot]:
        """The ids of each program's orders, by the expectation that is about it, and what is there in the end."""
        shop, written = self.fresh("the shop", watched=False), defaultdict[str, list[int]](list)

        def run(program: str, write: Callable[[], None]) -> None:
            before = shop.snapshot()
            with part_of(program):
                write()
            written[program] += [row["id"] for row in shop.snapshot().new_rows("orders", before)]

        with both_releases(shop, course.lesson("09")) as (old, new):
            for number, revision in enumerate(revisions_ahead(shop)):
                shop.reach(revision)
                run("app", lambda: new.expect(ORDER, LOOK))
                if number == 0:
                    run("deploy", lambda: old.expect(ORDER, LOOK))
                    run("script", lambda: self._run_script(shop))
        run("script", lambda: self._run_script(shop))
        run("job", lambda: self.expect_taken(shop, PARTNER, expected="The job's orders are taken.", next_step=FIRST))
        return written, shop.snapshot()

    def _run_script(self, shop: Database) -> None:
        script, before = shop.folder / SCRIPT, shop.snapshot()
        self.expect(script.is_file(), expected=f"`{SCRIPT}` is there.", found="It is gone.", next_step="Bring it back.")
        self.expect_taken(shop, text_of(script), expected=f"`{SCRIPT}` runs.", next_step=FIRST)
        after = shop.snapshot()
        more = changed(before.tables, after.tables, MayChange(grows=("orders",)))
        more += map(str, diff(before.schema, after.schema))
        phoned = [tuple(str(row[each])[:16] for each in PHONED[0]) for row in after.new_rows("orders", before)]
        self.expect(
            not more and phoned == PHONED[1:],
            expected=f"`{SCRIPT}` adds the orders of its list, and changes nothing else.",
            found=listed([*more, *(f"It adds an order of {', '.join(each)}." for each in phoned)]),
            next_step="Add the source to each of its orders, and leave all others alone.",
        )


MOST_ROWS = 5_000  # that one transaction may change


class PublicId(FilesJudge):
    exercise = "09.2"
    stub_fails = "own_value"
    changes = fills = random = ("orders.public_id",)
    only_on = {"in_place": "postgres", "locked_out": "postgres", "batches": "postgres"}

    def own_value(self) -> None:
        """each order that was there before has a `public_id` of its own, a UUID or a text"""
        column = self.expect_there("orders.public_id", where=self.head)
        self.expect(
            column.kind == "text" or column.type.lower() == "uuid",
            expected="`orders.public_id` is a UUID or a text.",
            found=f"It is {column}.",
            next_step="Give the column one of these types, in the model and in the revision.",
        )
        self._expect_own(self.head, "Each row needs its own call of the function, in SQL. Mind gaps between the ids.")

    def job(self) -> None:
        """an order of the partner's job has a `public_id` of its own, whenever it was written, and keeps it"""
        then = "Handle new rows first, then the old ones: an order that arrives in between must not be missed."
        self._expect_own(self._lived[1], then)
        if self.engine == "postgres":
            self._expect_own(self._noted.copy.snapshot(), then)

    def in_place(self) -> None:
        """the table is not rewritten"""
        self._noted.expect_in_place()

    def locked_out(self) -> None:
        """no program is locked out while rows are filled in"""
        self._noted.expect_open_doors(0, reads=False)

    def batches(self) -> None:
        """no transaction changes more than 5,000 rows, in either direction"""
        self._noted.expect_small_steps(MOST_ROWS)
        self._noted.back(self.back_to).expect_small_steps(MOST_ROWS)

    def app(self) -> None:
        """each order from the shop has a `public_id` of its own"""
        lived, _ = self._lived
        with serve(lived.workspace) as shop:
            Served(lived, shop, "the shop").expect(ORDER, ORDER, LOOK)
            Served(lived, shop.deploy(), "the shop, started once more,").expect(ORDER)
        self._expect_own(
            lived.snapshot(),
            "Give the model a default that is called for each order, or say that the server has one: for a column that "
            "was not set SQLAlchemy sends NULL, and NULL is not filled in.",
        )

    def secret(self) -> None:
        """the value cannot be guessed: another copy gives the same order another one, and neither half repeats"""
        one, other = (each.values_of("orders.public_id") for each in (self.head, self._lived[1]))
        self.expect_none(
            [f"Order {id_} has the same value in both." for id_, value in one.items() if other.get(id_) == value],
            expected="Two copies of the database give the same order different values.",
            next_step=RANDOM,
        )
        texts = [str(value).replace("-", "") for value in one.values()]
        halves = [each[: len(each) // 2] for each in texts], [each[len(each) // 2 :] for each in texts]
        times = max(Counter(each).most_common(1)[0][1] for each in halves)
        self.expect(
            times <= len(texts) // 100 + 1,
            expected="Both halves of the values differ from order to order.",
            found=f"{times:,} of {len(texts):,} orders have the same half, as they do when values count up.",
            next_step=RANDOM,
        )

    def _expect_own(self, now: Snapshot, next_step: str) -> None:
        values = now.values_of("orders.public_id")
        times = Counter(values.values())
        wrong = [f"Order {id_} has no value." for id_, value in values.items() if not value]
        wrong += [f"Order {id_} shares its value." for id_, value in values.items() if value and times[value] > 1]
        then = "Each row needs its own call of the function." if wrong[:1] and "shares" in wrong[0] else next_step
        self.expect_none(wrong, expected=f"In {now.name} each order has a value of its own.", next_step=then)

    @cached_property
    def _noted(self) -> Noted:
        copy = self.fresh("a copy in which orders arrive all the time", watched=False)
        return noted_upgrade(copy, "orders", arriving=PARTNER)

    @cached_property
    def _lived(self) -> tuple[Database, Snapshot]:
        """A database to which the job writes at each revision, and what it holds in the end."""
        lived, now = self.fresh("a database with orders of the job", watched=False), self.start
        with part_of("job"):
            for revision in revisions_ahead(lived):
                lived.reach(revision)
                taken = f"At {revision} the job's orders are taken."
                self.expect_taken(lived, PARTNER, PARTNER, expected=taken, next_step=FIRST)
                given, now = now.known_values_of("orders.public_id"), lived.snapshot()
                has = now.values_of("orders.public_id")
                self.expect_none(
                    [f"Order {id_} differs at {revision}." for id_, old in given.items() if has.get(id_) != old],
                    expected="An order keeps the value that it was given: a customer may have the link.",
                    next_step="Fill in rows without a value only.",
                )
        return lived, now


RANDOM = "Let the database make a random value for each row."


class Defaults(FilesJudge):
    exercise = "09.3"
    stub_fails = "locale"
    defaults = ("users.locale", "orders.warehouse")
    first = ("upgrade", "no_other_change")
    last = ("downgrade", "rows_kept", "new_database", "no_drift")

    def locale(self) -> None:
        """in production a new user without a locale gets `en`"""
        self._expect_default("users.locale", self.walk.database, self.head)

    def warehouse(self) -> None:
        """in production a new order without a warehouse gets `south`"""
        self._expect_default("orders.warehouse", self.walk.database, self.head)

    def made_from_nothing(self) -> None:
        """a new database that the files make has both defaults too"""
        for name in self.defaults:
            self._expect_default(name, *self.new)

    def seen(self) -> None:
        """`flask db check` names each column whose default somebody changes by hand, the gift message too"""
        other = self.fresh("a copy", watched=False)
        other.reach()
        other.execute(BY_HAND)
        said = differences_in(other.flask("db check").output)
        missing = [
            name for name in (*self.defaults, "orders.gift_message") if not any(f"'{name}'" in each for each in said)
        ]
        self.expect(
            not missing,
            expected=f"After a change by hand, it names {' and '.join(f'`{each}`' for each in missing)}.",
            found=listed(said) or "It detects nothing.",
            next_step="`Migrate(..., compare_server_default=True)` in `shop/extensions.py` compares them.",
        )

    def downgrade(self) -> None:
        """`flask db downgrade` changes nothing but the two defaults, and the next upgrade brings them back"""
        again = self.walk.again()
        for stop in self.walk.stops:
            others = self.other_changes(self.start.schema, stop.snapshot.schema)
            self.expect_none(others, expected=f"In {stop.snapshot.name} nothing else changes.", next_step=ONLY)
        changes = diff(self.head.schema, again.schema)
        self.expect_none(changes, expected="The second upgrade gives the same defaults.", next_step=ONLY)

    def _expect_default(self, name: str, database: Database, now: Snapshot) -> None:
        column = self.expect_there(name, where=now)
        found, right = database.sql(f"SELECT {column.default or 'NULL'}").scalar, RIGHT[name]
        self.expect(
            found == right,
            expected=f"In {now.name} a new row that names no `{name}` gets {right!r}.",
            found=f"It gets {found!r}.",
            next_step="Ask which side is right here, the model or production. A revision has to set this default.",
        )


RIGHT = {"users.locale": "en", "orders.warehouse": "south"}
ONLY = "Let the revision change the default, and leave the column as it is."
BY_HAND = """
    ALTER TABLE users DROP COLUMN locale;
    ALTER TABLE users ADD COLUMN locale VARCHAR(5) NOT NULL DEFAULT 'xy';
    ALTER TABLE orders DROP COLUMN warehouse;
    ALTER TABLE orders ADD COLUMN warehouse VARCHAR(20) NOT NULL DEFAULT 'north-2';
    ALTER TABLE orders DROP COLUMN gift_message;
    ALTER TABLE orders ADD COLUMN gift_message VARCHAR(200) NOT NULL DEFAULT 'by hand';
"""
