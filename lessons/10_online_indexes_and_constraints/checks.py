"""Lesson 10: the judges of its exercises."""

import re
from functools import cached_property
from typing import Any

from migration_lab.teaching.judging import FilesJudge, Snapshot
from migration_lab.teaching.judging.interruptions import Interruptions, crashes
from migration_lab.teaching.judging.program import run_program
from migration_lab.teaching.judging.running import run, why_it_failed
from migration_lab.teaching.judging.transactions import STEP_BY_STEP, Noted, noted_upgrade
from migration_lab.teaching.judging.vocabulary import not_valid

UPGRADE = "db upgrade"
MANY_SECONDS = 180.0  # so that a revision may work in batches, with pauses, on a busy machine too
MOST_ROWS = 5_000  # as operations ask for in the ticket of 10.1

BUILDS = f"{STEP_BY_STEP} An index is built beside writers with CONCURRENTLY, outside of any transaction."
MAKES_UNIQUE = re.compile(r"unique|reindex", re.IGNORECASE)


def after_a_late_row(judge: FilesJudge, sql: str, table: str) -> tuple[Snapshot, Snapshot]:
    """Let a duplicate arrive just before an upgrade makes something unique, and run the upgrade again if it fails.

    Returns:
        What the database held before, and what it holds in the end.

    Raises:
        Miss: the second run fails as well, or an index of the table is not valid.
    """
    statements = Interruptions(judge.fresh("the database", watched=False)).statements(UPGRADE)
    places = [n for n, each in enumerate(statements, start=1) if MAKES_UNIQUE.search(each)] or [len(statements)]
    copy = judge.fresh("the database with a late row", watched=False)
    before = copy.snapshot()
    with Interruptions(copy).paused_before(places[-1], UPGRADE) as upgrade:
        copy.refusal(sql)
        first = upgrade.completed()
    completed = run(copy, UPGRADE) if first.exit_code else first
    judge.expect_success(
        completed,
        copy,
        expected="When a run has failed because of a late duplicate, the next one succeeds.",
        heading="The next run ends with:",
        cause=why_it_failed(completed) or "The step that removes duplicates counted as done, and did not run again.",
        next_step="What would a second run do with the duplicate, and with the index that the failed build left?",
    )
    now = copy.snapshot()
    invalid = not_valid(now.schema, table)
    judge.expect_none(
        invalid,
        expected="When a run has succeeded, the index is valid.",
        cause="The build failed, and the error was swallowed."
        if not first.exit_code
        else "A `REINDEX CONCURRENTLY` that fails leaves an index of its own, with a number if that name is taken. The "
        "run that succeeded did not drop it."
        if any("_ccnew" in each for each in invalid)
        else "The second run mistook the index that the failed build left for a valid one.",
        next_step="Let each run drop what is there, and build it.",
    )
    return before, now


# ------------------------------------------------------------------------------------------------ 10.1: invoice numbers

NUMBERS = "ix_orders_invoice_number_lower"
NUMBERED = "invoice_number IS NOT NULL"
USER = "INSERT INTO users (email, timezone, is_active) VALUES ('till@example.com', 'UTC', true)"
COLUMNS = "user_id, amount_cents, status, created_at, currency, invoice_number"
ORDER = f"INSERT INTO orders ({COLUMNS}) SELECT max(id), 5, 'paid'"
LATE_NUMBER = "t-2/1"  # taken, in capitals; a slash alone does not say that a revision has made it
LATE = f"{ORDER}, '2026-03-01 10:00:00', 'EUR', '{LATE_NUMBER}' FROM users"
TWICE = f"""
ALTER TABLE orders SET (autovacuum_enabled = false), DROP CONSTRAINT fk_orders_user_id_users; -- as neither is judged
INSERT INTO orders ({COLUMNS}) SELECT 1, n, 'paid', '2026-01-01', 'EUR', 'K-' || n FROM generate_series(1, 290000) AS n;
INSERT INTO orders ({COLUMNS}) SELECT 2, n, 'paid', '2026-01-01', 'EUR', 'k-' || n FROM generate_series(1, 4000) AS n;
INSERT INTO orders ({COLUMNS}) SELECT 3, n, 'paid', '2026-01-02', 'EUR', NULL FROM generate_series(1, 6000) AS n
"""
WRONG = """
SELECT 294000 - count(*) FROM orders WHERE created_at = '2026-01-01'
AND invoice_number = CASE user_id WHEN 1 THEN 'K-' || amount_cents ELSE 'k-' || amount_cents || '/' || id END
"""
BY_RULE = (
    "Look at orders of the same moment, at orders without a number, at numbers in small letters, and at what is "
    "earliest by `created_at`."
)


