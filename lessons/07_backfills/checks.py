"""Lesson 07: the judges of its exercises."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import chain

from migration_lab.teaching.judging import FilesJudge, Snapshot
from migration_lab.teaching.judging.interruptions import Interruptions, crashes, sampled
from migration_lab.teaching.judging.transactions import Noted, noted_upgrade
from migration_lab.teaching.judging.waiting import run_behind
from migration_lab.teaching.judging.words import code_of, shown, text_of

UPGRADE = "db upgrade"
# These tickets change no schema: a change of it is reported first.
FIRST = (*FilesJudge.first, "no_other_change")
LAST = (*(each for each in FilesJudge.last if each not in FIRST), "stated")

# --------------------------------------------------------------------------------- 07.1: while people save their orders

MOST_ROWS = 5_000  # as operations ask for in the ticket
MANY_ORDERS, AFTER_THE_GAP = 6_500, 500
MANY_SECONDS = 180.0  # so that there is time for one by one, and for pauses between batches, on a busy machine too
# After a gap in the ids; the last one is the first of a batch, if batches of the usual sizes begin at 1.
LAST_ID = 220_001
MANY = f"""
INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
SELECT 1, 100, 'paid', '2026-01-01', 'EUR' FROM generate_series(1, {MANY_ORDERS - AFTER_THE_GAP});
SELECT setval(pg_get_serial_sequence('orders', 'id'), {LAST_ID - AFTER_THE_GAP});
INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
SELECT 2, 100, 'paid', '2026-01-01', 'EUR' FROM generate_series(1, {AFTER_THE_GAP});
"""
WITHOUT = "SELECT id FROM orders WHERE invoice_email IS NULL ORDER BY id"
# How long a quick edit waits for a lock: it may be the paused upgrade's.
SOON = {"postgres": "SET lock_timeout = '300ms'; ", "sqlite": "PRAGMA busy_timeout = 300; "}
SAVED, SAVED_STATUS = "saved-meanwhile@example.com", "on hold"
ASK_WHILE_WRITING = "Let the statement that writes an order check again that it still has no address."
CLEAR_AWAY = "Let the revision remove what it makes for itself, also what an earlier run has left."
COME_BACK = (
    "An order that somebody has open is to be filled in as well: wait for it, and go on until none is left. A batch "
    "that changes fewer rows than it may is not always the last one."
)


class Invoices(FilesJudge):
    exercise = "07.1"
    stub_fails = "edits"
    writes = ("orders.invoice_email",)
    only_on = dict.fromkeys(("many_orders", "small_steps", "dead_rows"), "postgres")
    first, last = FIRST, (*LAST, "left_alone")

    def values(self) -> None:
        """an order without an address gets that of its user; one with an address keeps it, also an empty one"""
        self._expect_filled(self.head)

    def many_orders(self) -> None:
        """with 6,500 more orders, and a gap between their ids, the upgrade fills in all of them within three minutes"""
        left = len(self._noted[0].copy.sql(WITHOUT).rows)
        self.expect(
            not left,
            expected="Every order has an address.",
            found=f"{left:,} of {MANY_ORDERS:,} more orders have none.",
            next_step="Look at which orders the batches reach: the first id and the last, those behind a gap, and "
            "those that an OFFSET passes over, because the orders before them have an address by then.",
        )

    def edits(self) -> None:
        """what people save while the upgrade runs is there afterwards, and every other order is filled in, also one
        that somebody had open"""
        for now, saved in chain(self._open_edits if self.engine == "postgres" else (), self._quick_edits):
            self.expect_values("orders.invoice_email", saved, where=now, next_step=ASK_WHILE_WRITING)
            self._expect_filled(now, besides=saved, next_step=COME_BACK)

    def again(self) -> None:
        """wherever the upgrade is stopped, the next one completes it, and leaves nothing else behind"""
        statements = Interruptions(self.fresh("the database", watched=False)).statements(UPGRADE)
        edited = self.fresh().sql(WITHOUT).rows[0][0]
        edit = f"UPDATE orders SET invoice_email = '{SAVED}' WHERE id = {edited}"
        for crash in crashes(lambda: self.fresh(watched=False), UPGRADE, statements, meanwhile=edit):
            crash.expect_recovery(next_step="Ask about each statement: what if it has run already?")
            self._expect_filled(crash.after, besides={edited: SAVED})
            self.expect_values("orders.invoice_email", {edited: SAVED}, where=crash.after, next_step=ASK_WHILE_WRITING)
            self.expect_same_schema(
                self.head, crash.after, cause="What the first run made for itself is still there.", next_step=CLEAR_AWAY
            )

    def way_back(self) -> None:
        """what people have entered stays, also after `flask db downgrade`, and after another upgrade"""
        head, lived = (each.known_values_of("orders.invoice_email") for each in (self.head, self.walk.lived))
        before = self.start.known_values_of("orders.invoice_email")
        entered = {id_: value for id_, value in lived.items() if id_ in before or head.get(id_) != value}
        then = "Entered and filled-in addresses look the same: let `downgrade()` leave them all."
        self.expect_stays("orders.invoice_email", entered, next_step=then)

    def small_steps(self) -> None:
        """no transaction changes more than 5,000 orders, in either direction"""
        noted, _ = self._noted
        noted.expect_small_steps(MOST_ROWS)
        noted.back(self.back_to).expect_small_steps(MOST_ROWS)

    def dead_rows(self) -> None:
        """each order that has no address is written once, and no other order is written"""
        noted, needed = self._noted
        written = sum(each.rows for each in noted.statements)
        self.expect(
            written <= needed,
            expected=f"At most {needed:,} rows are written: as many as there are orders without an address.",
            found=f"The upgrade writes {written:,}. Each of them leaves a dead row behind.",
            next_step="Let `WHERE` leave out rows that need no change.",
        )

    def _expect_filled(self, now: Snapshot, besides: dict[int, str] | None = None, next_step: str = "") -> None:
        """Old addresses are as they were, and new ones are those of the users."""
        emails, had = now.values_of("users.email"), self.start.known_values_of("orders.invoice_email")
        rule = {
            row["id"]: had.get(row["id"], emails.get(row["user_id"]))
            for row in now.rows_of("orders")
            if row["id"] not in (besides or {})
        }
        usual = "Compare it with `users.email` of its user. An address that is there stays, also an empty text."
        self.expect_values("orders.invoice_email", rule, where=now, next_step=next_step or usual)

    @property
    def _open_edits(self) -> Iterator[tuple[Snapshot, dict[int, str]]]:
        """What is there when somebody had orders open while the upgrade ran, and the addresses that they saved."""
        copy = self.fresh("a large database in which somebody saves orders", watched=False, sql=MANY)
        first, second, *_, last = [id_ for (id_,) in copy.sql(WITHOUT).rows]
        saved = dict.fromkeys((first, last), SAVED)
        self.expect_success(
            run_behind(
                copy,
                UPGRADE,
                f"UPDATE orders SET invoice_email = '{SAVED}' WHERE id IN ({first}, {last})",
                f"UPDATE orders SET status = '{SAVED_STATUS}' WHERE id = {second}",
                seconds=MANY_SECONDS,
            ),
            copy,
            expected="When somebody has an order open, the upgrade waits for it or can be run again.",
            heading="A second run fails as well:",
            next_step="Look at what the first run left behind.",
        )
        now = copy.snapshot()
        self.expect_values("orders.status", {second: SAVED_STATUS}, where=now, next_step="Write the address alone.")
        yield now, saved

    @property
    def _quick_edits(self) -> Iterator[tuple[Snapshot, dict[int, str]]]:
        """The same when orders are saved before each of the first statements, where no lock keeps somebody from it."""
        whole = self.fresh("the database", watched=False)
        soon = SOON[self.engine]
        for number in sampled(Interruptions(whole).statements(UPGRADE))[:2]:
            copy, saved = self.fresh("the database in which somebody saves orders", watched=False), {}
            with Interruptions(copy).paused_before(number, UPGRADE) as paused:
                open_ones = [id_ for (id_,) in copy.sql(WITHOUT).rows]
                for id_ in {*open_ones[:1], *open_ones[-1:]}:
                    if not copy.refusal(f"{soon}UPDATE orders SET invoice_email = '{SAVED}' WHERE id = {id_}"):
                        saved[id_] = SAVED
                completed = paused.completed()
            self.expect_success(
                completed,
                copy,
                expected="The upgrade succeeds while somebody saves orders.",
                next_step="Let the upgrade use each row's values at the moment when it writes the row.",
            )
            yield copy.snapshot(), saved

    @cached_property
    def _noted(self) -> tuple[Noted, int]:
        """What the upgrade of a large copy does, and how many orders had no address before."""
        copy = self.fresh("a copy with many orders", watched=False, sql=MANY)
        needed = len(copy.sql(WITHOUT).rows)
        return noted_upgrade(copy, "orders", seconds=MANY_SECONDS), needed


# -------------------------------------------------------------------------------------- 07.2: interrupted, and repeated

COUNTED = ("paid", "shipped")
PER_POINT = 1000  # cents, of whatever currency
DRAFT = """
    UPDATE users SET points = coalesce(points, 0) + (
        SELECT coalesce(sum(amount_cents / 1000), 0) FROM orders
        WHERE orders.user_id = users.id AND orders.status IN ('paid', 'shipped')
    ) WHERE id BETWEEN {first} AND {last}
