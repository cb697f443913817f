"""Lesson 09: the judges of its exercises."""

import math
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cached_property
from textwrap import shorten

from sqlalchemy.exc import DBAPIError

from migration_lab.ground import course
from migration_lab.instruments.schema import diff
from migration_lab.instruments.service import serve
from migration_lab.instruments.traffic import Request
from migration_lab.teaching.judging import Database, FilesJudge, Snapshot, differences_in, listed, part_of
from migration_lab.teaching.judging.interruptions import Interruptions
from migration_lab.teaching.judging.program import run_program
from migration_lab.teaching.judging.rollout import Served, both_releases, revisions_ahead
from migration_lab.teaching.judging.rows import MayChange, changed
from migration_lab.teaching.judging.running import somebody
from migration_lab.teaching.judging.transactions import Noted, noted_upgrade
from migration_lab.teaching.judging.waiting import run_behind
from migration_lab.teaching.judging.words import code_of, shown, text_of

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
# An order of the web shop that looks like the first of the script's.
ALIKE = """
INSERT INTO orders (user_id, amount_cents, currency, status, created_at)
VALUES (3, 4950, 'EUR', 'pending', '2026-02-16 17:42:00');
"""
# What the new release writes while the script runs.
MEANWHILE = """
INSERT INTO orders (user_id, amount_cents, currency, status, created_at, source)
VALUES (1, 700, 'EUR', 'pending', '2026-02-16 18:10:00', 'web');
"""
FIRST = "Read the first reason: it says what the order misses."
MARK = "The model says:"
PRINT_DEFAULT = (
    "compiler = db.engine.dialect.ddl_compiler(db.engine.dialect, None)",
    "for table, column in {columns}:",
    f"    print('{MARK}', compiler.get_column_default_string(db.metadata.tables[table].c[column]) or '')",
)


def expect_same_default(judge: FilesJudge, *names: str) -> None:
    """A server default in the model, if it has one, fills in what the database at the head does."""
    copy = judge.upgraded("the shop")
    columns = [tuple(each.split(".")) for each in names]
    done = run_program(copy, *(each.replace("{columns}", str(columns)) for each in PRINT_DEFAULT))
    judge.expect_success(done, copy, expected="A program can read the models.")
    said = [line.removeprefix(MARK).strip() for line in done.output.splitlines() if line.startswith(MARK)]
    for name, sql in zip(names, said, strict=True):
        column = judge.head.column(name)
        has = copy.sql(f"SELECT {column.default}").scalar if column and column.default else ""
        says = copy.sql(f"SELECT {sql}").scalar if sql else ""
        judge.expect(
            not sql or says == has,
            expected=f"The model and the database have the same server default for `{name}`.",
            found=f"In the model it is {says!r}, in the database {has!r}.",
            cause="`flask db check` compares server defaults only if it is told to, and without their quotes.",
            next_step="Write into the model what the last revision leaves. A text that is not SQL needs no quotes of "
            "its own.",
        )


class Source(FilesJudge):
    exercise = "09.1"
    stub_fails = "old_orders"
    changes = ("orders.source",)
    last = (*FilesJudge.last, "left_alone")

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
        self._expect_others_left_alone()

    def job(self) -> None:
        """an order from the partner's job has `partner`"""
        self._expect_source("job", "partner", "A default that a program relies on must stay.")

    def model(self) -> None:
        """a server default in the model, if it has one, is the one that the database has in the end"""
        expect_same_default(self, "orders.source")

    def _expect_source(self, program: str, source: str, next_step: str) -> None:
        written, end = self._written
        self.expect_values("orders.source", dict.fromkeys(written[program], source), where=end, next_step=next_step)

    def _expect_others_left_alone(self) -> None:
        """An order that the shop takes between two statements of the script keeps its source."""
        statements = _statements(text_of(self._files.folder / SCRIPT))
        if len(statements) < 2 or self.engine != "postgres":
            return
        shop = self.upgraded("a shop that takes orders while the script runs")
        before = shop.snapshot()
        with somebody(shop) as session:
            for each in statements:
                try:
                    session.exec_driver_sql(each, execution_options={"no_parameters": True})
                except DBAPIError:
                    return  # it needs to be one transaction: as a whole it has run above
                session.commit()
                shop.execute(MEANWHILE)
        now = shop.snapshot()
        sources = {row["id"]: "web" if row["user_id"] == 1 else "phone" for row in now.new_rows("orders", before)}
        self.expect_values(
            "orders.source",
            sources,
            where=now,
            cause="The script has several statements, and the shop takes an order between two of them. The last orders "
            "of the table are not always its own.",
            next_step="Let the INSERT say the source of its orders itself.",
        )

    @cached_property
    def _written(self) -> tuple[dict[str, list[int]], Snapshot]:
        """The ids of each program's orders, by the expectation that is about it, and what is there in the end."""
        shop, written = self.fresh("the shop", watched=False, sql=ALIKE), defaultdict[str, list[int]](list)

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
            for phoned in written["script"][:1]:
                self._expect_left_alone_by_the_shop(shop, new, phoned)
        run("script", lambda: self._run_script(shop))
        run("job", lambda: self.expect_taken(shop, PARTNER, expected="The job's orders are taken.", next_step=FIRST))
        return written, shop.snapshot()

    def _expect_left_alone_by_the_shop(self, shop: Database, new: Served, phoned: int) -> None:
        """The source of an order says where it came from, and not who has changed it last."""
        before = shop.snapshot().values_of("orders.source")[phoned]
        with part_of("app"):
            new.expect(("PATCH", f"/orders/{phoned}", {"status": "paid"}))
            self.expect(
                (now := shop.snapshot().values_of("orders.source")[phoned]) == before,
                expected="When the shop changes the status of an order, its source stays.",
                found=f"It was {shown(before)} and is {shown(now)}.",
                next_step="Let the shop write the source of a new order only.",
            )

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


