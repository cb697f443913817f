"""Lesson 08: what the result of each exercise must be."""

import time
from typing import Any

from migration_lab import course
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
from migration_lab.checking.rollout import both_releases, revisions_ahead
from migration_lab.checking.stated import STATED, expect_stated
from migration_lab.checking.transactions import (
    longest_transaction,
    note_statements,
    noted_statements,
    rows_in_one_transaction,
)
from migration_lab.checking.words import error_in, listed
from migration_lab.service import Service

MANY_USERS = 100_000
MOST_ROWS = 20_000  # as operations ask for in the ticket
HELD_AT_MOST = 1 / 3  # of what FOR_EACH_USER takes
TILL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4000)
INSERT INTO users (email) SELECT 'customer-' || n || '@example.com' FROM numbers;
INSERT INTO orders (user_id, amount_cents, status, created_at, currency)
SELECT id, 100, 'paid', '2026-01-01 00:00:00.000000', 'GBP' FROM users;
"""
FOR_EACH_USER = """
UPDATE users SET currency = coalesce(
    (SELECT currency FROM orders WHERE user_id = users.id ORDER BY created_at DESC, id DESC LIMIT 1), 'EUR'
)
"""

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


@judges(
    "08.1",
    UPGRADE,
    Expectation(
        "required",
        "`users.language` is required after the last revision: text of 2 characters, without a default in the database",
        cause="The last step is missing, or the database fills in a language by itself when a program names none.",
        next_step="After the last revision a program that names no language has to be refused.",
    ),
    Expectation(
        "values",
        "users from before have `de` where their address ends in `.de`, however it is spelled, and `en` otherwise",
        cause="The old rows are filled in by another rule.",
        next_step="Compare `lower(email)` with a pattern, and look at the addresses that end in `.DE`.",
    ),
    Expectation(
        "both_serve",
        "there is a revision at which the old release and the new one both serve; before it the old one does, and "
        "after the last revision the new one",
        cause="The column comes and is required in one revision, so that one of the releases always fails.",
        next_step="Between the column and the promise there has to be a moment for the deploy.",
    ),
    Expectation(
        "late_users",
        "users whom the old release takes until the deploy is over have their language in the end",
        cause="The old rows are filled in before the old release is gone, and nobody does it again.",
        next_step="Fill in what is empty in a revision that comes after the deploy.",
    ),
    Expectation(
        "chosen",
        "what users have chosen stays, also when you go back to the first revision at which both serve, and forward "
        "again",
        cause="An `UPDATE` touches rows that have a value, or a `downgrade()` empties them.",
        next_step="Let `UPDATE` find only rows without a value, and let its `downgrade()` leave the values.",
    ),
    Expectation(
        "open_doors",
        "no transaction keeps people out of `users` and reads or changes a lot of it meanwhile (100,000 users)",
        cause="A strong lock of one statement lasts through the long work of another, or of the same.",
        next_step="Give each step a transaction of its own. The promise can rest on a check that was validated before.",
    ),
    Expectation(
        "small_steps",
        "no transaction changes more than 20,000 users (of 100,000)",
        cause="One statement fills in all rows, and each of them is locked until the last one is done.",
        next_step="Fill in by ranges of the primary key, and commit after each.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    STATED,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="upgrade",
)
def judge_language(trial: Trial) -> None:
    (start,) = trial.stands_at()
    trial.upgrade()
    expect_required(trial, "language", 2)
    wanted = {row["id"]: language_of(row["email"]) for row in trial.rows_of("users")}
    expect_values(trial, "language", wanted)
    judge_the_rollout(trial)
    judge_a_large_table(trial)
    trial.no_other_change("users.language")
    expect_stated(trial, "users", "language", start)
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()


def language_of(email: str) -> str:
    return "de" if email.lower().endswith(".de") else "en"


def judge_the_rollout(trial: Trial) -> None:
    """Walk through the revisions with both releases running, and deploy at the first at which both serve."""
    copy = trial.fresh()
    with both_releases(copy, course.lesson("08")) as (old, new):
        for revision in revisions_ahead(copy):
            copy.flask("db", "upgrade", revision)
            before, after = refusals(old, f"{revision}-old"), refusals(new, f"{revision}-new", language="fr")
            if not before and not after:
                break
            trial.expect(
                "both_serve",
                not before,
                expected="The old release serves until there is a revision at which both do.",
                found=f"At {revision} the old release fails, and the new one {'does, too' if after else 'serves'}.\n"
                + listed(before),
            )
        trial.expect(
            "both_serve",
            not before and not after,
            expected="At one of the revisions both releases serve.",
            found=f"At {revision}, the last, the new release fails.\n{listed(after)}",
        )
        old.post("/users", {"email": "late@beispiel.de"})
        new.post("/users", {"email": "chosen@beispiel.de", "language": "en"})
        copy.execute("UPDATE users SET language = 'fr' WHERE id = 1")
        completed = copy.flask("db", "upgrade")
        late = values_of(copy, "language")["late@beispiel.de"]
        trial.expect(
            "late_users",
            completed.exit_code == 0 and late == "de",
            expected="A user whom the old release took during the deploy gets a language, and the upgrade succeeds.",
            found=error_in(completed.output, copy.folder) if completed.exit_code else f"The language is {late!r}.",
        )
        after = refusals(new, "head", language="de")
        trial.expect("both_serve", not after, expected="The new release serves at the end.", found=listed(after))
    expect_chosen(trial, copy, "after the last revision")
    copy.flask("db", "downgrade", revision)
    copy.flask("db", "upgrade")
    expect_chosen(trial, copy, f"after going back to {revision} and up again")


def expect_chosen(trial: Trial, copy: Copy, when: str) -> None:
    wanted = {"ann@example.com": "fr", "chosen@beispiel.de": "en"}
    found = {email: value for email, value in values_of(copy, "language").items() if email in wanted}
    trial.expect(
        "chosen",
        found == wanted,
        expected="ann@example.com has chosen `fr`, and chosen@beispiel.de has chosen `en`.",
        found=f"{', '.join(f'{email} has {value!r}' for email, value in found.items())}, {when}.",
    )


def judge_a_large_table(trial: Trial) -> None:
    """What each statement does to many users, and whom its transaction keeps out meanwhile."""
    large = trial.fresh()
    large.execute(f"INSERT INTO users (email) SELECT n || '@example.de' FROM generate_series(1, {MANY_USERS}) AS n")
    note_statements(large, "users")
    large.flask("db", "upgrade")
    noted = noted_statements(large)
    rows = rows_in_one_transaction(noted, under_lock=True)
    reads = any(each.whole_reads for each in noted if each.keeps_out)
    everyone = any(each.keeps_out == "everyone" for each in noted if each.whole_reads or each.rows)
    trial.expect(
        "open_doors",
        not reads and rows <= MOST_ROWS,
        expected="Whoever keeps people out of `users` does so for a moment.",
        found=("Everyone waits" if everyone else "Everyone who writes waits")
        + (f" while a transaction changes {rows} rows." if rows > MOST_ROWS else " while the whole table is read."),
    )
    rows = rows_in_one_transaction(noted)
    trial.expect(
        "small_steps",
        rows <= MOST_ROWS,
        expected=f"No transaction changes more than {MOST_ROWS} users.",
        found=f"One transaction changes {rows}, and keeps them locked until it ends.",
    )


@judges(
    "08.2",
    UPGRADE,
    Expectation(
        "required",
        "`users.currency` is required: text of 3 characters, without a default in the database",
        cause="The promise is missing, or the database fills in a currency by itself when a program names none.",
        next_step="A program that names no currency has to be refused by the database.",
    ),
    Expectation(
        "values",
        "each user has the currency of the latest order (of two at the same moment: of the higher id), or `EUR`",
        cause="The rows are filled in by another rule.",
        next_step="Look at a user with several orders, and at one with none.",
    ),
    Expectation(
        "trigger",
        "what guards the owner is still there after the upgrade",
        cause="Batch mode makes a new table, and a trigger goes with the old one. Alembic does not make it again.",
        next_step="Ask the database for all that belongs to the table, and make again what the copy loses.",
    ),
    Expectation(
        "held",
        "no transaction keeps the file for long: less than a third of the time of the draft's `UPDATE`, which looks "
        "for each user through all orders (4,000 of each, measured in the check)",
        cause="One statement looks through all orders again for each user, and the file is locked meanwhile.",
        next_step="Do the long work in pieces that commit, or find a way to the values that reads the orders once.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="trigger",
)
def judge_till(trial: Trial) -> None:
    before = trial.schema().table("users")
    latest = {
        row["user_id"]: row["currency"]
        for row in sorted(trial.rows_of("orders"), key=lambda row: (str(row["created_at"]), row["id"]))
    }
    trial.upgrade()
    expect_required(trial, "currency", 3)
    expect_values(trial, "currency", {row["id"]: latest.get(row["id"], "EUR") for row in trial.rows_of("users")})
    after = trial.schema().table("users")
    trial.expect(
        "trigger",
        bool(before and after) and after.triggers == before.triggers,
        expected="The trigger `keep_owner` is as it was.",
        found=listed([f"{each.name}: {each}" for each in after.triggers])
        if after and after.triggers
        else "It is gone.",
    )
    judge_time_held(trial)
    trial.no_other_change("users.currency")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()


def judge_time_held(trial: Trial) -> None:
    """Compare the longest transaction with the naive statement, in this run, on this machine."""
    answer, naive = trial.fresh(), trial.fresh()
    for each in (answer, naive):
        each.execute(TILL)
    naive.execute("ALTER TABLE users ADD COLUMN currency VARCHAR(3)")
    began = time.monotonic()
    naive.execute(FOR_EACH_USER)
    allowed = (time.monotonic() - began) * HELD_AT_MOST
    with longest_transaction(answer) as longest:
        answer.flask("db", "upgrade")
    trial.expect(
        "held",
        longest.seconds < allowed,
        expected="No transaction takes as long as a third of the plain way.",
        found="One does. Nobody else can use the till meanwhile.",
    )


@judges(
    "08.3",
    UPGRADE,
    Expectation(
        "honest",
        "nobody is given a country: who had none has none, or a value that is no country's code",
        cause="A value was made up for rows of which nothing is known.",
        next_step="Decide how a row says that its country is not known, and fill in that, or nothing.",
    ),
    Expectation(
        "new_users",
        "the database refuses a new user without a country, and takes one with a country",
        cause="Nothing is required, or the database fills in something by itself when a program names no country.",
        next_step="Try an `INSERT` without a country, and one with `NULL`, after the last revision.",
    ),
    Expectation(
        "old_users",
        "a user whose country is not known can log in, and can tell the country later",
        cause="The constraint holds for each row that is written, and an `UPDATE` writes the whole row anew.",
        next_step="Look for a constraint that the rows of today keep, all of them.",
    ),
    Expectation(
        "way_back",
        "`flask db downgrade` to the start keeps what users have told, and lets in users without a country; or it "
        "refuses",
        cause="The downgrade empties or drops more than the upgrade has brought, or leaves the constraint in place.",
        next_step="The column was there before. Take back the promise, and nothing that a user has said.",
    ),
    STATED,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="honest",
)
def judge_country(trial: Trial) -> None:
    unknown = [row["id"] for row in trial.rows_of("users") if row["country"] is None]
    (start,) = trial.stands_at()
    trial.upgrade()
    expect_honest(trial, trial, unknown, "after the upgrade")
    trial.rows_kept(besides=("users.country",))
    used = trial.fresh()
    used.flask("db", "upgrade")
    expect_new_users(trial, used)
    expect_old_users(trial, used, unknown)
    went_back = used.flask("db", "downgrade", start).exit_code == 0
    told = {row["email"]: row["country"] for row in used.rows_of("users") if row.get("country")}
    trial.expect(
        "way_back",
        told.get("new@example.fr") == "FR" and told.get("ann@example.com") == "PT",
        expected="The users who have told their country since still have it.",
        found="Some of them have none any more.",
    )
    expect_honest(trial, used, unknown[1:], "after the downgrade")
    trial.expect(
        "way_back",
        not went_back or not used.refusal("INSERT INTO users (email) VALUES ('back@example.com')"),
        expected="After the downgrade the shop of before takes users without a country.",
        found="It is refused.",
    )
    expect_stated(trial, "users", "country", start)
    trial.no_drift()


def expect_honest(trial: Trial, copy: Copy, unknown: list[int], when: str) -> None:
    found = {row["id"]: row.get("country") for row in copy.rows_of("users")}
    invented = sorted({str(found[each]) for each in unknown if str(found.get(each)).upper() in COUNTRIES.split()})
    trial.expect(
        "honest",
        not invented,
        expected="Users of whom no country is known have none.",
        found=f"Some of them are said to live in {', '.join(invented)}, {when}.",
    )


def expect_new_users(trial: Trial, copy: Copy) -> None:
    for words, sql in (
        ("names no country", "INSERT INTO users (email) VALUES ('new-1@example.com')"),
        ("says NULL", "INSERT INTO users (email, country) VALUES ('new-2@example.com', NULL)"),
    ):
        trial.expect(
            "new_users",
            bool(copy.refusal(sql)),
            expected="A new user needs a country.",
            found=f"An `INSERT` that {words} succeeds.",
        )
    refused = copy.refusal("INSERT INTO users (email, country) VALUES ('new@example.fr', 'FR')")
    trial.expect("new_users", not refused, expected="A new user from FR is taken.", found=refused)


def expect_old_users(trial: Trial, copy: Copy, unknown: list[int]) -> None:
    ids = ", ".join(map(str, unknown))
    for words, sql in (
        ("log in", f"UPDATE users SET last_login_at = CURRENT_TIMESTAMP WHERE id IN ({ids})"),
        ("say that they live in PT", f"UPDATE users SET country = 'PT' WHERE id = {unknown[0]}"),
    ):
        refused = copy.refusal(sql)
        trial.expect("old_users", not refused, expected=f"Users from before can {words}.", found=refused)


# ------------------------------------------------------------------------------------------------------- for all three


def expect_required(trial: Trial, name: str, length: int) -> None:
    users = trial.schema().table("users")
    column = users.column(name) if users else None
    trial.expect(
        "required",
        column is not None and not column.nullable and column.length == length and column.default is None,
        expected=f"`users.{name}` is text of {length} characters that must not be null, without a default.",
        found=f"It is {column}." if column else "It is not there.",
    )


def expect_values(trial: Trial, name: str, wanted: dict[Any, str]) -> None:
    wrong = [
        f"{row['email']} has {row[name]!r}, and should have {wanted[row['id']]!r}"
        for row in trial.rows_of("users")
        if row["id"] in wanted and row[name] != wanted[row["id"]]
    ]
    trial.expect("values", not wrong, expected="Each user has the value of the rule.", found=listed(wrong, most=3))


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


def values_of(copy: Copy, column: str) -> dict[str, Any]:
    """A column of `users` by address."""
    return {row["email"]: row.get(column) for row in copy.rows_of("users")}
