"""Lesson 10: what the result of each exercise must be."""

import re
from functools import cached_property
from typing import Any

from migration_lab.checking import Database, FilesJudge
from migration_lab.checking.interruptions import Interruptions
from migration_lab.checking.running import run, why_it_failed
from migration_lab.checking.transactions import Noted, noted_upgrade
from migration_lab.checking.vocabulary import not_valid

UPGRADE = "db upgrade"
MANY_SECONDS = 60.0  # so that a revision may work in batches, with pauses
MOST_ROWS = 5_000  # as operations ask for in the ticket of 10.1

# ------------------------------------------------------------------------------------------------ 10.1: invoice numbers

USER = "INSERT INTO users (email, timezone, is_active) VALUES ('till@example.com', 'UTC', true)"
COLUMNS = "user_id, amount_cents, status, created_at, currency, invoice_number"
ORDER = f"INSERT INTO orders ({COLUMNS}) SELECT max(id), 5, 'paid'"
LATE = f"{ORDER}, '2026-03-01 10:00:00', 'EUR', 'r-4' FROM users"
MANY_ORDERS, MANY_TWICE = 296_000, 4_000
TWICE = """
INSERT INTO orders (user_id, amount_cents, status, created_at, currency, invoice_number)
SELECT 1, n, 'paid', '2026-01-01 00:00:00.000000', 'EUR', 'K-' || n FROM {numbers} WHERE n <= {orders};
INSERT INTO orders (user_id, amount_cents, status, created_at, currency, invoice_number)
SELECT 2, n, 'paid', '2026-01-01 00:00:00.000000', 'EUR', 'k-' || n FROM {numbers} WHERE n <= {twice};
"""
SERIES = {
    "postgres": f"generate_series(1, {MANY_ORDERS}) AS n",
    "sqlite": f"(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {MANY_ORDERS}) "
    "SELECT n FROM s)",
}
WRONG = """
SELECT count(*) FROM orders WHERE created_at = '2026-01-01 00:00:00.000000' AND (
    user_id = 1 AND invoice_number IS DISTINCT FROM 'K-' || amount_cents
    OR user_id = 2 AND invoice_number IS DISTINCT FROM 'k-' || amount_cents || '/' || id
)"""
BY_RULE = "Look at orders of the same moment, at numbers in small letters, and at what is earliest by `created_at`."


class InvoiceNumbers(FilesJudge):
    exercise = "10.1"
    stub_fails = "upgrade"
    changes = ("orders.ix_orders_invoice_number_lower",)
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
        upgraded = self.fresh("the database", watched=False)
        upgraded.reach()
        for database in (upgraded, self.new[0]):
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
        self.walk.again()
        lived = self.walk.lived.known_values_of("orders.invoice_number")
        for stop in self.walk.stops[1:]:
            self.expect_values(
                "orders.invoice_number",
                lived,
                where=stop.snapshot,
                cause=f"They are others {stop.when}.",
                next_step="Leave the numbers in `downgrade()`, and let `upgrade()` change only those that are taken.",
            )

    def many_orders(self) -> None:
        """with 300,000 more orders the upgrade finishes within a minute, by the same rule"""
        wrong = self._grown.sql(WRONG).scalar
        self.expect(
            not wrong,
            expected="The numbers of 300,000 more orders are as the rule says.",
            found=f"{wrong:,} of them are not.",
            next_step="Look at the first and the last id that the revision reaches.",
        )

    def open_doors(self) -> None:
        """no transaction keeps people out of `orders` while it reads or changes much of it (300,000 orders)"""
        self._noted.expect_open_doors(MOST_ROWS)

    def small_steps(self) -> None:
        """no transaction changes more than 5,000 orders (of 300,000)"""
        self._noted.expect_small_steps(MOST_ROWS)

    def late(self) -> None:
        """a till sends a number a second time just before it is refused: the upgrade, or the same command once more,
        succeeds, and the rule holds"""
        statements = Interruptions(self.fresh("the database", watched=False)).statements(UPGRADE)
        last = [n for n, each in enumerate(statements, start=1) if re.search("unique", each, re.IGNORECASE)]
        copy = self.fresh("the database with a busy till", watched=False)
        before = copy.snapshot()
        with Interruptions(copy).paused_before(last[-1] if last else len(statements), UPGRADE) as upgrade:
            copy.refusal(LATE)
            first = upgrade.completed()
        again = run(copy, UPGRADE) if first.exit_code else first
        self.expect(
            again.exit_code == 0,
            expected="When a run has failed because of a number that came twice, the next one succeeds.",
            found="A till sent `r-4` just before the rule was in force. "
            f"The next run ended with exit code {again.exit_code}.",
            cause=why_it_failed(again) or "What gives the numbers counted as done, and was not run again.",
            next_step="What would a second run do: with the duplicate, and with what the failed build has left?",
        )
        now = copy.snapshot()
        self.expect_none(
            not_valid(now.schema, "orders"),
            expected="Then the index is valid.",
            cause="The second run took what the failed build had left for a good index.",
            next_step="Let each run drop what is there, and build it.",
        )
        late = [row | {"invoice_number": "r-4"} for row in now.new_rows("orders", before)]
        rule = by_rule([*before.rows_of("orders"), *late])
        self.expect_values("orders.invoice_number", rule, where=now, next_step=BY_RULE)

    only_on = dict.fromkeys(("open_doors", "small_steps", "late"), "postgres")

    @cached_property
    def _grown(self) -> Database:
        """A copy with many orders, after the upgrade."""
        if self.engine == "postgres":
            return self._noted.copy
        many = self._many()
        many.reach(seconds=MANY_SECONDS)
        return many

    @cached_property
    def _noted(self) -> Noted:
        return noted_upgrade(self._many(), "orders", seconds=MANY_SECONDS)

    def _many(self) -> Database:
        sql = TWICE.format(numbers=SERIES[self.engine], orders=MANY_ORDERS, twice=MANY_TWICE)
        return self.fresh("a copy with many orders", watched=False, sql=sql)


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
        wrong = [f"`{name}` is {found.get(name, 'not there')}" for name in WANTED if found.get(name) != WANTED[name]]
        wrong += [f"there is `{name}` as well, {is_}" for name, is_ in found.items() if name not in WANTED]
        self.expect_none(
            wrong,
            expected=f"{', '.join(f'`{name}` {is_}' for name, is_ in WANTED.items())}, and no other index.",
            most=5,
            next_step="Read in the ticket who relies on which index, and on which name.",
        )

    def not_built_again(self) -> None:
        """on the way up and back, each index stays what it is on disk"""
        copy = self.fresh("production", watched=False)
        before = copy.sql(FILES).rows
        copy.reach()
        for when in ("after the upgrade", "after the downgrade"):
            self.expect(
                copy.sql(FILES).rows == before,
                expected="Each index of `orders` has the file that it had.",
                found=f"{when[:1].upper()}{when[1:]} one has another file: it was dropped and built again.",
                next_step="Postgres can change the name of an index without touching the index.",
            )
            copy.must(f"db downgrade {self.back_to}")

    only_on = {"not_built_again": "postgres"}