def _statements(script: str) -> list[str]:
    """The statements of an SQL script; a script that is hard to divide counts as one."""
    if "$$" in script:
        return [script]
    found = [""]
    for part in re.split("(?<=;)", script):
        found[-1] += part
        if sqlite3.complete_statement(found[-1]):
            found.append("")
    return [each for each in found if each.strip()]


MOST_ROWS = 5_000  # that one transaction may change
A_FEW = 8  # orders of the shop or of the job: enough to see what their values have in common
OPEN_ORDER = "UPDATE orders SET status = status WHERE id = (SELECT min(id) FROM orders)"
WEAK = re.compile(r"\brandom\(\)|alias\(name='random'|module='random'")  # in SQL, or in Python
HASH = re.compile(r"\bmd5\(|\bsha\d+\(|\bdigest\(|hashlib")
SECRET = re.compile(r"gen_random|uuid4|uuid7|generate_v4|randomblob|secrets|urandom|SystemRandom")
OWN_PART = re.compile(r"CREATE\b", re.IGNORECASE)  # a function, or a table of random values
FEW_ORDERS = "DELETE FROM orders WHERE id > 40"  # enough to see each kind of statement
BITS = 56  # as many as a value that nobody can guess has at least
# Its id is a whole number of batches after the first, 1, with a gap before it.
LAST_ORDER = """
INSERT INTO orders (id, user_id, amount_cents, currency, status, created_at)
VALUES (60001, 1, 100, 'EUR', 'paid', '2026-01-01');
"""


