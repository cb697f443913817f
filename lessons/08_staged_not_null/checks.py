"""Lesson 08: what the result of each exercise must be."""

import time
from dataclasses import dataclass, field
from functools import cached_property

from migration_lab import course
from migration_lab.checking import Database, FilesJudge, Snapshot, error_in, listed, transactions
from migration_lab.checking.rollout import both_releases, revisions_ahead
from migration_lab.checking.rows import changed
from migration_lab.checking.stated import expect_stated
from migration_lab.checking.words import revision_names
from migration_lab.schema import diff
from migration_lab.service import Service

MANY_USERS = 50_000
MOST_ROWS = 20_000  # as operations ask for in the ticket
MANY_SECONDS = 60.0  # so that there is time for pauses between batches
HAS_ROWS = (
    "There are users already, and what the revision asks for does not hold for them.",
    "Look at what `users` holds at the moment at which the statement runs.",
)


@dataclass
class Stop:
    """What each release does not answer as it should, while the database stands at a revision."""

    revision: str
    old: list[str]
    new: list[str]


@dataclass
class Deploy:
    """What happened in a rolling deploy: the stops up to the first at which both releases serve, and what came then."""

    stops: list[Stop] = field(default_factory=list)
    upgrade_said: str = ""
    end: list[str] = field(default_factory=list)
    head: Snapshot | None = None
    again: Snapshot | None = None
    back: list[Stop] = field(default_factory=list)


