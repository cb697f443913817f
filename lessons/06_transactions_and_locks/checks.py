"""Lesson 06: the judges of its exercises."""

import re
from collections import Counter
from functools import cached_property
from typing import Any

from migration_lab.instruments.schema import diff
from migration_lab.teaching.judging import Database, FilesJudge, Snapshot, listed
from migration_lab.teaching.judging.interruptions import Crash, Interruptions, crashes, meetings
from migration_lab.teaching.judging.rows import MayChange
from migration_lab.teaching.judging.running import run, why_it_failed
from migration_lab.teaching.judging.under_traffic import Deploy, deploy_behind_report
from migration_lab.teaching.judging.vocabulary import not_valid
from migration_lab.teaching.judging.waiting import cancelled, deadlocks_behind, held_up_behind_a_reader
from migration_lab.teaching.judging.way_back import UNDO
from migration_lab.teaching.judging.words import code_of, text_of

SHOP, BILLING = "db upgrade", "db upgrade --directory billing"
SHOPS, BILLINGS = ("users.gift_hints", "orders.gift_note"), ("users.vat_number", "orders.invoice_number")

# ----------------------------------------------------------------------------------------------- 06.1: under requests

BOUND_SECONDS = 1.3  # the second of the ticket, and what a busy server adds; the timeout in env.py lets 2 happen
AS_IN_THE_TICKET = {"seconds": 5.0, "pause": 0.3}
# The report of the check is seconds old: a revision that ends only what is older than an hour leaves it alone here.
ENDS_OTHERS = re.compile(r"pg_(terminate|cancel)_backend", re.IGNORECASE)
CUSTOMERS = (
    ("GET", "/users/{id}", None),
    ("POST", "/orders", {"user_id": "{id}", "amount_cents": 1250}),
    ("GET", "/users/{id}/orders", None),
)


class MonthlyReport(FilesJudge):
    exercise = "06.1"
    stub_fails = "bound"
    changes = SHOPS
    last = FilesJudge.last[:-1]  # the models come with the next release

    def columns(self) -> None:
        """`users.gift_hints` and `orders.gift_note` are there after the upgrade: optional, 200 characters"""
        for name in SHOPS:
            self.expect_column(name, where=self.head, length=200)

    def report(self) -> None:
        """nothing ends the report, which has read `orders` in a transaction that is still open"""
        self.expect(
            self._deploy.left_report_alone,
            expected="The report's transaction stays open until the report itself ends it.",
            found="It was ended earlier.",
            cause="A migration ended the report's session.",
            next_step=LEAVE_ALONE,
        )
        self.expect_none(
            self._files_that_end_others(),
            expected="No revision ends what another session does.",
            heading="`pg_terminate_backend` or `pg_cancel_backend` is called in:",
            cause="Whatever it asks before, one day it meets a report.",
            next_step=LEAVE_ALONE,
        )

    def lands(self) -> None:
        """the deploy repeats `flask db upgrade` until it succeeds, and then the columns are there"""
        live, last = self._deploy.live, self._deploy.last
        self.expect_success(
            last,
            live.copy,
            expected="`flask db upgrade` succeeds once the report has ended.",
            heading="No run succeeds. The last one said:",
            cause=why_it_failed(last),
            next_step="Let a run that fails leave nothing behind, or let the next one skip what is there.",
        )
        self.expect_none(  # customers have ordered and paid since
            self.head.differences(live.copy.snapshot(), MayChange(business=True)),
            expected="After the run that succeeds, the database holds what the upgrade makes without a report.",
            heading="The last run ends with exit code 0, but:",
            cause="An error was swallowed, so the deploy mistakes the run for a success.",
            next_step="Let the upgrade fail if it cannot lock the table.",
        )

    def answered(self) -> None:
        """every request is answered in the meantime, and a limit is set for the migration alone"""
        live = self._deploy.live
        is_limit = any("lock" in each or "timeout" in each for each in live.failed)
        self.expect_none(
            live.failed,
            expected="Every request is answered.",
            cause="The limit that was meant for the migration applies to the requests too." if is_limit else "",
            next_step="Set limits on the migration's own connection only. The models stay as they are for now.",
        )
        self.expect_none(
            live.copy.settings(),
            expected="The database has no settings of its own, as before.",
            heading="Each new session gets these now:",
            cause="`ALTER DATABASE` or `ALTER ROLE ... IN DATABASE` sets them for every session, permanently.",
            next_step="Use `SET LOCAL`: it ends with the transaction.",
        )

    def bound(self) -> None:
        """no request waits for a lock for more than a second, however long the report stays, and whenever one begins"""
        self.expect(
            self._deploy.live.longest_wait <= BOUND_SECONDS,
            expected="No request waits for a lock for more than a second.",
            found="At least one waits longer, behind `flask db upgrade`.",
            cause="The upgrade waits in line for too long at a time, or keeps one lock while it waits for another.",
            next_step="Look at how long it may wait for each lock (in the revision, `SHOW lock_timeout`; 0 is no "
            "limit), and at what it holds by then.",
        )
        for at in (self.back_to, *self.traces.new_revisions[:-1]):

            def begun(at: str = at) -> Database:
                copy = self.fresh(watched=False)
                if at != self.back_to:
                    copy.reach(at)
                return copy

            self.expect_none(
                held_up_behind_a_reader(begun, SHOP, "orders", seconds=BOUND_SECONDS),
                expected="The same when a report begins in the middle of the upgrade.",
                heading=f"In a run that begins at `{at}`, a request waits longer if a report begins just before this:",
                cause="What the revision has looked for before may be there when it locks the table."
                if at == self.back_to
                else "A run that failed has got as far as that. The next one does not run the revisions before again, "
                "nor what they have set.",
                next_step="Limit how long the statement itself waits.",
            )

    def _files_that_end_others(self) -> list[str]:
        """The Python files whose code ends what another session does; comments and docstrings do not count."""
        folder = self.traces.database.folder
        files = [each for each in (*self.traces.changed, *self.traces.added) if each.endswith(".py")]
        return [f"`{each}`" for each in files if ENDS_OTHERS.search(code_of(text_of(folder / each)))]

    @cached_property
    def _deploy(self) -> Deploy:
        return deploy_behind_report(self.fresh(), SHOP, "orders", mix=CUSTOMERS, **AS_IN_THE_TICKET)