class InvoiceNumbers(FilesJudge):
    exercise = "10.1"
    stub_fails = "upgrade"
    changes = (f"orders.{NUMBERS}",)
    writes = ("orders.invoice_number",)
    as_shown = ("orders",)
    causes = {
        "F69": (
            "Some numbers are there more than once when the index is built.",
            "Count them with the rule of the index, and let the revision give them other numbers first.",
        )
    }

    def numbers(self) -> None:
        """of the orders with the same number, in capitals or not, the earliest keeps it, and the others have `/` and
        their id after it; all other numbers are as they were"""
        rule = by_rule(self.start.rows_of("orders"))
        self.expect_values("orders.invoice_number", rule, where=self.head, next_step=BY_RULE)

    def refused(self) -> None:
        """after the upgrade the database refuses a number that is taken, in capitals or not, and takes other orders;
        so does a new database"""
        for database in (self.upgraded("the database"), self.new[0]):
            orders = database.schema().table("orders")
            index = orders.index(NUMBERS) if orders else None
            self.expect(
                index and index.unique and "lower" in str(index) and (index.where or "").strip("()") in ("", NUMBERED),
                expected=f"In {database.name} `{NUMBERS}` is what the model says: unique, on `lower(invoice_number)`.",
                found=f"`{NUMBERS}` is {index or 'not there'}.",
                next_step="Compare the revision with the model. An index with a condition refuses nothing beyond it.",
            )
            self.expect_none(
                not_valid(database.schema(), "orders"),
                expected=f"In {database.name} the index is valid.",
                next_step="What does a concurrent build leave behind when it fails?",
            )
            values = (f"'N-{n}' FROM users" for n in (1, 2))
            taken = [USER, *(f"{ORDER}, '2026-03-02 10:00:00', 'EUR', {each}" for each in (*values, *NONE))]
            self.expect_taken(database, *taken, expected="Other numbers are taken, and orders without one.")
            self.expect_refused(
                database,
                *(f"{ORDER}, '2026-03-02 10:00:00', 'EUR', '{each}' FROM users" for each in ("N-1", "n-1")),
                expected="`N-1` is taken, and so is `n-1`.",
                next_step="Try an `INSERT` with each of them after the upgrade.",
            )

    def books(self) -> None:
        """if you go back, the new numbers stay, and the next upgrade leaves them as they are"""
        lived = self.walk.lived.known_values_of("orders.invoice_number")
        then = "Leave the numbers in `downgrade()`, and let `upgrade()` change only those that are taken."
        self.expect_stays("orders.invoice_number", lived, next_step=then)

    def many_orders(self) -> None:
        """with 300,000 more orders the upgrade finishes within three minutes, by the same rule"""
        wrong = self._noted.copy.sql(WRONG).scalar
        self.expect(
            not wrong,
            expected="The numbers of 300,000 more orders are as the rule says.",
            found=f"{wrong:,} of them are not.",
            next_step="Look at the first and the last id that the revision reaches.",
        )

    def open_doors(self) -> None:
        """no transaction keeps people out of `orders` while it reads or changes much of it (300,000 orders)"""
        self._noted.expect_open_doors(MOST_ROWS, next_step=BUILDS)

    def small_steps(self) -> None:
        """no transaction changes more than 5,000 orders (of 300,000; 4,000 need another number, 6,000 have none)"""
        then = "Write only the orders that need another number. Those without a number are in one group, of NULL."
        self._noted.expect_small_steps(MOST_ROWS, next_step=then)

    def late(self) -> None:
        """a till sends a number a second time just before it is refused: the upgrade, or the same command once more,
        succeeds, and the rule holds"""
        before, now = after_a_late_row(self, LATE, "orders")
        late = [row | {"invoice_number": LATE_NUMBER} for row in now.new_rows("orders", before)]
        rule = by_rule([*before.rows_of("orders"), *late])
        self.expect_values("orders.invoice_number", rule, where=now, next_step=BY_RULE)

    only_on = dict.fromkeys(("many_orders", "open_doors", "small_steps", "late"), "postgres")

    @cached_property
    def _noted(self) -> Noted:
        many = self.fresh("a copy with many orders", watched=False, sql=TWICE)
        return noted_upgrade(many, "orders", seconds=MANY_SECONDS)


