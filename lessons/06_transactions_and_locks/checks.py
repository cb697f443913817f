"""Lesson 06: what the result of each exercise must be."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import shorten
from threading import Event, Thread

from migration_lab import locks
from migration_lab.checking import (
    DOWNGRADE,
    NO_DRIFT,
    NO_OTHER_CHANGE,
    ROWS_KEPT,
    UPGRADE,
    UPGRADE_AGAIN,
    Expectation,
    Trial,
    judges,
)
from migration_lab.checking.copies import Copy
from migration_lab.checking.interruptions import Interruptions, in_background, wait_until_blocked
from migration_lab.checking.under_traffic import STOPPED, Live, under_traffic
from migration_lab.checking.words import error_in, listed
from migration_lab.process import Completed
from migration_lab.schema import diff

REPORT_SECONDS = 2.5  # for which the report stays after the deploy has met it
BOUND_SECONDS = 1.0  # a right answer needs 0.1 to 0.3, and the timeout that is in env.py lets 2 happen
ATTEMPTS = 25  # of the deploy after the report has gone
PAUSE_SECONDS = 0.3
CUSTOMERS = (
    ("GET", "/users/{id}", None),
    ("POST", "/orders", {"user_id": "{id}", "amount_cents": 1250}),
    ("GET", "/users/{id}/orders", None),
)
# Of this database alone: other notebooks share the server, and may have a report of their own.
REPORTS = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'report' AND datname = current_database()
"""
WELCOME = "SELECT user_id, points, reason FROM point_bookings ORDER BY user_id, points, reason"
BILLING = ("db", "upgrade", "--directory", "billing")
SHOP = ("db", "upgrade")


# ----------------------------------------------------------------------------------------------- 06.1: under requests


@judges(
    "06.1",
    UPGRADE,
    Expectation(
        "columns",
        "`users.gift_hints` and `orders.gift_note` are there after the upgrade: text, up to 200 characters, optional",
        cause="A column was left out, because the report is in its way.",
        next_step="Both columns have to come. Only the way in which they wait is yours to choose.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    Expectation(
        "report",
        "the report, which has read `orders` in a transaction, is not ended by anybody",
        cause="A migration has ended the session of the report.",
        next_step="Let the report be. The upgrade has to find its moment after it.",
    ),
    Expectation(
        "lands",
        "the deploy runs `flask db upgrade`, again and again until it succeeds, and the columns are there when it has",
        cause="An error was swallowed, so that the upgrade says that it has succeeded; or no run ever succeeds.",
        next_step="Let the upgrade fail while the table cannot be had. The deploy runs it again.",
    ),
    Expectation(
        "answered",
        "meanwhile every request is answered",
        cause="What was meant for the migration hits the requests too, or the models know the columns already.",
        next_step="Work on the migration's own connection only: in the revision, or in `migrations/env.py`.",
    ),
    Expectation(
        "bound",
        "meanwhile no request waits for a lock for longer than a second",
        cause="The upgrade stands in line for too long at a time, or it keeps a lock while it waits for another one.",
        next_step="Look at how long it may wait for each lock, and at what it holds by then.",
    ),
    stub_fails="bound",
)
def judge_behind_the_report(trial: Trial) -> None:
    trial.upgrade()
    missing = missing_columns(trial, "users.gift_hints", "orders.gift_note")
    trial.expect("columns", not missing, expected="Both columns are there.", found=listed(missing))
    trial.no_other_change("users.gift_hints", "orders.gift_note")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    copy = trial.fresh()
    with under_traffic(copy, mix=CUSTOMERS) as live:
        live.wait_for(10)
        with report_on_orders(copy, live) as was_there:
            last = deployed(live, report_has_gone=lambda: bool(was_there))
        live.wait_for(10)
    trial.expect(
        "report",
        was_there == [True],
        expected="The report's session is there until the report ends by itself.",
        found="It was ended before.",
    )
    missing = missing_columns(copy, "users.gift_hints", "orders.gift_note")
    trial.expect(
        "lands",
        last.exit_code == 0 and not missing,
        expected="A run of `flask db upgrade` succeeds, and both columns are there.",
        found=listed(missing) if last.exit_code == 0 else f"No run succeeds. The last one said:\n{said(copy, last)}",
    )
    trial.expect("answered", not live.failed, expected="Every request is answered.", found=listed(live.failed))
    trial.expect(
        "bound",
        live.longest_wait <= BOUND_SECONDS,
        expected="No request waits for a lock for longer than one second.",
        found="At least one does, behind `flask db upgrade`.",
    )


