"""Lesson 08: what the result of each exercise must be."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migration_lab import course
from migration_lab.checking import Database, FilesJudge, Snapshot
from migration_lab.checking.expectations import part_of
from migration_lab.checking.rollout import both_releases, expect_answered, revisions_ahead, unanswered
from migration_lab.checking.stated import expect_stated
from migration_lab.checking.transactions import Noted, longest_transaction, noted_upgrade
from migration_lab.schema import diff
from migration_lab.traffic import Request

MANY_USERS = 50_000
MOST_ROWS = 20_000  # as operations ask for in the ticket
MANY_SECONDS = 60.0  # so that there is time for pauses between batches
MANY = f"INSERT INTO users (email) SELECT n || '@example.de' FROM generate_series(1, {MANY_USERS}) AS n"
WITHOUT_GERMAN = "SELECT count(*) FROM users WHERE email LIKE '%@example.de' AND language IS DISTINCT FROM 'de'"
HAS_ROWS = (
    "There are users already, and what the revision asks for does not hold for them.",
    "Look at what `users` holds at the moment at which the statement runs.",
)


@dataclass(frozen=True)
class Deploy:
    """What the database held while both releases served, and after the upgrades that came then."""

    during: Snapshot
    head: Snapshot
    back: Snapshot
    again: Snapshot


class Language(FilesJudge):
    exercise = "08.1"
    stub_fails = "upgrade"
    changes = fills = ("users.language",)
    causes = {"F30": HAS_ROWS}

    def required(self) -> None:
        """`users.language` is required after the last revision: text of 2 characters, without a default"""
        then = "After the last revision a program that names no language has to be refused."
        self.expect_column("users.language", where=self.head, length=2, nullable=False, next_step=then)

    def values(self) -> None:
        """users from before have `de` where their address ends in `.de`, however it is spelled, and `en` otherwise"""
        then = "Look at addresses with several dots, in capitals, and with `.de` in the middle."
        self.expect_values("users.language", by_address, where=self.head, next_step=then)

    def both_serve(self) -> None:
        """there is a revision at which the old release and the new one both serve; before it the old one does, and
        after the last revision the new one; after the way back the old one serves again"""
        _ = self._deploy

    def late_users(self) -> None:
        """users whom the old release takes until the deploy is over have their language in the end"""
        deploy = self._deploy
        for before, after in ((deploy.during, deploy.head), (deploy.back, deploy.again)):
            has = chosen(before)
            self.expect_values(
                "users.language",
                {row["id"]: by_address(row) for row in after.rows_of("users") if row["id"] not in has},
                where=after,
                next_step="Fill in what is empty in a revision that comes after the deploy.",
            )

    def chosen(self) -> None:
        """what users have chosen stays, also when you go back to the first revision at which both serve, and forward
        again"""
        for after in (self._deploy.head, self._deploy.again):
            then = "Let `UPDATE` find only rows without a value, and let its `downgrade()` leave the values."
            self.expect_values("users.language", chosen(self._deploy.during), where=after, next_step=then)

    def way_back(self) -> None:
        """on the way back each release serves where it served on the way up"""
        _ = self._deploy

    def many_users(self) -> None:
        """with 50,000 users more the upgrade comes to its end within a minute, and they all have their language"""
        _ = self._noted
        self.expect(
            not (wrong := self._large.sql(WITHOUT_GERMAN).scalar),
            expected=f"{MANY_USERS:,} users with an address at example.de have the language 'de'.",
            found=f"{wrong:,} of them do not.",
            next_step="Look at the first and the last id that the batches reach, and at gaps between the ids.",
        )

    def open_doors(self) -> None:
        """no transaction keeps people out of `users` and reads or changes a lot of it meanwhile (50,000 users)"""
        self._noted.expect_open_doors(MOST_ROWS)

    def small_steps(self) -> None:
        """no transaction changes more than 20,000 users (of 50,000)"""
        self._noted.expect_small_steps(MOST_ROWS)

    def stated(self) -> None:
        """a `downgrade()` that loses something, leaves something or refuses says so"""
        expect_stated(self.walk, "users.language")

    @cached_property
    def _deploy(self) -> Deploy:
        """Walk through the revisions with both releases running, and deploy at the first at which both serve."""
        copy = self.fresh("the database under both releases", watched=False)
        with both_releases(copy, course.lesson("08")) as (old, new):

            def expect_old(name: str, of: str, next_step: str) -> None:
                expect_answered(copy, old, *visits(f"old-{name}"), whose="The old release", of=of, next_step=next_step)

            def expect_new(name: str, of: str, next_step: str) -> None:
                asked = visits(f"new-{name}", "en")
                expect_answered(copy, new, *asked, whose="The new release", of=of, next_step=next_step)

            ahead = revisions_ahead(copy)
            for revision in ahead:
                copy.reach(revision)
                expect_old(revision, "both_serve", MOMENT)
                if revision == ahead[-1]:
                    expect_new(revision, "both_serve", MOMENT)
                elif not unanswered(new, *visits(f"new-{revision}", "en")):
                    break
            copy.execute("UPDATE users SET language = 'fr' WHERE email = 'ann@example.com'")
            during = copy.snapshot()
            with part_of("late_users"):
                head = copy.upgrade()
            expect_new("head", "both_serve", "Read the first reason: it says what the release misses in the database.")
            copy.downgrade(revision)
            expect_old("back", "way_back", UNDO)
            expect_new("back", "way_back", UNDO)
            back, again = copy.snapshot(), copy.upgrade()
            copy.downgrade(self.back_to)
            expect_old("start", "way_back", UNDO)
        return Deploy(during, head, back, again)

    @cached_property
    def _large(self) -> Database:
        return self.fresh("a copy with many users", watched=False, sql=MANY)

    @cached_property
    def _noted(self) -> Noted:
        return noted_upgrade(self._large, "users", seconds=MANY_SECONDS)


MOMENT = "Between the column and the promise there has to be a revision at which both releases serve, for the deploy."
UNDO = "Undo in `downgrade()` each thing that `upgrade()` did."


def by_address(row: dict[str, Any]) -> str:
    """The language of a user who has chosen none."""
    return "de" if row["email"].lower().endswith(".de") else "en"


def chosen(where: Snapshot) -> dict[Any, Any]:
    """The languages that users have, by their ids."""
    return {id_: language for id_, language in where.values_of("users.language").items() if language is not None}


def visits(name: str, *languages: str) -> list[Request]:
    """What people ask of a release, under names that nobody has yet."""
    news = [{"email": f"{name}@beispiel.de"}]
    news += [{"email": f"{name}-{each}@beispiel.de", "language": each} for each in languages]
    return [*(("POST", "/users", each) for each in news), ("GET", "/users/2", None), ("POST", "/users/2/logins", None)]


class Till(FilesJudge):
    exercise = "08.2"
    stub_fails = "trigger"
    changes = ("users.currency",)
    by_hand = ("users.keep_owner",)

    def required(self) -> None:
        """`users.currency` is required: text of 3 characters, without a default in the database"""
        then = "A program that names no currency has to be refused by the database."
        self.expect_column("users.currency", where=self.head, length=3, nullable=False, next_step=then)

    def values(self) -> None:
        """each user has the currency of the latest order (of two at the same moment: of the higher id), or `EUR`"""
        self._expect_latest(self.head, self.start)

    def trigger(self) -> None:
        """what guards the owner is still there after the upgrade"""
        self.expect_none(
            [each for each in diff(self.start.schema, self.head.schema) if each.kind == "trigger"],
            expected="The trigger `keep_owner` is as it was.",
            next_step="Ask the database for all that belongs to the table, and make again what the copy loses.",
        )

    def held(self) -> None:
        """no transaction keeps the file for long: less than a third of the time of the draft's `UPDATE`, which looks
        for each user through all orders (4,000 of each, measured in the check)"""
        answer, naive = (self.fresh("the stall's file", watched=False, sql=STALL) for _ in range(2))
        naive.execute("ALTER TABLE users ADD COLUMN currency VARCHAR(3)")
        began = time.monotonic()
        naive.execute(FOR_EACH_USER)
        allowed = (time.monotonic() - began) * HELD_AT_MOST
        with longest_transaction(answer) as longest:
            answer.reach(seconds=MANY_SECONDS)
        now = answer.snapshot()
        self._expect_latest(now, now)
        self.expect(
            longest.seconds < allowed,
            expected="No transaction takes as long as a third of the plain way.",
            found="One does. Nobody else can use the till meanwhile.",
            next_step="Do the long work in pieces that commit, or find a way to the values that reads the orders once.",
        )

    def _expect_latest(self, now: Snapshot, before: Snapshot) -> None:
        orders = sorted(before.rows_of("orders"), key=lambda row: (str(row["created_at"]), row["id"]))
        latest = {row["user_id"]: row["currency"] for row in orders}
        then = "Look at this user's orders: at their moments to the second, and at their ids."
        self.expect_values("users.currency", lambda row: latest.get(row["id"], "EUR"), where=now, next_step=then)


HELD_AT_MOST = 1 / 3  # of what FOR_EACH_USER takes
STALL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4000)
INSERT INTO users (email) SELECT 'customer-' || n || '@example.com' FROM numbers;
INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
SELECT id, 100, 'paid', '2026-01-01 00:00:00.000000', CASE id % 3 WHEN 0 THEN 'USD' ELSE 'GBP' END
FROM users WHERE email LIKE 'customer-%';
"""
FOR_EACH_USER = """
UPDATE users SET currency = coalesce(
    (SELECT currency FROM orders WHERE user_id = users.id ORDER BY created_at DESC, id DESC LIMIT 1), 'EUR'
)
"""


