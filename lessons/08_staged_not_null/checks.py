"""Lesson 08: the judges of its exercises."""

import re
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from migration_lab.ground import course
from migration_lab.instruments.service import Response, serve
from migration_lab.instruments.traffic import Request
from migration_lab.teaching.judging import Database, FilesJudge, Snapshot, part_of
from migration_lab.teaching.judging.interruptions import Interruptions
from migration_lab.teaching.judging.program import run_program
from migration_lab.teaching.judging.rollout import both_releases, revisions_ahead
from migration_lab.teaching.judging.running import run
from migration_lab.teaching.judging.transactions import STEP_BY_STEP, Noted, longest_transaction, noted_upgrade
from migration_lab.teaching.judging.waiting import run_behind
from migration_lab.teaching.judging.way_back import UNDO
from migration_lab.teaching.judging.words import shown

UPGRADE = "db upgrade"
MANY_USERS = 50_000
MOST_ROWS = 20_000  # as operations ask for in the ticket
MANY_SECONDS = 60.0  # so that there is time for pauses between batches
# The last id is a whole number of batches after the first, 1, whether these are of 1,000 or of 20,000 ids.
MANY = f"""
INSERT INTO users (email) SELECT n || '@example.de' FROM generate_series(1, {MANY_USERS - 1}) AS n;
INSERT INTO users (id, email) VALUES (120001, 'last@example.de');
"""
WITHOUT = "SELECT id FROM users WHERE language IS NULL ORDER BY id"
SOON = "SET lock_timeout = '300ms'; "  # how long a choice waits for a row: it may be the paused upgrade's
WITHOUT_GERMAN = "SELECT count(*) FROM users WHERE email LIKE '%@example.de' AND language IS DISTINCT FROM 'de'"
HAS_ROWS = (
    "The table has users already, and they do not meet what the revision requires.",
    "Look at what `users` holds when the statement runs.",
)

LEFT_OUT = (
    "Some users still have no language when it is required of all.",
    "Count them at that moment. Do the batches reach the first and the last id, and go on after a gap? Has the old "
    "release taken users since?",
)