class Language(FilesJudge):
    exercise = "08.1"
    stub_fails = "upgrade"
    changes = fills = ("users.language",)
    causes = {"F30": HAS_ROWS}

    def required(self) -> None:
        """`users.language` is required after the last revision: text of 2 characters, without a default"""
        self.expect_column(
            "users.language",
            where=self.head,
            length=2,
            nullable=False,
            cause="The last step is missing, or the database fills in a language by itself when a program names none.",
            next_step="After the last revision a program that names no language has to be refused.",
        )

    def values(self) -> None:
        """users from before have `de` where their address ends in `.de`, however it is spelled, and `en` otherwise"""
        self.expect_values(
            "users.language",
            lambda row: "de" if row["email"].lower().endswith(".de") else "en",
            where=self.head,
            cause="The old rows are filled in by another rule.",
            next_step="Look at addresses with several dots, in capitals, and with `.de` in the middle.",
        )

    def both_serve(self) -> None:
        """there is a revision at which the old release and the new one both serve; before it the old one does, and
        after the last revision the new one; after the way back the old one serves again"""
        deploy, last = self._deploy, self._deploy.stops[-1]
        for stop in deploy.stops:
            new = "does, too" if stop.new else "serves"
            self.expect(
                not stop.old,
                expected="The old release serves until there is a revision at which both do.",
                found=listed([f"At {stop.revision} the old release fails, and the new one {new}.", *stop.old]),
                cause="The column comes and is required in one revision, so that one of the releases always fails.",
                next_step="Between the column and the promise there has to be a moment for the deploy.",
            )
        self.expect(
            not last.new,
            expected="At one of the revisions both releases serve.",
            found=f"At {last.revision}, the last, the new release fails.\n{listed(last.new)}",
            next_step=FIRST,
        )
        end = deploy.end
        self.expect(not end, expected="The new release serves at the end.", found=listed(end), next_step=FIRST)

    def late_users(self) -> None:
        """users whom the old release takes until the deploy is over have their language in the end"""
        deploy = self._deploy
        late = deploy.head and next(r["language"] for r in deploy.head.rows_of("users") if r["email"] == LATE)
        self.expect(
            late == "de",
            expected="A user whom the old release took during the deploy gets a language, and the upgrade succeeds.",
            found=deploy.upgrade_said or f"The language is {late!r}.",
            cause="The old rows are filled in before the old release is gone, and nobody does it again.",
            next_step="Fill in what is empty in a revision that comes after the deploy.",
        )

    def chosen(self) -> None:
        """what users have chosen stays, also when you go back to the first revision at which both serve, and forward
        again"""
        deploy = self._deploy
        there = ((deploy.head, "after the last revision"), (deploy.again, "after going back and up again"))
        for snapshot, when in there:
            assert snapshot
            found = {row["email"]: row.get("language") for row in snapshot.rows_of("users") if row["email"] in CHOSEN}
            self.expect(
                found == CHOSEN,
                expected="ann@example.com has chosen `fr`, and chosen@beispiel.de has chosen `en`.",
                found=f"{', '.join(f'{email} has {value!r}' for email, value in found.items())}, {when}.",
                cause="An `UPDATE` touches rows that have a value, or a `downgrade()` empties them.",
                next_step="Let `UPDATE` find only rows without a value, and let its `downgrade()` leave the values.",
            )

    def way_back(self) -> None:
        """on the way back each release serves where it served on the way up"""
        for stop in self._deploy.back:
            for release, failed in (("old", stop.old), ("new", stop.new)):
                self.expect(
                    not failed,
                    expected=f"Back at {stop.revision} the {release} release serves, as it did on the way up.",
                    found=listed(failed),
                    cause="A `downgrade()` leaves in place what the release cannot live with.",
                    next_step="Undo in `downgrade()` each thing that `upgrade()` did.",
                )

    def many_users(self) -> None:
        """with 50,000 users more the upgrade comes to its end within a minute, and they all have their language"""
        _ = self._noted
        wrong = self._large.sql(
            "SELECT language, count(*) FROM users WHERE email LIKE '%@example.de' AND language IS DISTINCT FROM 'de' "
            "GROUP BY 1 ORDER BY 1"
        ).rows
        self.expect(
            not wrong,
            expected=f"{MANY_USERS} users with an address at example.de have the language 'de'.",
            found=listed([f"{count} of them have {language!r}." for language, count in wrong]),
            next_step="Look at the first and the last id that the batches reach, and at gaps between the ids.",
        )

    def open_doors(self) -> None:
        """no transaction keeps people out of `users` and reads or changes a lot of it meanwhile (50,000 users)"""
        noted = self._noted
        rows = transactions.rows_in_one_transaction(noted, under_lock=True)
        reads = any(each.whole_reads for each in noted if each.keeps_out)
        everyone = any(each.keeps_out == "everyone" for each in noted if each.whole_reads or each.rows)
        self.expect(
            not reads and rows <= MOST_ROWS,
            expected="A lock that keeps people out of `users` lasts for a moment.",
            found=("Everyone waits" if everyone else "Everyone who writes waits")
            + (f" while a transaction changes {rows} rows." if rows > MOST_ROWS else " while the whole table is read."),
            cause="A strong lock of one statement lasts through the long work of another, or of the same.",
            next_step="Give each step a transaction of its own. The promise can rest on a check that was validated "
            "before.",
        )

    def small_steps(self) -> None:
        """no transaction changes more than 20,000 users (of 50,000)"""
        rows = transactions.rows_in_one_transaction(self._noted)
        self.expect(
            rows <= MOST_ROWS,
            expected=f"No transaction changes more than {MOST_ROWS} users.",
            found=f"One transaction changes {rows}, and keeps them locked until it ends.",
            cause="One statement fills in all rows, and each of them is locked until the last one is done.",
            next_step="Fill in by ranges of the primary key, and commit after each.",
        )

    def stated(self) -> None:
        """a `downgrade()` that loses something, leaves something or refuses says so"""
        expect_stated(self.fresh(watched=False), "users.language", self.back_to)

    @cached_property
    def _deploy(self) -> Deploy:
        """Walk through the revisions with both releases running, and deploy at the first at which both serve."""
        copy, deploy = self.fresh("the database under both releases", watched=False), Deploy()
        with both_releases(copy, course.lesson("08")) as (old, new):
            for revision in revisions_ahead(copy):
                copy.upgrade(revision)
                deploy.stops.append(stop(revision, old, new))
                if not (deploy.stops[-1].old or deploy.stops[-1].new):
                    break
            else:
                return deploy
            old.post("/users", {"email": LATE})
            new.post("/users", {"email": "chosen@beispiel.de", "language": "en"})
            copy.execute("UPDATE users SET language = 'fr' WHERE email = 'ann@example.com'")
            done = copy.flask("db upgrade")
            if done.exit_code != 0:
                deploy.upgrade_said = error_in(done.output, copy.folder)
                return deploy
            deploy.head = copy.snapshot()
            deploy.end = refusals(new, "head", language="de")
            copy.downgrade(revision)
            deploy.back.append(stop(revision, old, new, name="back"))
            deploy.again = copy.upgrade()
            copy.downgrade(self.back_to)
            deploy.back.append(Stop("the start", refusals(old, "start"), []))
        return deploy

    @cached_property
    def _large(self) -> Database:
        return self.fresh("a copy with many users", watched=False, sql=MANY)

    @cached_property
    def _noted(self) -> list[transactions.Statement]:
        """What each statement does to many users, and whom its transaction keeps out meanwhile."""
        transactions.note_statements(self._large, "users")
        self._large.reach(seconds=MANY_SECONDS)
        return transactions.noted_statements(self._large)