class PublicId(FilesJudge):
    exercise = "09.2"
    stub_fails = "own_value"
    changes = fills = random = ("orders.public_id",)
    only_on = {"in_place": "postgres", "locked_out": "postgres", "batches": "postgres"}
    last = (*FilesJudge.last, "left_alone")
    seconds = 180  # 12,000 orders can be filled in one by one, on a busy machine too

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
        """an order of the partner's job has a `public_id` of its own, whenever it was written, and keeps it; so has an
        order that somebody has open meanwhile"""
        then = (
            "Handle new rows first, then the old ones: an order that arrives in between must not be missed. Wait for "
            "an order that somebody has open."
        )
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
            Served(lived, shop, "the shop").expect(*[ORDER] * A_FEW, LOOK)
            Served(lived, shop.deploy(), "the shop, started once more,").expect(ORDER)
        self._expect_own(
            lived.snapshot(),
            "Give the model a default that is called for each order, or say that the server has one: for a column that "
            "was not set SQLAlchemy sends NULL, and NULL is not filled in.",
        )

    def secret(self) -> None:
        """the value cannot be guessed, in old orders and in the new ones of the job and the shop: two copies give
        the same order different values, neither half repeats, and there are too many possible values to try"""
        folder = self.traces.database.folder
        files = [each for each in (*self.traces.changed, *self.traces.added) if each.endswith(".py")]
        codes = {each: code_of(text_of(folder / each)) for each in files}
        self.expect_none(
            [f"`{each}` uses `random`." for each, code in codes.items() if WEAK.search(code)],
            expected="The values come from a source that is made for secrets.",
            cause="From some values of `random()` the next ones can be computed.",
            next_step=FOR_SECRETS,
        )
        self.expect_none(
            [
                f"`{each}` makes a hash of something else."
                for each, code in codes.items()
                if _hashes_what_is_known(code)
            ],
            expected="The values come from a source that is made for secrets.",
            cause=GUESSED,
            next_step=FOR_SECRETS,
        )
        statements = Interruptions(self.fresh(watched=False, sql=FEW_ORDERS)).statements("db upgrade")
        makes_its_own = any(OWN_PART.match(each) and SECRET.search(each) for each in statements)
        self.expect_none(
            [] if makes_its_own else [f"`{shorten(each, 90)}`" for each in statements if _hashes_what_is_known(each)],
            expected="The values come from a source that is made for secrets, in old orders and in new ones.",
            heading="This makes a hash of something else:",
            cause=GUESSED,
            next_step=FOR_SECRETS,
        )
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
        lived, end = self._lived
        by_job, by_shop = end.new_rows("orders", self.start), lived.snapshot().new_rows("orders", end)
        self._expect_many("the orders that were there", texts)
        self._expect_many("the job's orders", [str(row["public_id"]) for row in by_job])
        self._expect_many("the shop's orders", [str(row["public_id"]) for row in by_shop])

    def _expect_many(self, whose: str, texts: list[str]) -> None:
        """There are many possible values, as far as these show it."""
        differ, kinds = sum(len(set(each)) > 1 for each in zip(*texts, strict=False)), len(set("".join(texts)))
        self.expect(
            differ * math.log2(kinds) >= BITS,
            expected=f"There are too many possible values to try all of them, for {whose}.",
            found=f"What differs from value to value makes fewer than {BITS} bits: the values are short, or a part of "
            "them is always the same.",
            next_step="Take all of a random UUID, or at least sixteen hexadecimal digits.",
        )

    def _expect_own(self, now: Snapshot, next_step: str) -> None:
        values = now.values_of("orders.public_id")
        times = Counter(values.values())
        wrong = [f"Order {id_} has no value." for id_, value in values.items() if not value]
        wrong += [f"Order {id_} has bytes, and no text." for id_, value in values.items() if isinstance(value, bytes)]
        wrong += [f"Order {id_} shares its value." for id_, value in values.items() if value and times[value] > 1]
        then = "Each row needs its own call of the function." if wrong[:1] and "shares" in wrong[0] else next_step
        self.expect_none(wrong, expected=f"In {now.name} each order has a value of its own.", next_step=then)

    @cached_property
    def _noted(self) -> Noted:
        copy = self.fresh("a copy in which orders arrive all the time", watched=False, sql=LAST_ORDER)
        return noted_upgrade(copy, "orders", arriving=PARTNER)

    @cached_property
    def _lived(self) -> tuple[Database, Snapshot]:
        """A database to which the job writes at each revision, and what it holds in the end."""
        lived, now = self.fresh("a database with orders of the job", watched=False), self.start
        with part_of("job"):
            for revision in revisions_ahead(lived):
                self._reach_beside_somebody(lived, revision)
                taken = f"At {revision} the job's orders are taken."
                self.expect_taken(lived, *[PARTNER] * A_FEW, expected=taken, next_step=FIRST)
                given, now = now.known_values_of("orders.public_id"), lived.snapshot()
                has = now.values_of("orders.public_id")
                self.expect_none(
                    [f"Order {id_} differs at {revision}." for id_, old in given.items() if has.get(id_) != old],
                    expected="An order keeps the value that it was given: a customer may have the link.",
                    next_step="Fill in rows without a value only.",
                )
        return lived, now

    def _reach_beside_somebody(self, lived: Database, revision: str) -> None:
        """Upgrade to a revision while somebody has an order open; if that makes the upgrade give up, once more."""
        upgrade = f"db upgrade {revision}"
        if self.engine == "postgres" and run_behind(lived, upgrade, OPEN_ORDER, seconds=self.seconds).exit_code == 0:
            return
        lived.reach(revision)


RANDOM = "Let the database make a random value for each row."
GUESSED = "A hash adds nothing. If you can guess what goes in, an id or a moment, you can compute what comes out."
FOR_SECRETS = "`gen_random_uuid()`, `randomblob()`, and Python's `uuid4()` and `secrets` are made for that."