class Country(FilesJudge):
    exercise = "08.3"
    stub_fails = "honest"
    changes = ("users.country",)
    adds = ("users", "*")  # how a row says that its country is not known is left open
    writes = ("users.country",)  # `told`, `honest` and `way_back` look at its values
    may_refuse = True
    first = ("upgrade", "no_other_change", "downgrade", "rows_kept")
    last = ("no_drift",)

    def downgrade(self) -> None:
        """`flask db downgrade`, back to the start, undoes exactly what the upgrade did, or refuses"""
        super().downgrade()

    def told(self) -> None:
        """who has told a country keeps it"""
        self.expect_values("users.country", self._told, where=self.head, next_step=ONLY_EMPTY)

    def honest(self) -> None:
        """nobody is given a country: who had none has none, or a value that is no country's code"""
        self._expect_honest(self.head, self._told)

    def new_users(self) -> None:
        """the database refuses a new user without a country, and takes one with a country, in a new database too"""
        for database in (self._used, self.new[0]):
            self.expect_refused(
                database,
                "INSERT INTO users (email) VALUES ('new-1@example.com')",
                "INSERT INTO users (email, country) VALUES ('new-2@example.com', NULL)",
                expected="A new user needs a country.",
                next_step="Try an `INSERT` without a country, and one with `NULL`, after the last revision.",
            )
        french = "INSERT INTO users (email, country) VALUES ('new@example.fr', 'FR')"
        self.expect_taken(self._used, french, expected="A new user from FR is taken.", next_step=ALL_ROWS)

    def old_users(self) -> None:
        """a user whose country is not known can log in and order, and can tell the country later"""
        one, *_ = unknown = sorted(self.start.values_of("users.country").keys() - self._told.keys())
        ids = ", ".join(map(str, unknown))
        for words, sql in (
            ("log in", f"UPDATE users SET last_login_at = CURRENT_TIMESTAMP WHERE id IN ({ids})"),
            ("order", f"INSERT INTO orders (user_id, amount_cents, status, created_at) {ORDERS} IN ({ids})"),
            ("say that they live in PT", f"UPDATE users SET country = 'PT' WHERE id = {one}"),
        ):
            self.expect_taken(self._used, sql, expected=f"Users from before can {words}.", next_step=ALL_ROWS)

    def way_back(self) -> None:
        """`flask db downgrade` keeps what users have told, also since the upgrade, and gives nobody a country; the
        upgrade after it works as the first one did"""
        self.walk.again()
        head, lived = (each.values_of("users.country") for each in (self.head, self.walk.lived))
        since = {id_: each for id_, each in lived.items() if id_ in self._told or (id_ in head and each != head[id_])}
        for stop in self.walk.stops[1:]:
            self.expect_values("users.country", since, where=stop.snapshot, next_step=ONLY_EMPTY)
            self._expect_honest(stop.snapshot, since)

    def stated(self) -> None:
        """a `downgrade()` that loses something, leaves something or refuses says so"""
        expect_stated(self.walk, "users.country")

    @cached_property
    def _used(self) -> Database:
        """The database after the upgrade, for users to come and go."""
        used = self.fresh("the database", watched=False)
        used.reach()
        return used

    @cached_property
    def _told(self) -> dict[int, str]:
        """The countries that were known at the start, by the user's id."""
        return {id_: each for id_, each in self.start.values_of("users.country").items() if each is not None}

    def _expect_honest(self, now: Snapshot, told: dict[int, str]) -> None:
        found = now.values_of("users.country")
        self.expect_none(
            [
                f"In {now.name} the user with id {id_} is said to live in {found[id_]!r}."
                for id_ in self.start.values_of("users.country")
                if id_ not in told and is_country(found.get(id_))
            ],
            expected="Users of whom no country is known have none.",
            next_step="Decide how a row says that its country is not known, and fill in that, or nothing.",
        )


ONLY_EMPTY = "Touch only rows without a country in `upgrade()`, and only what that wrote in `downgrade()`."
ALL_ROWS = (
    "A constraint holds for each row that is written, and an `UPDATE` writes a whole row: look for one that all keep."
)
ORDERS = "SELECT id, 5, 'paid', CURRENT_TIMESTAMP FROM users WHERE id"


def is_country(value: str | None) -> bool:
    """Whether somebody may take it for a country: a code of one, or anything longer than a code."""
    return (value or "").strip().upper() in COUNTRIES.split() or len(value or "") > len("ZZ")


# ISO 3166-1 alpha-2: the codes that mean a country.
COUNTRIES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