"""
NEVER_RUN = """
    UPDATE users SET points = (SELECT sum(gift.points) FROM point_gifts AS gift WHERE gift.user_id = users.id)
"""
# A point is a point in each of them; at the start all orders are in euros.
CURRENCIES = "UPDATE orders SET currency = CASE id % 3 WHEN 0 THEN 'EUR' WHEN 1 THEN 'GBP' ELSE 'USD' END"
# The id is the first of a batch, if batches of ten, a hundred or a thousand ids begin at 1.
NEWEST = "INSERT INTO users (id, email, points) VALUES (1001, 'newest@example.com', 7)"
OPEN_BETWEEN = """
    INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
    VALUES (2, 5999, 'paid', '2026-02-10 09:00:00', 'GBP');
    UPDATE users SET points = coalesce(points, 0) + 5 WHERE id = 2;
    INSERT INTO point_gifts (user_id, points) VALUES (44, 7);
    UPDATE users SET points = coalesce(points, 0) + 7 WHERE id = 44
"""
COMPUTE = "Compute the sum from `orders` and `point_gifts`: what is in the column may be anything."


class Points(FilesJudge):
    exercise = "07.2"
    stub_fails = "points"
    writes = ("users.points",)
    as_shown = ("users", "orders", "point_gifts")  # what 0012 has done to each of them is the ticket
    first, last = FIRST, LAST

    def points(self) -> None:
        """after the upgrade `users.points` is the sum of each user's orders and gifts; 0 where there are none"""
        self._expect_sums(self.head)

    def elsewhere(self) -> None:
        """the same on a database where `0012` has never run, and on one where it died at another place, with orders in
        pounds and dollars"""
        another = "; ".join(
            [
                CURRENCIES,
                NEVER_RUN,
                *(DRAFT.format(first=first, last=last) for first, last in ((1, 9999), (1, 40))),
                NEWEST,
            ]
        )
        for name, sql in (("staging", NEVER_RUN), ("the analysts' database", another)):
            self._expect_sums(self.fresh(name, sql=sql).upgrade())

    def again(self) -> None:
        """wherever the upgrade dies, the next one succeeds, and then each sum is right, also when the shop was open in
        between"""
        statements = Interruptions(self.fresh("the database", watched=False)).statements(UPGRADE)
        for crash in crashes(self.fresh, UPGRADE, statements, meanwhile=OPEN_BETWEEN):
            crash.expect_recovery(next_step="Ask about each statement: what if it has run already?")
            self._expect_sums(crash.after, when=crash.when)

    def way_back(self) -> None:
        """`flask db downgrade` leaves each user the points that they have, gives back what was there, or takes those of
        the orders or all of them away"""
        self.walk.back()
        had, has = (each.values_of("users.points") for each in (self.start, self.walk.lived))
        for stop in [each for each in self.walk.stops if each.way == "down"]:
            gifts = Counter[int]()
            for row in stop.snapshot.rows_of("point_gifts"):
                gifts[row["user_id"]] += row["points"]
            self.expect_none(
                [
                    f"User {id_} has {shown(points)} points, {stop.when}, and had {shown(has[id_])}."
                    for id_, points in stop.snapshot.values_of("users.points").items()
                    if id_ in has and points not in (has[id_], had.get(id_), gifts[id_], 0, None)
                ],
                expected="After the downgrade the points have stayed, or are gone.",
                next_step="`downgrade()` runs years later, too: let it leave the points, or take them away altogether.",
            )

    def _expect_sums(self, now: Snapshot, when: str = "") -> None:
        points = now.values_of("users.points")
        cents, orders, gifts = Counter[int](), Counter[int](), Counter[int]()
        for row in [each for each in now.rows_of("orders") if each["status"] in COUNTED]:
            cents[row["user_id"]] += row["amount_cents"]
            orders[row["user_id"]] += row["amount_cents"] // PER_POINT
        for row in now.rows_of("point_gifts"):
            gifts[row["user_id"]] += row["points"]
        sums = {id_: orders[id_] + gifts[id_] for id_ in points}
        wrong = {id_: found for id_, found in points.items() if found != sums[id_]}
        together = {id_: cents[id_] // PER_POINT + gifts[id_] for id_ in points}
        whys = {
            "The cents were added up first. Each order counts by itself, in full tens.": together,
            "A sum over no rows is NULL, and a join leaves out users without rows.": {
                id_: each or None for id_, each in sums.items()
            },
        }
        self.expect_none(
            [f"User {id_} has {shown(found)} points, and should have {sums[id_]}." for id_, found in wrong.items()],
            expected=f"In {now.name} each user has the points of their orders and gifts.",
            heading=when and f"{when} After the second run:",
            cause=next((why for why, rule in whys.items() if wrong.items() <= rule.items()), ""),
            next_step=COMPUTE,
        )


# ----------------------------------------------------------------------------------- 07.3: addresses that come together

LATE = """
    INSERT INTO users (email) VALUES
        ('BOB@Example.com'), ('Late@Example.com'), ('LATE@example.com'), (' alone-and-late@example.com')
"""
# What Python's lower() and strip() change, and the ticket does not.
OTHERS = """
    INSERT INTO users (email) VALUES
        ('\u00c9va@Example.com'), ('\u00e9va@Example.com'),
        ('\tTab@example.com '), (' Joined@example.com\u00a0'), ('joined@example.com')
"""
# So many that a lot drawn for each of them falls in the same way twice in one of a thousand million checks.
PAIRS = "; ".join(
    f"INSERT INTO users (email) VALUES ('Pair-{n}@Example.com'), ('PAIR-{n}@example.com')" for n in range(1, 31)
)
# Each row of a copy is written once more, the last one first: then they are stored in another order.
OTHER_ORDER = """
    DO $$ DECLARE one int; BEGIN
        FOR one IN SELECT id FROM users ORDER BY id DESC LOOP
            UPDATE users SET email = email WHERE id = one;
        END LOOP;
    END $$
"""
# The same for both engines, with ids that no other row has. Where NULL comes differs between the engines.
BESIDE_EACH_OTHER = """
    INSERT INTO users (id, email, last_login_at, display_name) VALUES
        (90001, 'First-Login@Example.com', '2026-02-01 08:00:00', NULL), (90002, 'FIRST-login@example.com', NULL, NULL),
        (90003, 'Last-Login@Example.com', NULL, NULL), (90004, 'LAST-login@example.com', '2026-02-01 08:00:00', NULL),
        (90005, 'First-Name@Example.com', NULL, 'Ann'), (90006, 'FIRST-name@example.com', NULL, NULL),
        (90007, 'Last-Name@Example.com', NULL, NULL), (90008, 'LAST-name@example.com', NULL, 'Ann')
"""
# The clock and the environment, in SQL and in the syntax tree of Python; its hash() differs from process to process.
NOT_IN_THE_ROWS = re.compile(
    r"\bnow\(\)|'now'|\bcurrent_(date|time|timestamp)\b|\b(local|clock_)timestamp\b|attr='(utcnow|today|environ|getenv)'|id='hash'",
    re.IGNORECASE,
)
SAY_WHERE_NULL_COMES = (
    "Postgres puts NULL last in an ascending order, SQLite first. Write `NULLS FIRST` or `NULLS LAST`, and let nothing "
    "ask for the engine to decide which account it is."
)
TIE_BREAKER = "Decide by something that no two accounts share, such as the id, at least as the last criterion."
KEEP_THEIRS = "Write to only one account of each clean address, or to none if one of them already has it."


class Addresses(FilesJudge):
    exercise = "07.3"
    stub_fails = "upgrade"
    writes = ("users.email",)
    causes = {"F69": ("An account was to get an address that another one has.", KEEP_THEIRS)}
    first, last = FIRST, LAST

    def everyone(self) -> None:
        """each user and each order from before is there, and belongs to the same account"""
        self.expect_rows(self.start, self.head, next_step="Change addresses, and nothing else.")

    def clean(self) -> None:
        """an address that no other account shares is clean: the letters A to Z small, no spaces around"""
        before = self.start.values_of("users.email")
        shared = Counter(map(cleaned, before.values()))
        rule = {id_: cleaned(email) for id_, email in before.items() if shared[cleaned(email)] == 1}
        then = "Look at capital letters and at spaces, before the address and after it."
        self.expect_values("users.email", rule, where=self.head, next_step=then)

    def shared(self) -> None:
        """of the accounts that share a clean address one has it, and the others have what they had"""
        self._expect_one_of_each(self.start, self.head)

    def late(self) -> None:
        """after a downgrade, and with accounts that have come since, in any spelling, it works in the same way"""
        copy = self.upgraded("a database with later accounts")
        copy.downgrade(self.back_to)
        copy.execute(LATE)
        before = copy.snapshot()
        self._expect_one_of_each(before, copy.upgrade())

    def other_characters(self) -> None:
        """a letter that is not one of A to Z stays as it is, and so do a tab and a no-break space, wherever they are"""
        copy = self.fresh("a database with other addresses", watched=False, sql=OTHERS)
        before = copy.snapshot()
        then = "Try your expression on this engine: on an `\u00c9`, a tab and a no-break space."
        self._expect_one_of_each(before, copy.upgrade(), then)

    def way_back(self) -> None:
        """`flask db downgrade` leaves each account the address that it has, or gives it back the one that it had"""
        self.walk.again()
        had, has = (each.values_of("users.email") for each in (self.start, self.walk.lived))
        for stop in self.walk.stops[1:]:
            self.expect_none(
                [
                    f"The account with id {id_} has {shown(email)}, {stop.when}."
                    for id_, email in stop.snapshot.values_of("users.email").items()
                    if email not in (had.get(id_), has.get(id_))
                ],
                expected="On the way back no account gets an address that it has never had.",
                next_step="The old spellings are not kept anywhere. Let `downgrade()` leave the addresses.",
            )

    def same_everywhere(self) -> None:
        """it is the same account in each database that holds these rows, in whatever order they are stored"""
        one = self.fresh("a rehearsal", watched=False, sql=PAIRS)
        other = self.fresh("production", watched=False, sql=PAIRS)
        if self.engine == "postgres":
            other.execute(OTHER_ORDER)
        then, now = (each.upgrade().values_of("users.email") for each in (one, other))
        self.expect_none(
            [
                f"The account with id {id_} has {shown(email)} in the one, and {shown(now.get(id_))} in the other."
                for id_, email in then.items()
                if now.get(id_) != email
            ],
            expected="In two databases with the same rows the same accounts get the clean addresses.",
            next_step=TIE_BREAKER,
        )

        files = [each for each in (*self.traces.changed, *self.traces.added) if each.startswith("migrations/versions/")]
        self.expect_none(
            [
                f"`{each}` asks the clock, the environment or `hash()`."
                for each in files
                if NOT_IN_THE_ROWS.search(code_of(text_of(self.traces.database.folder / each)))
            ],
            expected="The rows alone decide which account gets an address.",
            cause="Support looks at a copy on one day, and production is upgraded on another one.",
            next_step="Decide by what is in the rows.",
        )

    def both_engines(self) -> None:
        """it is the same account on SQLite and on Postgres"""
        here = self.fresh("a database on Postgres", watched=False, sql=BESIDE_EACH_OTHER)
        there = self.empty_on("sqlite", "a database on SQLite")
        there.reach(self.back_to)
        there.execute(BESIDE_EACH_OTHER)
        other = there.upgrade().values_of("users.email")
        one = here.upgrade().values_of("users.email")
        self.expect_none(
            [
                f"The account with id {id_} has {shown(one.get(id_))} on Postgres, and {shown(email)} on SQLite."
                for id_, email in other.items()
                if one.get(id_) != email
            ],
            expected="With the same rows, the same accounts get the clean addresses on both engines.",
            next_step=SAY_WHERE_NULL_COMES,
        )

    only_on = {"both_engines": "postgres"}

    def app(self) -> None:
        """the app is as it was"""
        was, now = self.traces.original, self.traces.database.folder
        changed = [
            each
            for each in self.traces.changed
            if each.startswith("shop/") and code_of(text_of(was / each)) != code_of(text_of(now / each))
        ]
        self.expect_none(
            [f"`{each}`" for each in changed],
            expected="The app stays as it is: until April people sign up with any spelling.",
            heading="The code of these files has changed:",
            next_step="Put them back, and let the revision do all of it.",
        )

    def _expect_one_of_each(self, before: Snapshot, after: Snapshot, next_step: str = KEEP_THEIRS) -> None:
        had, has = (each.values_of("users.email") for each in (before, after))
        groups = defaultdict(list)
        for id_, email in had.items():
            groups[cleaned(email)].append(id_)
        wrong = []
        for address, ids in groups.items():
            winners = [id_ for id_ in ids if has.get(id_) == address]
            if len(ids) == 1 and not winners:
                found = f"The account with id {ids[0]} had {shown(had[ids[0]])} and has {shown(has.get(ids[0]))}"
                wrong.append(f"{found}, not {shown(address)}.")
                continue
            if len(winners) != 1:
                wrong.append(f"{len(winners)} of the {len(ids)} accounts of {shown(address)} have it.")
            wrong += [
                f"The account with id {id_} had {shown(had[id_])} and has {shown(has.get(id_))}."
                for id_ in ids
                if id_ not in winners and has.get(id_) != had[id_]
            ]
        self.expect_none(
            wrong,
            expected=f"In {after.name} one account has each clean address, and the others keep theirs.",
            next_step=next_step,
        )


def cleaned(email: str) -> str:
    """The letters A to Z small, and no spaces around."""
    return "".join(each.lower() if each.isascii() else each for each in email).strip(" ")