def _hashes_what_is_known(code: str) -> bool:
    return bool(HASH.search(code)) and not SECRET.search(code)


class Defaults(FilesJudge):
    exercise = "09.3"
    stub_fails = "locale"
    defaults = ("users.locale", "orders.warehouse")
    first = ("upgrade", "no_other_change")
    last = ("downgrade", "rows_kept", "new_database", "past", "no_drift")

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
        """`flask db check` names each column whose default somebody changes, drops or adds by hand, the gift message
        too, and one whose type somebody changes"""
        for how, defaults in BY_HAND.items():
            other = self.fresh(f"a copy with defaults {how} by hand", watched=False)
            other.reach()
            other.execute(NO_ROWS + "".join(self._set_default(*each) for each in defaults.items()))
            said = differences_in(other.flask("db check").output)
            missing = [name for name in defaults if not any(f"'{name}'" in each for each in said)]
            self.expect(
                not missing,
                expected=f"When a default is {how} by hand, it names {' and '.join(f'`{each}`' for each in missing)}.",
                found=listed(said) or "It detects nothing.",
                next_step="Let the model say each default, and let nothing pass one over, also where one side has none."
                if said
                else "`Migrate(..., compare_server_default=True)` in `shop/extensions.py` compares them.",
            )
        other.execute(OTHER_TYPE[self.engine])
        self.expect(
            any("type change" in each for each in differences_in(other.flask("db check").output)),
            expected="When a type is changed by hand, it names that as well, as before.",
            found="It does not name `orders.status`, which is a VARCHAR(30) now.",
            cause="Types are not compared any more.",
            next_step="Leave `compare_type` on. A false alarm about one column is a reason to correct its model.",
        )
        with (other.folder / "shop/models/user.py").open("a", encoding="utf-8") as models:
            models.write(LATER_MODEL)
        other.execute(LATER_TABLE)
        self.expect(
            any("'later.state'" in each for each in differences_in(other.flask("db check").output)),
            expected="It names a default that differs in a table that comes later, too.",
            found="It does not name the column of a new table.",
            cause="What is compared was written down, table by table or column by column.",
            next_step="Let it compare all, and leave out nothing by its name.",
        )

    def _set_default(self, name: str, default: str) -> str:
        table, _, column = name.partition(".")
        if self.engine == "postgres":
            action = f"SET DEFAULT {default}" if default else "DROP DEFAULT"
            return f"ALTER TABLE {table} ALTER COLUMN {column} {action};"
        was = self.expect_there(name, where=self.head)
        null = "" if was.nullable else " NOT NULL"
        kept = was.type + null + (f" DEFAULT {default}" if default else "")
        return f"ALTER TABLE {table} DROP COLUMN {column}; ALTER TABLE {table} ADD COLUMN {column} {kept};"

    def model(self) -> None:
        """a server default in a model is the one that the database has"""
        expect_same_default(self, *self.defaults, "orders.gift_message")

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
            cause="The quotes belong to the text: a plain string as `server_default` gets its own."
            if str(found).strip("'") == right
            else "",
            next_step="Ask which side is right here, the model or production. A revision has to set this default.",
        )


RIGHT = {"users.locale": "en", "orders.warehouse": "south"}
ONLY = "Let the revision change the default, and leave the column as it is."
NO_ROWS = "DELETE FROM orders; DELETE FROM users;"  # SQLite adds a required column without a default to these only
OTHER_TYPE = {
    "postgres": "ALTER TABLE orders ALTER COLUMN status TYPE VARCHAR(30)",
    "sqlite": "ALTER TABLE orders DROP COLUMN status; ALTER TABLE orders ADD COLUMN status VARCHAR(30) NOT NULL",
}
BY_HAND = {
    "changed": {"users.locale": "'EN'", "orders.warehouse": "'north-2'", "orders.gift_message": "'by hand'"},
    "dropped": dict.fromkeys(("users.locale", "orders.warehouse", "orders.gift_message"), ""),
    "added": {
        "users.timezone": "'Europe/London'",
        "users.display_name": "'nobody'",  # which may be null
        "orders.created_at": "'2026-01-01 00:00:00'",
    },
}
LATER_MODEL = """

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from shop.extensions import db


class Later(db.Model):
    __tablename__ = "later"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(9), server_default="new")
"""
LATER_TABLE = "CREATE TABLE later (id INTEGER PRIMARY KEY, state VARCHAR(9) DEFAULT 'old' NOT NULL)"