NONE = ("NULL FROM users",) * 2


def by_rule(orders: list[dict[str, Any]]) -> dict[int, str | None]:
    """The invoice number of each order by its id, as finance wants it."""
    taken: set[str] = set()
    numbers: dict[int, str | None] = {}
    for row in sorted(orders, key=lambda row: (str(row["created_at"]), row["id"])):
        number = row["invoice_number"]
        is_taken = number is not None and number.lower() in taken
        numbers[row["id"]] = f"{number}/{row['id']}" if is_taken else number
        taken.add((number or "").lower())
    return numbers


# --------------------------------------------------------------------------------------------------- 10.2: a red build

STATUS, REFERENCE, CREATED = "ix_orders_status", "uq_warehouse_reference", "ix_orders_created_at"
WANTED = {STATUS: "on (status)", REFERENCE: "unique on (reference)", CREATED: "on (created_at)"}
FILES = """
    SELECT array_agg(a.attname ORDER BY a.attname)::text, pg_relation_filenode(i.indexrelid)
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = 'orders'::regclass GROUP BY i.indexrelid ORDER BY 2
"""


class RedBuild(FilesJudge):
    exercise = "10.2"
    stub_fails = "names"
    changes = ("orders.orders_status_idx", f"orders.{STATUS}")

    def names(self) -> None:
        """after the upgrade `orders` has the three indexes, each under the name that the ticket gives it, and no second
        one on the same column"""
        table = self.head.schema.table("orders")
        found = {each.name: str(each) for each in (table.indexes if table else ())}
        found |= {each.name: f"a constraint, {each}" for each in (table.uniques if table else ())}
        wrong = [f"`{name}` is {found.get(name, 'not there')}" for name in WANTED if found.get(name) != WANTED[name]]
        wrong += [f"there is `{name}` as well, {is_}" for name, is_ in found.items() if name not in WANTED]
        self.expect_none(
            wrong,
            expected=f"{', '.join(f'`{name}` {is_}' for name, is_ in WANTED.items())}, and no other index.",
            most=5,
            next_step="Read in the ticket who relies on which index, and on which name.",
        )

    def model(self) -> None:
        """each index is in the database what its model says: kind, columns, order, condition"""
        made = self.empty("a database that the models make")
        made_it = run_program(made, "db.create_all()")
        self.expect_success(made_it, made, expected="A program can make the tables of the models.")
        tables = [each.table("orders") for each in (made.schema(), self.head.schema)]
        says, has = ({str(each.name): str(each) for each in table.indexes} if table else {} for table in tables)
        self.expect_none(
            [
                f"`{name}` is {is_} in the database, and {says[name]} in the model"
                for name, is_ in has.items()
                if says.get(name, is_) != is_
            ],
            expected="Database and models say the same about each index of `orders`.",
            cause="`flask db check` compares the columns of an index, and whether it is unique. It passes over its "
            "method, its condition and the like.",
            next_step="Let the model say what the database has, and no more.",
        )

    def not_built_again(self) -> None:
        """on the way up and back, each index stays what it is on disk"""
        copy = self.fresh("production", watched=False)
        before = copy.sql(FILES).rows
        copy.reach()
        for when in ("after the upgrade", "after the downgrade"):
            built = [columns.strip("{}") for columns, file in copy.sql(FILES).rows if (columns, file) not in before]
            self.expect_none(
                [
                    f"{when[:1].upper()}{when[1:]} the index on `{each}` has another file: it was built."
                    for each in built
                ],
                expected="Each index of `orders` has the file that it had.",
                next_step="Postgres can change the name of an index without touching the index.",
            )
            copy.must(f"db downgrade {self.back_to}")

    only_on = {"not_built_again": "postgres"}