LEAVE_ALONE = "Leave the report alone. The upgrade has to wait without blocking others."

# -------------------------------------------------------------------------------------------------- 06.2: interrupted

# By a customer who has never ordered, and by one who has.
TWO_MORE_ORDERS = """
    INSERT INTO orders (user_id, amount_cents, status, created_at)
    SELECT id, 0, 'paid', '2026-02-01 05:00:00' FROM users WHERE id IN (
        (SELECT min(id) FROM users WHERE id NOT IN (SELECT user_id FROM orders)), (SELECT min(user_id) FROM orders)
    ) ORDER BY id
"""

BOOKING: dict[str, Any] = {
    "user_id": {"kind": "integer"},
    "points": {"kind": "integer"},
    "reason": {"kind": "text", "length": 40},
}
OPEN_ORDER = "UPDATE orders SET status = status WHERE id = (SELECT min(id) FROM orders)"  # the build waits for it


class WelcomePoints(FilesJudge):
    exercise = "06.2"
    stub_fails = "again"
    changes = ("point_bookings", "orders.ix_orders_user_id")
    writes = fills = ("point_bookings",)

    def points(self) -> None:
        """after the upgrade each customer who has ordered has 10 welcome points, once; `orders.user_id` is indexed, and
        `point_bookings` has the columns of its model"""
        for name, is_ in BOOKING.items():
            self.expect_column(f"point_bookings.{name}", where=self.head, nullable=False, **is_)
        times = ("After the first upgrade:", "After the second upgrade:", "After an upgrade with two more orders:")
        for when, snapshot in zip(times, (*self.heads, self._undisturbed[1]), strict=True):
            self.expect_none(
                mistakes(snapshot),
                expected="Each customer in `orders` has one booking of 10 points for `welcome`, and there is an index.",
                heading=when,
                most=4,
                next_step="Compare `point_bookings` with the customers in `orders`, and the index with the model.",
            )

    def again(self) -> None:
        """wherever the upgrade dies, running the same command again succeeds"""
        for crash in self._crashes:
            then = "For each step, ask: what if it was done already? The two engines keep different things."
            crash.expect_recovery(next_step=then)

    def once(self) -> None:
        """after the second run, schema and points are as if nothing had died, even if orders come between the two"""
        for crash in self._crashes:
            wrong = mistakes(crash.after, crash.left)
            skipped = "A step was skipped because of a trace of the first run." if wrong else ""
            self.expect_none(
                [*self._undisturbed[1].differences(crash.after, self.may), *wrong],
                expected="Schema, rows and points are the same as after a run that was not interrupted.",
                heading=f"{crash.when}\nThen two customers ordered, one for the first time. After the second run:",
                cause="A step was done twice." if any("too many" in each for each in wrong) else skipped,
                next_step="Let each step check for what it makes itself: the table can be there without its rows.",
            )

    @cached_property
    def _undisturbed(self) -> tuple[list[str], Snapshot]:
        """The statements of a run, and what it makes of a database with two more orders."""
        whole = self.fresh("the database", sql=TWO_MORE_ORDERS)
        return Interruptions(whole).statements(SHOP), whole.snapshot()

    @cached_property
    def _crashes(self) -> list[Crash]:
        died = list(crashes(self.fresh, SHOP, self._undisturbed[0], meanwhile=TWO_MORE_ORDERS))
        if self.engine != "postgres":
            return died
        inside = cancelled(self.fresh, SHOP, behind=OPEN_ORDER, meanwhile=TWO_MORE_ORDERS)
        return [*died, *([inside] if inside else [])]