class Language(FilesJudge):
    exercise = "08.1"
    stub_fails = "upgrade"
    changes = fills = may_leave = ("users.language",)
    causes = {"F30": HAS_ROWS, "F69": LEFT_OUT}
    last = (*FilesJudge.last, "stated", "left_alone")

    def required(self) -> None:
        """`users.language` is required after the last revision: text of 2 characters, without a default"""
        self.expect_column("users.language", where=self.head, length=2, nullable=False)

    def values(self) -> None:
        """users who were there before have `de` if their address ends in `.de` or `.DE`, and `en` otherwise"""
        then = "Look at addresses with several dots, in capitals, and with `.de` in the middle."
        self.expect_values("users.language", by_address, where=self.head, next_step=then)

    def both_serve(self) -> None:
        """there is a revision at which the old release and the new one both serve; until then the old one serves,
        after the last revision the new one, and after the downgrade the old one again"""
        _ = self._deploy

    def late_users(self) -> None:
        """users who sign up with the old release during the deploy have their language in the end"""
        for during, after in self._deploy:
            has = during.known_values_of("users.language")
            self.expect_values(
                "users.language",
                {row["id"]: by_address(row) for row in during.rows_of("users") if row["id"] not in has},
                where=after,
                next_step="Fill in what is empty in a revision that comes after the deploy.",
            )
        self._expect_rule_for_the_last()

    def chosen(self) -> None:
        """what users have chosen stays, also what they choose while the upgrade runs, and even after a downgrade to the
        first revision at which both serve and another upgrade"""
        then = "Let the statement that writes a language check again that the user still has none."
        for meanwhile, now in self._chosen_meanwhile:
            self.expect_values("users.language", meanwhile, where=now, next_step=then)
        has = self._deploy[0][0].known_values_of("users.language")
        for _, after in self._deploy:
            then = "Let `UPDATE` find only rows without a value, and let its `downgrade()` leave the values."
            self.expect_values("users.language", has, where=after, next_step=then)

    def way_back(self) -> None:
        """on the way back each release serves where it served on the way up"""
        _ = self._deploy

    def many_users(self) -> None:
        """with 50,000 more users the upgrade finishes within a minute, and all of them have their language"""
        wrong = self._noted.copy.sql(WITHOUT_GERMAN).scalar
        self.expect(
            not wrong,
            expected=f"{MANY_USERS:,} users with an address at example.de have the language 'de'.",
            found=f"{wrong:,} of them do not.",
            next_step="Look at the first and the last id that the batches reach, and at gaps between the ids.",
        )

    def open_doors(self) -> None:
        """no transaction locks people out of `users` while it reads or changes much of it (50,000 users)"""
        self._noted.expect_open_doors(
            0, next_step=f"{STEP_BY_STEP} NOT NULL can rely on a check that was validated before."
        )

    def small_steps(self) -> None:
        """no transaction changes more than 20,000 users (of 50,000), in either direction"""
        few = noted_upgrade(self.fresh("a copy with few users", watched=False), "users")
        self._noted.expect_small_steps(MOST_ROWS, few=few)
        self._noted.back(self.back_to).expect_small_steps(MOST_ROWS)

    def _expect_rule_for_the_last(self) -> None:
        """Who comes before a revision, also the last one, gets the right language, or stops the upgrade."""
        copy = self.fresh("the database with late users", watched=False)
        before = copy.snapshot()
        for number, revision in enumerate(revisions_ahead(copy)):
            copy.refusal(f"INSERT INTO users (email) VALUES ('late-{number}@nachbar.de')")  # a check may refuse it
            if run(copy, f"{UPGRADE} {revision}").exit_code != 0:
                return
        now = copy.snapshot()
        self.expect_values(
            "users.language",
            {row["id"]: by_address(row) for row in now.new_rows("users", before)},
            where=now,
            next_step="Where a revision fills in what is left, let it use the same rule, or let it fail.",
        )

    @cached_property
    def _deploy(self) -> tuple[tuple[Snapshot, Snapshot], ...]:
        """What is there when both releases serve, and after the upgrade then; and again when it has been taken back."""
        copy = self.fresh("the database under both releases", watched=False)
        with both_releases(copy, course.lesson("08")) as (old, new):
            for revision in (ahead := revisions_ahead(copy)):
                copy.reach(revision)
                old.expect(*visits(f"old-{revision}"), next_step=MOMENT)
                if not new.unanswered(*visits(f"new-{revision}", "en")):
                    break
                if revision == ahead[-1]:
                    new.expect(*visits("new", "en"), next_step=MOMENT)
            copy.execute("UPDATE users SET language = 'fr' WHERE email = 'ann@example.com'")
            during = copy.snapshot()
            for later in ahead[ahead.index(revision) + 1 :]:
                with part_of("late_users"):
                    copy.reach(later)
                new.expect(*visits(f"new-{later}", "en"))
            head = copy.snapshot()
            with part_of("way_back"):
                copy.downgrade(revision)
                old.expect(*visits("old-back"), since=during, next_step=UNDO)
                new.expect(*visits("new-back", "en"), next_step=UNDO)
                back, again = copy.snapshot(), copy.upgrade()
                copy.downgrade(self.back_to)
                old.expect(*visits("old-start"), next_step=UNDO)
        return (during, head), (back, again)

    @property
    def _chosen_meanwhile(self) -> Iterator[tuple[dict[int, str], Snapshot]]:
        """What users chose while the upgrade ran after the deploy, and what is there afterwards.

        First, users choose when the first statement is about to run; then, the upgrade finds their rows open.
        """
        copy, chosen = self._after_the_deploy(), {}
        with Interruptions(copy).paused_before(1, UPGRADE) as paused:
            without = [id_ for (id_,) in copy.sql(WITHOUT).rows]
            for id_ in {*without[:1], *without[-1:]}:
                if not copy.refusal(f"{SOON}UPDATE users SET language = 'fr' WHERE id = {id_}"):
                    chosen[id_] = "fr"
            completed = paused.completed()
        self.expect_success(
            completed,
            copy,
            expected="The upgrade succeeds while users choose a language.",
            next_step="Let the upgrade use each row's values at the moment when it writes the row.",
        )
        yield chosen, copy.snapshot()
        copy = self._after_the_deploy()
        first, second, *_ = [id_ for (id_,) in copy.sql(WITHOUT).rows] or [0, 0]
        self.expect_success(
            run_behind(
                copy,
                UPGRADE,
                f"UPDATE users SET language = 'fr' WHERE id = {first}",
                f"UPDATE users SET display_name = 'Zo' WHERE id = {second}",
            ),
            copy,
            expected="When somebody has a row of `users` open, the upgrade waits for it or can be run again.",
            heading="A second run fails as well:",
            next_step="Fill in a row that somebody has open, too, and look at what the first run left behind.",
        )
        yield {first: "fr"} if first else {}, copy.snapshot()

    def _after_the_deploy(self) -> Database:
        copy = self.fresh("the database in which users choose a language", watched=False)
        copy.reach(self._both_serve_at)
        return copy

    @property
    def _both_serve_at(self) -> str:
        """The first revision at which both releases serve."""
        return self._deploy[0][0].revisions[0]

    @cached_property
    def _noted(self) -> Noted:
        copy = self.fresh("a copy with many users", watched=False, sql=MANY)
        return noted_upgrade(copy, "users", seconds=MANY_SECONDS)