# ------------------------------------------------------------------------------------------------------ 10.3: the cards

CARDS, NIGHT = "ix_users_card_number", "ix_users_card_number_ccnew"
CARD = "INSERT INTO users (email, timezone, is_active, card_number) VALUES ('{}@example.com', 'UTC', true, '{}')"
MANY_USERS = """
    ALTER TABLE users SET (autovacuum_enabled = false);
    INSERT INTO users (email, timezone, is_active, card_number)
    SELECT n || '@example.com', 'UTC', true, CASE WHEN n > 6000 THEN 'M-' || n END FROM generate_series(1, 50000) AS n
"""
NEW_CARD = "SET lock_timeout = '300ms'; UPDATE users SET card_number = 'C-9000' WHERE id = 21"  # who shares C-1003
WRITES = re.compile(r"\bupdate\b", re.IGNORECASE)
BY_HAND = "UPDATE users SET card_number = NULL WHERE id IN ({})"
OTHER_INDEX = "ix_orders_status_once"  # a build that fails leaves the same as one that is under way
UNDER_WAY = f"CREATE UNIQUE INDEX CONCURRENTLY {OTHER_INDEX} ON orders (status)"
STAGING = f"""
    DROP INDEX {NIGHT}; DROP INDEX {CARDS};
    UPDATE users SET card_number = 'S-' || id WHERE card_number IS NOT NULL;
    CREATE UNIQUE INDEX {CARDS} ON users (card_number)
"""