FIRST = "Read the first reason: it says what the release misses in the database."
LATE = "late@beispiel.de"
CHOSEN = {"ann@example.com": "fr", "chosen@beispiel.de": "en"}
MANY = f"INSERT INTO users (email) SELECT n || '@example.de' FROM generate_series(1, {MANY_USERS}) AS n"


def stop(revision: str, old: Service, new: Service, name: str = "") -> Stop:
    """Ask both releases; each time with another name."""
    name = f"{revision}{name}"
    return Stop(revision, refusals(old, f"{name}-old"), refusals(new, f"{name}-new", language="fr"))


def refusals(service: Service, name: str, language: str = "") -> list[str]:
    """Which requests a release does not answer as it should, and why."""
    asked = {
        "POST /users": service.post("/users", {"email": f"{name}@example.com"}),
        "GET /users/2": service.get("/users/2"),
        "POST /users/2/logins": service.post("/users/2/logins"),
    }
    if language:
        body = {"email": f"{name}-{language}@example.com", "language": language}
        asked["POST /users with a language"] = service.post("/users", body)
    return [f"{request}: {answer.reason}" for request, answer in asked.items() if not answer.ok]


class Till(FilesJudge):
    exercise = "08.2"
    stub_fails = "trigger"
    changes = ("users.currency",)
    by_hand = ("users.keep_owner",)

    def required(self) -> None:
        """`users.currency` is required: text of 3 characters, without a default in the database"""
        self.expect_column(
            "users.currency",
            where=self.head,
            length=3,
            nullable=False,
            next_step="A program that names no currency has to be refused by the database.",
        )

    def values(self) -> None:
        """each user has the currency of the latest order (of two at the same moment: of the higher id), or `EUR`"""
        self._expect_latest(self.head, self.start)

    def trigger(self) -> None:
        """what guards the owner is still there after the upgrade"""
        before, after = (
            [f"{each.name}: {each}" for table in now.schema.tables for each in table.triggers]
            for now in (self.start, self.head)
        )
        self.expect(
            after == before,
            expected="The trigger `keep_owner` is as it was.",
            found=listed(after) or "It is gone.",
            cause="" if after else "Batch mode makes a new table, and the trigger goes with the old one.",
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
        with transactions.longest_transaction(answer) as longest:
            answer.reach(seconds=MANY_SECONDS)
        now = answer.snapshot()
        self._expect_latest(now, now)
        self.expect(
            longest.seconds < allowed,
            expected="No transaction takes as long as a third of the plain way.",
            found="One does. Nobody else can use the till meanwhile.",
            cause="One statement looks through all orders again for each user, and the file is locked meanwhile.",
            next_step="Do the long work in pieces that commit, or find a way to the values that reads the orders once.",
        )

    def _expect_latest(self, now: Snapshot, before: Snapshot) -> None:
        orders = sorted(before.rows_of("orders"), key=lambda row: (str(row["created_at"]), row["id"]))
        latest = {row["user_id"]: row["currency"] for row in orders}
        self.expect_values(
            "users.currency",
            lambda row: latest.get(row["id"], "EUR"),
            where=now,
            next_step="Look at this user's orders: at their moments to the second, and at their ids.",
        )


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
    writes = ("users.country",)  # `told` and `honest` look at its values
    may_refuse = True
    first = ("upgrade", "rows_kept")
    last = ("no_other_change", "no_drift")

    def rows_kept(self) -> None:
        """every user and order is there, with all other values"""
        self.expect_rows(
            self.start,
            self.head,
            next_step="Look for `DELETE`, `UPDATE` and `drop_column` in the revisions, and at which rows they touch.",
        )

    def told(self) -> None:
        """who has told a country keeps it"""
        self._expect_told(self.head)

    def honest(self) -> None:
        """nobody is given a country: who had none has none, or a value that is no country's code"""
        self._expect_honest(self.head)

    def new_users(self) -> None:
        """the database refuses a new user without a country, and takes one with a country, in a new database too"""
        for database in (self._used, self.new[0]):
            self._expect_required(database)
        refused = self._used.refusal("INSERT INTO users (email, country) VALUES ('new@example.fr', 'FR')")
        self.expect(not refused, expected="A new user from FR is taken.", found=refused, next_step=ALL_ROWS)

    def old_users(self) -> None:
        """a user whose country is not known can log in and order, and can tell the country later"""
        one, *_ = unknown = self._unknown
        ids = ", ".join(map(str, unknown))
        for words, sql in (
            ("log in", f"UPDATE users SET last_login_at = CURRENT_TIMESTAMP WHERE id IN ({ids})"),
            ("order", f"INSERT INTO orders (user_id, amount_cents, status, created_at) {ORDERS} IN ({ids})"),
            ("say that they live in PT", f"UPDATE users SET country = 'PT' WHERE id = {one}"),
        ):
            refused = self._used.refusal(sql)
            self.expect(not refused, expected=f"Users from before can {words}.", found=refused, next_step=ALL_ROWS)

    def way_back(self) -> None:
        """`flask db downgrade` to the start keeps what users have told, takes back the rest, and lets in users without
        a country; or it refuses. The upgrade after it works as the first one did"""
        used = self._used
        before = used.snapshot()
        since = {row["id"]: row["country"] for row in before.rows_of("users") if row["email"] == "new@example.fr"}
        since[self._unknown[0]] = "PT"
        if used.refuses(f"db downgrade {self.back_to}"):
            self._expect_told(used.snapshot(), since, "after the downgrade, which refuses")
            return
        now = used.snapshot()
        self._expect_told(now, since, "after the downgrade")
        lost = changed(before.tables, now.tables, self.may, columns=self.start.tables)
        left = [str(each) for each in diff(self.start.schema, now.schema)]
        left += [] if now.revisions == self.start.revisions else [f"It stands at {revision_names(now.revisions)}."]
        self.expect(
            not (lost or left),
            expected="The downgrade leads to the schema of the start, and rows keep their other values.",
            found=listed([*lost, *left]),
            next_step="Take back in `downgrade()` each thing that `upgrade()` did, and nothing else.",
        )
        refused = used.refusal("INSERT INTO users (email) VALUES ('back@example.com')")
        self.expect(
            not refused,
            expected="After the downgrade the shop of before takes users without a country.",
            found=refused,
            next_step="Take back the promise in `downgrade()`.",
        )
        again = used.upgrade()
        self._expect_told(again, since, "after the second upgrade")
        self._expect_honest(again, "after the second upgrade")
        self._expect_required(used)

    def stated(self) -> None:
        """a `downgrade()` that loses something, leaves something or refuses says so"""
        expect_stated(self.fresh(watched=False), "users.country", self.back_to)

    @cached_property
    def _used(self) -> Database:
        """The database after the upgrade, for users to come and go."""
        used = self.fresh("the database", watched=False)
        used.reach()
        return used

    @property
    def _unknown(self) -> list[int]:
        return [each for each, country in self.start.values_of("users.country").items() if country is None]

    def _expect_told(self, now: Snapshot, since: dict[int, str] | None = None, when: str = "after the upgrade") -> None:
        told = {id_: each for id_, each in self.start.values_of("users.country").items() if each is not None}
        found = now.values_of("users.country")
        wrong = [
            f"The user with id {id_} has told {each!r}, and has {found.get(id_)!r}, {when}."
            for id_, each in (told | (since or {})).items()
            if found.get(id_) != each
        ]
        self.expect(
            not wrong,
            expected="What users have told stays.",
            found=listed(wrong, most=3),
            next_step="Touch only rows without a country in `upgrade()`, and only what that wrote in `downgrade()`.",
        )

    def _expect_honest(self, now: Snapshot, when: str = "after the upgrade") -> None:
        found = now.values_of("users.country")
        nobody = set(self._unknown[1:] if when != "after the upgrade" else self._unknown)
        nobody |= {row["id"] for row in now.rows_of("users") if row["email"] == "back@example.com"}
        invented = [
            f"The user with id {id_} is said to live in {found[id_]!r}, {when}."
            for id_ in sorted(nobody)
            if str(found.get(id_)).strip().upper() in COUNTRIES.split() or len(str(found.get(id_) or "")) > len("ZZ")
        ]
        self.expect(
            not invented,
            expected="Users of whom no country is known have none.",
            found=listed(invented, most=3),
            cause="A value was made up for rows of which nothing is known.",
            next_step="Decide how a row says that its country is not known, and fill in that, or nothing.",
        )

    def _expect_required(self, database: Database) -> None:
        for words, sql in (
            ("names no country", "INSERT INTO users (email) VALUES ('new-1@example.com')"),
            ("says NULL", "INSERT INTO users (email, country) VALUES ('new-2@example.com', NULL)"),
        ):
            self.expect(
                database.refusal(sql),
                expected="A new user needs a country.",
                found=f"An `INSERT` that {words} succeeds in {database.name}.",
                next_step="Try an `INSERT` without a country, and one with `NULL`, after the last revision.",
            )


ALL_ROWS = (
    "A constraint holds for each row that is written, and an `UPDATE` writes a whole row: look for one that all keep."
)
ORDERS = "SELECT id, 5, 'paid', CURRENT_TIMESTAMP FROM users WHERE id"
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