@contextmanager
def report_on_orders(copy: Copy, live: Live) -> Iterator[list[bool]]:
    """A report that has read `orders` and stays until a command has met it, and for a while more.

    Afterwards, whether it was there until its end.
    """
    was_there: list[bool] = []
    report = locks.idle_reader(copy.url, "SELECT count(*) FROM orders")

    def leave() -> None:
        live.wait_for_a_command(or_until=over)
        over.wait(REPORT_SECONDS)
        is_there = False
        try:
            is_there = copy.query(REPORTS).scalar == 1
        finally:
            report.close()
            was_there.append(is_there)

    over = Event()
    leaving = Thread(target=leave)
    with report:
        leaving.start()
        try:
            yield was_there
        except BaseException:
            over.set()
            raise
        finally:
            leaving.join()


def deployed(live: Live, report_has_gone: Callable[[], bool]) -> Completed:
    """Run the upgrade until it succeeds, as the ticket says that the deploy does; the last run."""
    attempts = 0
    while True:
        attempts += report_has_gone()
        completed = live.flask(*SHOP)
        if completed.exit_code in (0, STOPPED) or attempts == ATTEMPTS:
            return completed
        time.sleep(PAUSE_SECONDS)


# -------------------------------------------------------------------------------------------------- 06.2: interrupted


@judges(
    "06.2",
    UPGRADE,
    Expectation(
        "points",
        "after the upgrade, each customer who has ordered has 10 welcome points, once, and `orders.user_id` is indexed",
        cause="A step of the revision was left out, or it books something else.",
        next_step="Compare `point_bookings` with the customers in `orders`, and look at the indexes of `orders`.",
    ),
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    Expectation(
        "again",
        "the upgrade may die before each of its statements: then the same command, run again, succeeds",
        cause="The second run meets something that the first one has left, and takes it for an error.",
        next_step="Ask of each step: what if it has been done already? The two engines keep different things.",
    ),
    Expectation(
        "once",
        "after the second run, schema and points are as if nothing had died",
        cause="A step was done twice, or it was skipped because a trace of the first run was there.",
        next_step="Let each step look at what it makes itself. That a table is there does not say that its rows are.",
    ),
    stub_fails="again",
)
def judge_welcome_points(trial: Trial) -> None:
    expected = sorted((user, 10, "welcome") for (user,) in trial.query("SELECT DISTINCT user_id FROM orders").rows)
    trial.upgrade()
    found = points(trial)
    orders = trial.schema().table("orders")
    indexed = orders is not None and any(each.columns == ("user_id",) for each in orders.indexes)
    trial.expect(
        "points",
        found == expected and indexed,
        expected="10 points for each of these customers, and an index on `orders.user_id`.",
        found=different(found, expected) if found != expected else "There is no such index.",
    )
    whole = trial.schema()
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()
    statements = Interruptions(trial.fresh()).statements(*SHOP)
    afterwards = []
    for number, statement in enumerate(statements, start=1):
        copy = trial.fresh()
        Interruptions(copy).die_before(number, *SHOP)
        again = copy.flask(*SHOP)
        died = f"It died before this statement: {shorten(statement, 70, placeholder=' …')}"
        trial.expect(
            "again",
            again.exit_code == 0,
            expected="The second run ends without an error, wherever the first one died.",
            found=f"{died}\nThe second run ended with:\n{said(copy, again)}",
        )
        afterwards.append((died, [str(each) for each in diff(whole, copy.schema())], points(copy)))
    for died, changes, found in afterwards:
        trial.expect(
            "once",
            not changes and found == expected,
            expected="Schema and points are those of a run that nothing has disturbed.",
            found=listed([died, "After the second run:", *(changes or [different(found, expected)])]),
        )