class Cards(FilesJudge):
    exercise = "10.3"
    stub_fails = "cards"
    changes = (f"users.{CARDS}", f"users.{NIGHT}")
    writes = ("users.card_number",)
    as_shown = ("users",)
    last = ("no_other_change", "rows_kept", "new_database", "past", "no_drift")
    causes = {
        "F69": (
            "Some cards have several owners when the index is built.",
            "Count them, and let the revision apply the rule of support first.",
        )
    }

    def cards(self) -> None:
        """of the users with the same card, the one with the lowest id keeps it, and the others have none"""
        rule = first_owners(self.start.rows_of("users"))
        self.expect_values("users.card_number", rule, where=self.head, next_step="Read the rule of support again.")

    def indexes(self) -> None:
        """after the upgrade `users` has a valid unique index on `card_number`, and none that is not valid"""
        self._expect_index(self.head, "the upgrade")

    def open_doors(self) -> None:
        """no transaction keeps people out of `users` while it reads or changes much of it (50,000 users)"""
        many = self.fresh("a copy with many users", watched=False, sql=MANY_USERS)
        noted = noted_upgrade(many, "users", seconds=MANY_SECONDS)
        noted.expect_open_doors(MOST_ROWS, next_step=BUILDS)
        then = "Write only the users who have to give a card back. Those without a card are in one group, of NULL."
        noted.expect_small_steps(MOST_ROWS, next_step=then)

    def staging(self) -> None:
        """staging, where the index is valid and no card has two owners, goes through the same revisions, and nothing of
        it changes"""
        staging = self.fresh("staging", watched=False, sql=STAGING)
        before = staging.snapshot()
        now = staging.upgrade()
        self.expect_same_schema(before, now, next_step="Let the revision work on a database without a broken index.")
        then = "The same ids belong to other people there. Let the statement find the rows by the rule."
        self.expect_values("users.card_number", before.values_of("users.card_number"), where=now, next_step=then)

    def late(self) -> None:
        """a card is handed out a second time just before it is refused: the upgrade, or the same command once more,
        succeeds, and the rule holds"""
        before, now = after_a_late_row(self, CARD.format("late", "C-1001"), "users")
        late = [row | {"card_number": "C-1001"} for row in now.new_rows("users", before)]
        rule = first_owners([*before.rows_of("users"), *late])
        self.expect_values("users.card_number", rule, where=now, next_step="Read the rule of support again.")

    def new_card(self) -> None:
        """a user who comes by for a new card while the upgrade runs keeps that card"""
        statements = Interruptions(self.fresh("the database", watched=False)).statements(UPGRADE)
        places = [n for n, each in enumerate(statements, start=1) if WRITES.search(each)] or [len(statements)]
        copy = self.fresh("the database with a new card", watched=False)
        with Interruptions(copy).paused_before(places[0], UPGRADE) as upgrade:
            is_given = not copy.refusal(NEW_CARD)
            completed = upgrade.completed()
        then = "Let the statement that takes a card away look again at who has it."
        self.expect_success(
            completed, copy, expected="The upgrade succeeds while somebody gets a new card.", next_step=then
        )
        if is_given:
            new = {21: "C-9000"}
            self.expect_values("users.card_number", new, where=copy.snapshot(), next_step=then)

    def elsewhere(self) -> None:
        """where no card has two owners any more, the index is repaired as well; an invalid index of another table,
        which a colleague may be building, stays"""
        rule, had = first_owners(self.start.rows_of("users")), self.start.values_of("users.card_number")
        late = ", ".join(str(id_) for id_, card in had.items() if card != rule[id_])
        copy = self.fresh("a database without duplicates", watched=False, sql=BY_HAND.format(late))
        copy.refusal(UNDER_WAY)
        now = copy.upgrade()
        self._expect_index(now, "the upgrade")
        orders = now.schema.table("orders")
        self.expect(
            orders and orders.index(OTHER_INDEX),
            expected=f"`{OTHER_INDEX}`, which is not valid yet, is still there.",
            found="It was dropped.",
            cause="The revision drops every index that is not valid, of whatever table.",
            next_step="Drop the indexes of `users` that are left from a failed build of this one.",
        )

    def killed(self) -> None:
        """when a run is killed, the next one completes the repair"""
        statements = Interruptions(self.fresh("the database", watched=False)).statements(UPGRADE)
        for crash in crashes(lambda: self.fresh(watched=False), UPGRADE, statements, meanwhile="SELECT 1"):
            crash.expect_recovery(next_step="Ask about each statement: what if it has run already?")
            self._expect_index(crash.after, "a run that was killed, and the next one,")

    def way_back(self) -> None:
        """at `0017`, after a downgrade, the rule is still in force"""
        self._expect_index(self.walk.back(), "the downgrade")

    def _expect_index(self, where: Snapshot, when: str) -> None:
        table = where.schema.table("users")
        index = table.index(CARDS) if table else None
        wrong = not_valid(where.schema, "users")
        if index is None or (str(index) != "unique on (card_number)" and not wrong):
            wrong = [f"`{CARDS}` is {index or 'not there'}"]
        self.expect_none(
            wrong,
            expected=f"After {when} `{CARDS}` is there, unique and valid, and no index of `users` is invalid.",
            next_step="`SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid` finds them all.",
        )


def first_owners(users: list[dict[str, Any]]) -> dict[int, str | None]:
    """The card of each user by the id, as support wants it."""
    owners: dict[str | None, int] = {}
    for row in sorted(users, key=lambda row: row["id"]):
        owners.setdefault(row["card_number"], row["id"])
    return {row["id"]: row["card_number"] if owners[row["card_number"]] == row["id"] else None for row in users}