def mistakes(where: Snapshot, left: Snapshot | None = None) -> list[str]:
    """What the ticket asks for and is not there. Those who ordered after points were booked in `left` may have none."""
    bookings, orders, table = where.rows_of("point_bookings"), where.rows_of("orders"), where.schema.table("orders")
    has_index = table and any(each.columns == ("user_id",) for each in table.indexes)
    early = {row["user_id"] for row in (left.rows_of("orders") if left and left.rows_of("point_bookings") else orders)}
    booked = Counter((row.get("user_id"), row.get("points"), row.get("reason")) for row in bookings)
    due = Counter({(row["user_id"], 10, "welcome"): 1 for row in orders})
    few = [booking for booking in due - booked if booking[0] in early]
    return (not_valid(where.schema, "orders") if has_index else ["`orders.user_id` has no index"]) + [
        f"the user with id {user} has too {word} bookings of {points} points for {reason!r}"
        for counted, word in ((booked - due, "many"), (few, "few"))
        for user, points, reason in sorted(counted, key=repr)
    ]


# ------------------------------------------------------------------------------------------ 06.3: two that may meet

VERSIONS = "alembic_version_billing"
OWN_COMMAND = "Each team still runs its own command, and gets its own two columns from it."
ORDER = "For each of the two, write down in which order one transaction locks the tables."


class TwoDeploys(FilesJudge):
    exercise = "06.3"
    stub_fails = "no_deadlock"
    changes = SHOPS
    by_hand = (*BILLINGS, VERSIONS)  # in the learner's own database, when billing's command has run
    last = FilesJudge.last[:-1]  # the models come with the next release

    def both(self) -> None:
        """each command, run alone, brings its own two columns and nothing else; billing's downgrade removes them"""
        for name in SHOPS:
            self.expect_column(name, where=self.head, length=200, next_step=OWN_COMMAND)
        copy = self.fresh("the database of billing's commands")
        own, alone = Interruptions(copy).statements(BILLING), copy.snapshot()
        changes = [each for each in diff(self.start.schema, alone.schema) if VERSIONS not in (each.subject, each.name)]
        self.expect(
            {f"{each.subject}.{each.name}" for each in changes} == {*BILLINGS},
            expected=f"`flask {BILLING}` brings billing's two columns, and nothing else.",
            found=listed([*map(str, changes)]) or "It brings nothing.",
            next_step=OWN_COMMAND,
        )
        for name in BILLINGS:
            self.expect_column(name, where=alone, length=20, next_step=OWN_COMMAND)
        self.expect_rows(self.start, alone, next_step=OWN_COMMAND)
        copy.must(BILLING)  # which has nothing left to do
        copy.must("db downgrade base --directory billing")
        self.expect_same_schema(self.start, copy.snapshot(), besides=(VERSIONS,), next_step=UNDO)
        copy.must(BILLING)
        self._alone = {SHOP: Interruptions(copy).statements(SHOP), BILLING: own}
        self._after_both = copy.snapshot()

    def no_deadlock(self) -> None:
        """wherever the two commands meet, both succeed without a deadlock, and all four columns are there"""
        for met in meetings(self.fresh, self._alone):
            self.expect_none(
                met.errors, expected="Both commands succeed.", heading=met.when, cause=met.why, next_step=ORDER
            )
            differ = self._after_both.differences(met.after, self.may)
            again = "The command that Postgres stops tries again. The two can still block each other."
            self.expect_none(
                differ or ["Postgres had to resolve a deadlock between them first."] * (met.deadlocks > 0),
                expected="Afterwards the database holds what both commands bring, and there was no deadlock.",
                heading=f"{met.when} Both ended with exit code 0, but:",
                cause="An error was swallowed: a command reports success although it failed." if differ else again,
                next_step=ORDER,
            )
        for table, deadlocks in deadlocks_behind(self.fresh, BILLING, SHOP, ("users", "orders")):
            self.expect(
                not deadlocks,
                expected="There is no deadlock between the two commands, whatever both wait for.",
                found=f"Both waited for a report on `{table}`. When it ended, Postgres had to resolve a deadlock.",
                cause="One statement takes several locks one after the other, as `LOCK TABLE` does in the order of its "
                "tables. The other command takes them in another order.",
                next_step=ORDER,
            )

    def again(self) -> None:
        """a command that dies at its last statement can be run again"""
        for command, statements in self._alone.items():
            copy = self.fresh("the database in which it died", watched=False)
            Interruptions(copy).die_before(len(statements), command)
            second = run(copy, command)
            self.expect_success(
                second,
                copy,
                expected=f"When `flask {command}` has died, running it again helps.",
                heading="The second run fails:",
                cause=why_it_failed(second),
                next_step="A run that dies leaves nothing behind if its transaction stays whole. Otherwise let each "
                "statement check what is there.",
            )