MOMENT = "The deploy needs a revision at which both releases serve: the column is there, and not required yet."


def by_address(row: dict[str, Any]) -> str:
    """The language of a user who has chosen none."""
    return "de" if row["email"].lower().endswith(".de") else "en"


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
    last = (*FilesJudge.last, "left_alone")

    def required(self) -> None:
        """`users.currency` is required: text of 3 characters, without a default in the database"""
        self.expect_column("users.currency", where=self.head, length=3, nullable=False)

    def values(self) -> None:
        """each user has the currency of the latest order (of two at the same moment: of the higher id), or `EUR`"""
        self._expect_latest(self.head, self.start)
        stall = self._stall[2]
        self._expect_latest(stall, stall)

    def trigger(self) -> None:
        """the trigger that guards the owner is still there after the upgrade"""
        self.expect_as_they_were("trigger")

    def always_there(self) -> None:
        """the printer finds `users` with all its rows at every moment, also when the upgrade dies"""
        statements = Interruptions(self.fresh(watched=False)).statements(UPGRADE)
        gone = [number for number, each in enumerate(statements, start=1) if TAKEN_AWAY.search(each)]
        for number in gone:
            copy = self.fresh("the file", watched=False)
            Interruptions(copy).die_before(number + 1, UPGRADE)
            left = copy.snapshot()
            lost = self.start.values_of("users.email").keys() - left.values_of("users.email").keys()
            self.expect(
                not lost,
                expected="`users` is there with all its rows, whenever somebody looks.",
                found=f"After `{statements[number - 1]}` "
                + (f"{len(lost)} rows are gone." if left.schema.table("users") else "it is gone."),
                cause="The statement is committed by itself. The next run may take what is left for leftovers.",
                next_step="Let what takes the table away and what brings it back be one transaction.",
            )

    def held(self) -> None:
        """no transaction holds the file for long: less than a third of the time of the draft's `UPDATE`, which searches
        all orders for each user (4,000 of each, measured in the check)"""
        longest, naive, _ = self._stall
        self.expect(
            longest < naive * HELD_AT_MOST,
            expected="Each transaction takes less than a third of the time of the draft's `UPDATE`.",
            found="One takes longer, and blocks the printer until it ends.",
            next_step="Do the long work in pieces that commit, or find the values in a way that reads the orders once.",
        )

    @cached_property
    def _stall(self) -> tuple[float, float, Snapshot]:
        """In the stall's file: the answer's longest transaction and the plain way, in seconds, and what is left."""
        answer, naive = (self.fresh("the stall's file", watched=False, sql=STALL) for _ in range(2))
        naive.execute("ALTER TABLE users ADD COLUMN currency VARCHAR(3)")
        began = time.monotonic()
        naive.execute(FOR_EACH_USER)
        plain = time.monotonic() - began
        with longest_transaction(answer) as longest:
            answer.reach(seconds=MANY_SECONDS)
        return longest.seconds, plain, answer.snapshot()

    def _expect_latest(self, now: Snapshot, before: Snapshot) -> None:
        orders = sorted(before.rows_of("orders"), key=lambda row: (str(row["created_at"]), row["id"]))
        latest = {row["user_id"]: row["currency"] for row in orders}
        then = "Look at this user's orders: at their moments to the second, and at their ids."
        self.expect_values("users.currency", lambda row: latest.get(row["id"], "EUR"), where=now, next_step=then)