def points(copy: Copy) -> list[tuple[object, ...]] | None:
    """All bookings of points, sorted; None where there is no table for them, or it has other columns."""
    table = copy.schema().table("point_bookings")
    if table is None or not {"user_id", "points", "reason"} <= {each.name for each in table.columns}:
        return None
    return [tuple(row) for row in copy.query(WELCOME).rows]


def different(found: list[tuple[object, ...]] | None, expected: list[tuple[object, ...]]) -> str:
    """How bookings differ from those that were expected."""
    if found is None:
        return "There is no table `point_bookings` with user_id, points and reason."
    if set(found) == set(expected):
        return "Some customers have their points more than once."
    lost = len(set(expected) - set(found))
    if lost:
        return f"{lost} of {len(expected)} customers have no welcome points."
    return "There are bookings that nobody asked for."


# ------------------------------------------------------------------------------------------ 06.3: two that may meet


@judges(
    "06.3",
    UPGRADE,
    Expectation(
        "both",
        "the two commands, one after the other, bring the two columns of the shop and the two of billing",
        cause="A column was left out, or moved to where the other team's command does not bring it.",
        next_step="Each team still runs its own command, and gets its own two columns from it.",
    ),
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    Expectation(
        "no_deadlock",
        "the two commands may meet at each of their statements: both succeed",
        cause="In one order of events at least, each holds a table that the other needs next; or one gives up.",
        next_step="Write down, for each of the two, the tables in the order in which one transaction locks them.",
    ),
    stub_fails="no_deadlock",
)
def judge_two_deploys(trial: Trial) -> None:
    trial.upgrade()
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    shops = missing_columns(trial, "users.gift_hints", "orders.gift_note")
    billings = trial.flask(*BILLING)
    missing = [*shops, *missing_columns(trial, "users.vat_number", "orders.invoice_number")]
    trial.expect(
        "both",
        billings.exit_code == 0 and not missing,
        expected="Four columns.",
        found=listed(missing) if billings.exit_code == 0 else said(trial, billings),
    )
    for first, folder, second in ((SHOP, "migrations", BILLING), (BILLING, "billing", SHOP)):
        for number in range(2, len(Interruptions(trial.fresh(), folder).statements(*first)) + 1):
            copy = trial.fresh()
            with Interruptions(copy, folder).paused_before(number, *first) as paused:
                other = in_background(copy, *second)
                wait_until_blocked(copy, or_ended=other)
                ended = ((first, paused.completed()), (second, other.completed()))
            for command, completed in ended:
                trial.expect(
                    "no_deadlock",
                    completed.exit_code == 0,
                    expected="Both commands succeed, wherever they meet.",
                    found=f"`flask {' '.join(first)}` was at its statement {number} when `flask {' '.join(second)}` "
                    f"began. `flask {' '.join(command)}` ended with:\n{first_line(said(copy, completed))}",
                )


# --------------------------------------------------------------------------------------------------------- for all


def missing_columns(copy: Copy, *names: str) -> list[str]:
    """Which of these columns, `table.column`, are not there as optional text; a sentence each."""
    found = []
    for name in names:
        table = copy.schema().table(name.partition(".")[0])
        column = {each.name: each for each in table.columns}.get(name.partition(".")[2]) if table else None
        if column is None or not column.nullable:
            found.append(f"`{name}` is {column or 'not there'}.")
    return found


def said(copy: Copy, completed: Completed) -> str:
    """The error of a command that failed."""
    return error_in(completed.output, copy.folder)


def first_line(text: str) -> str:
    """The first line: what follows may name processes, which differ from run to run."""
    return text.partition("\n")[0]