TAKEN_AWAY = re.compile(r'(DROP TABLE|ALTER TABLE) "?users"?( RENAME TO|$)', re.IGNORECASE)
HELD_AT_MOST = 1 / 3  # of what FOR_EACH_USER takes
STALL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4000)
INSERT INTO users (email) SELECT 'customer-' || n || '@example.com' FROM numbers;
INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
SELECT id, 100, 'paid', '2026-01-01 00:00:00.000000', CASE id % 3 WHEN 0 THEN 'USD' ELSE 'GBP' END
FROM users WHERE email LIKE 'customer-%';
INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
SELECT id, 200, 'paid', '2026-01-01 00:00:00.000000', 'EUR' FROM users WHERE email LIKE 'customer-%' AND id % 5 = 0;
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
    causes = dict.fromkeys(("F30", "F32"), HAS_ROWS)
    adds = ("users", "*")  # the ticket does not say how to mark an unknown country
    writes = ("users.country",)  # `told`, `honest` and `way_back` look at its values
    may_refuse = True
    first = ("upgrade", "no_other_change", "downgrade", "rows_kept")
    last = ("stated", "past", "no_drift", "left_alone")

    def downgrade(self) -> None:
        """`flask db downgrade`, back to the start, undoes exactly what the upgrade did, or refuses"""
        super().downgrade()

    def told(self) -> None:
        """users who have named a country keep it"""
        self.expect_values("users.country", self._told, where=self.head, next_step=ONLY_EMPTY)

    def honest(self) -> None:
        """no user is given a country: those without one have none, or a value that is not the code of a country"""
        self._expect_honest(self.head, self._told)

    def new_users(self) -> None:
        """the database refuses a new user without a country and takes one with a country; so does a new database"""
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

    def service(self) -> None:
        """the shop takes no new user without a country, and makes none up"""
        before, _ = self._served
        then = "Look at the model and at the route: who decides on the country there?"
        self.expect(
            not self._used.snapshot().new_rows("users", before),
            expected="`POST /users` without a country adds no user.",
            found="It adds one.",
            next_step=then,
        )
        run_program(self._used, 'db.session.add(User(email="by-a-program@example.it"))', "db.session.commit()")
        self.expect_none(
            [
                f"The model adds one, whose country is {shown(row['country'])}."
                for row in self._used.snapshot().new_rows("users", before)
            ],
            expected="A program that adds a `User` without a country is refused.",
            next_step=then,
        )

    def old_users(self) -> None:
        """a user whose country is not known can log in and order, and can name the country later"""
        one, *_ = unknown = sorted(self.start.values_of("users.country").keys() - self._told.keys())
        ids = ", ".join(map(str, unknown))
        self.expect_taken(
            self._used,
            f"UPDATE users SET last_login_at = '2026-04-01 10:00:00' WHERE id IN ({ids})",
            f"INSERT INTO orders (user_id, amount_cents, status, created_at) {ORDERS} IN ({ids})",
            expected="Users from before the upgrade can log in and order.",
            next_step=ALL_ROWS,
        )
        _, seen = self._served
        self.expect_none(
            [f"`{what}`: {answer.status}, {answer.reason}" for what, answer in seen.items() if answer.status >= 400],
            expected="The shop lets them log in and order.",
            next_step="Look at the routes: this concerns the tax, and not the user.",
        )
        moves = [f"UPDATE users SET country = '{each}' WHERE id = {one}" for each in COUNTRIES]
        if self._used.refusal("; ".join(moves)):
            self.expect_taken(self._used, *moves, expected="They can name any country.", next_step=ALL_ROWS)

    def way_back(self) -> None:
        """`flask db downgrade` keeps the countries that users have named, also since the upgrade, and makes none up;
        the next upgrade works as the first one did"""
        head, lived = (each.values_of("users.country") for each in (self.head, self.walk.lived))
        since = {id_: each for id_, each in lived.items() if id_ in self._told or (id_ in head and each != head[id_])}
        self.expect_stays("users.country", since, next_step=ONLY_EMPTY)
        for stop in self.walk.stops[1:]:
            self._expect_honest(stop.snapshot, since)

    @cached_property
    def _used(self) -> Database:
        """The database after the upgrade, for users to come and go."""
        return self.upgraded("the database")

    @cached_property
    def _served(self) -> tuple[Snapshot, dict[str, Response]]:
        """What was there before somebody without a country signed up; and the shop's answers to users without one."""
        one, *_ = self.start.values_of("users.country").keys() - self._told.keys()
        with serve(self._used.workspace) as shop:
            seen = {
                f"POST {path}": shop.send("POST", path, body)
                for path, body in (
                    (f"/users/{one}/logins", None),
                    ("/orders", {"user_id": one, "amount_cents": 5}),
                )
            }
            before = self._used.snapshot()
            shop.send("POST", "/users", {"email": "new@example.it"})
        return before, seen

    @cached_property
    def _told(self) -> dict[int, str]:
        """The countries that were known at the start, by the user's id."""
        return self.start.known_values_of("users.country")

    def _expect_honest(self, now: Snapshot, told: dict[int, str]) -> None:
        found = now.values_of("users.country")
        self.expect_none(
            [
                f"In {now.name} the user with id {id_} is said to live in {found[id_]!r}."
                for id_ in self.start.values_of("users.country")
                if id_ not in told and is_country(found.get(id_))
            ],
            expected="Users whose country is not known have none.",
            next_step="Decide how a row shows that its country is not known, and fill in only that, or nothing.",
        )


ONLY_EMPTY = "Touch only rows without a country in `upgrade()`, and only what that wrote in `downgrade()`."
ALL_ROWS = (
    "A constraint applies to each row that is written, and an `UPDATE` writes whole rows: choose one all can meet."
)
COUNTRIES = (Path(__file__).parent / "countries.txt").read_text(encoding="utf-8").split()  # ISO 3166-1 alpha-2
# Not assigned there, and used for a place all the same: by the Union's tax offices, by banks, or by everyone.
ALSO_IN_USE = ("EL", "EU", "UK", "XI", "XK")
ORDERS = "SELECT id, 5, 'paid', '2026-04-01 10:00:00' FROM users WHERE id"


def is_country(value: str | None) -> bool:
    """Whether a reader could mistake it for a country: the code of one, or anything longer than a code."""
    code = (value or "").strip().upper()
    return code in (*COUNTRIES, *ALSO_IN_USE) or len(value or "") > len("ZZ")
