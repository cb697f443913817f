"""Lesson 09: what the result of each exercise must be."""

from migration_lab import storage
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
from migration_lab.checking.transactions import (
    Statement,
    note_statements,
    noted_statements,
    rows_in_one_transaction,
)
from migration_lab.checking.words import differences_in, listed
from migration_lab.errors import LabError
from migration_lab.service import serve

COLUMNS = "user_id, amount_cents, currency, status, created_at"
OLD_RELEASE = f"INSERT INTO orders ({COLUMNS}) VALUES (3, 1250, 'EUR', 'pending', '2026-02-16 12:00:00')"
PARTNER = f"INSERT INTO orders ({COLUMNS}) VALUES (5, 990, 'EUR', 'paid', '2026-02-23 03:00:00')"
WEB, PARTNERS = "It has `web`.", "It has `partner`."
MOST_ROWS = 5_000  # that one transaction may change


@judges(
    "09.1",
    UPGRADE,
    Expectation(
        "old_orders",
        "`orders.source` is there, and all orders from before have `web`",
        cause="There is no such column yet, or the old rows got the value that is meant for others, or none.",
        next_step="The ticket says what the old orders get. Ask who fills them in, and at which moment.",
    ),
    Expectation(
        "required",
        "no order can be without a source",
        cause="The column may be null.",
        next_step="Say `nullable=False`, and see to it that each row has a value by then.",
    ),
    Expectation(
        "deploy",
        "an order that the release of today writes after your first new revision is accepted, and has `web` in the end",
        cause="That release leaves the column out, and what the database fills in at this moment is not meant for it.",
        next_step="Which default is right while the old release runs, and which one a day later? Two revisions.",
    ),
    Expectation(
        "app",
        "an order from the shop has `web`",
        cause="The model says nothing, so the database fills in what is meant for the partner.",
        next_step="What the app writes is a matter of the model's `default`.",
    ),
    Expectation(
        "script",
        "orders from `scripts/phone_orders.sql` have `phone`",
        cause="The script does not name the column, or does not run any more.",
        next_step="Add the column and its value to the script's INSERT.",
    ),
    Expectation(
        "job",
        "an order from the partner's job has `partner`",
        cause="The job leaves the column out: the server default of the last revision is missing or not meant for it.",
        next_step="A default that somebody relies on stays.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="old_orders",
)
def judge_source(trial: Trial) -> None:
    start = trial.stands_at()
    trial.upgrade()
    table = trial.schema().table("orders")
    column = table.column("source") if table else None
    old = trial.query("SELECT DISTINCT source FROM orders ORDER BY source").rows if column else ()
    trial.expect(
        "old_orders",
        old == (("web",),),
        expected="All orders from before have the source `web`.",
        found=f"They have {', '.join(str(each) for (each,) in old)}." if column else "`orders` has no column `source`.",
    )
    assert column is not None
    trial.expect("required", not column.nullable, expected="It must not be null.", found=f"`source` is {column}.")

    lived = trial.fresh()
    lived.flask("db", "upgrade", new_revisions(trial, start)[0])
    refused = lived.refusal(OLD_RELEASE)
    stops = lived.flask("db", "upgrade").exit_code != 0
    said = refused or (stops and "After it, `flask db upgrade` fails.") or newest(lived)
    trial.expect("deploy", said == WEB, expected=f"Its order is there. {WEB}", found=said)

    said = refusal_of_the_shop(lived) or newest(lived)
    trial.expect("app", said == WEB, expected=f"The order of `POST /orders` is there. {WEB}", found=said)

    script = lived.folder / "scripts" / "phone_orders.sql"
    before = lived.query("SELECT max(id) FROM orders").scalar
    refused = lived.refusal(script.read_text(encoding="utf-8")) if script.is_file() else "The script is gone."
    phoned = [source for (source,) in lived.query(f"SELECT source FROM orders WHERE id > {before}").rows]
    trial.expect(
        "script",
        phoned == ["phone", "phone"],
        expected="Two orders more, both with `phone`.",
        found=refused or f"They have {', '.join(map(str, phoned))}.",
    )

    said = lived.refusal(PARTNER) or newest(lived)
    trial.expect("job", said == PARTNERS, expected=f"The job's order is there. {PARTNERS}", found=said)

    trial.no_other_change("orders.source")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()


@judges(
    "09.2",
    UPGRADE,
    Expectation(
        "own_value",
        "each order from before has a `public_id` of its own",
        cause="The old rows got none, or all of them got one and the same value, made once when the file was run.",
        next_step="The database has to call the function for each row: in SQL, not in Python.",
    ),
    Expectation(
        "in_place",
        "on Postgres the table is not written anew",
        cause="The column came together with a default that is another one for each row.",
        next_step="Look at the table of changes in the lesson: which ones are in place?",
    ),
    Expectation(
        "locked_out",
        "on Postgres nobody is locked out while rows are filled in",
        cause="The transaction that changes the table fills in its rows too, and keeps its lock until it ends.",
        next_step="Let the change of the table be committed before the first row is filled in.",
    ),
    Expectation(
        "batches",
        "on Postgres no transaction changes more than 5,000 rows",
        cause="One statement fills in all rows, or all batches are in one transaction.",
        next_step="Fill in the rows in ranges of ids, in `op.get_context().autocommit_block()`.",
    ),
    Expectation(
        "job",
        "an order of the partner's job has a `public_id` of its own, whenever it was written",
        cause="The job leaves the column out, and the database has no default for it; or it got one too late.",
        next_step="New rows first, then the old ones: whoever comes between must not be forgotten.",
    ),
    Expectation(
        "app",
        "an order from the shop has a `public_id` of its own",
        cause="The model has the column and no default, so SQLAlchemy sends NULL, and NULL is not filled in.",
        next_step="Give the model a default, or tell it that the server has one.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="own_value",
)
def judge_public_id(trial: Trial) -> None:
    start = trial.stands_at()
    before = storage.read(trial.url, "orders")
    trial.upgrade()
    table = trial.schema().table("orders")
    column = table.column("public_id") if table else None
    trial.expect(
        "own_value",
        column is not None and not without_own_value(trial),
        expected="As many different values as orders.",
        found=without_own_value(trial) if column else "`orders` has no column `public_id`.",
    )
    on_sqlite = trial.engine.name == "sqlite"
    trial.expect(
        "in_place",
        on_sqlite or not storage.read(trial.url, "orders").since(before).rewritten,
        expected="The rows of `orders` lie where they lay.",
        found="All of them were written into a new file, and nobody got at the table meanwhile.",
    )
    noted = statements_of_an_upgrade(trial)
    trial.expect(
        "locked_out",
        rows_in_one_transaction(noted, under_lock=True) <= MOST_ROWS,
        expected="`orders` is locked for moments only.",
        found="It was locked against all who write, from a change of the table until many rows were filled in.",
    )
    most = rows_in_one_transaction(noted)
    trial.expect(
        "batches",
        most <= MOST_ROWS,
        expected="5,000 rows in one transaction at most.",
        found=f"{most:,} rows in one.",
    )

    lived = trial.fresh()
    refused = []
    for revision in [*new_revisions(trial, start), "head"]:
        lived.flask("db", "upgrade", revision)
        refused.append(lived.refusal(PARTNER))
    said = next(filter(None, refused), "") or without_own_value(lived)
    trial.expect("job", not said, expected="Each of the job's orders has a value of its own.", found=said)
    said = refusal_of_the_shop(lived) or without_own_value(lived)
    trial.expect("app", not said, expected="The order of `POST /orders` has a value of its own.", found=said)

    trial.no_other_change("orders.public_id")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept(besides=("orders.public_id",))
    trial.no_drift()


@judges(
    "09.3",
    UPGRADE,
    Expectation(
        "locale",
        "in production a user who names no locale gets `en`",
        cause="The default in the database is still the one of the campaign.",
        next_step="A model changes no database. A revision has to set this default.",
    ),
    Expectation(
        "warehouse",
        "in production an order that names no warehouse gets `south`",
        cause="The revision brings back what the model says. Here the database was right.",
        next_step="Correct the model first, then the revision.",
    ),
    Expectation(
        "fresh",
        "a database that is made from nothing has both defaults too",
        cause="The default is right only where somebody has set it by hand.",
        next_step="Run all revisions on an empty database, and look at its defaults.",
    ),
    ROWS_KEPT,
    Expectation(
        "seen",
        "`flask db check` names each of the two columns when somebody changes its default by hand",
        cause="Defaults are not compared, or these are left out of the comparison.",
        next_step="`Migrate(..., compare_server_default=True)` in `shop/extensions.py` compares them.",
    ),
    NO_DRIFT,
    stub_fails="locale",
)
def judge_defaults(trial: Trial) -> None:
    trial.upgrade()
    for where, others in ((trial, ""), (trial.empty(), "fresh")):
        where.flask("db", "upgrade")
        for table, column, right in (("users", "locale", "en"), ("orders", "warehouse", "south")):
            found = default_of(where, table, column)
            trial.expect(
                others or column,
                found == right,
                expected=f"A new row of `{table}` has `{column}` {right}.",
                found=f"It has {found}.",
            )
    trial.rows_kept()
    for table, column, kind in (("users", "locale", "VARCHAR(5)"), ("orders", "warehouse", "VARCHAR(20)")):
        other = trial.fresh()
        other.flask("db", "upgrade")
        again = f"ALTER TABLE {table} DROP COLUMN {column}; ALTER TABLE {table} ADD COLUMN {column} {kind}"
        other.execute(f"{again} NOT NULL DEFAULT 'other'")
        said = differences_in(other.flask("db", "check").output)
        trial.expect(
            "seen",
            any(f"{table}.{column}" in each for each in said),
            expected=f"After a change by hand, it names `{table}.{column}`.",
            found=listed(said) or "It detects nothing.",
        )
    trial.no_drift()


# ---------------------------------------------------------------------------------------------------------- helpers


def new_revisions(trial: Trial, start: tuple[str, ...]) -> list[str]:
    """The ids of the revisions after the start, in the order in which they run."""
    ids = trial.history().ids
    return list(reversed(ids[: ids.index(start[0])]))


def newest(copy: Copy) -> str:
    """The source of the newest order, as `WEB` and `PARTNERS` say it."""
    return f"It has `{copy.query('SELECT source FROM orders ORDER BY id DESC LIMIT 1').scalar}`."


def refusal_of_the_shop(copy: Copy) -> str:
    """What comes of an order in the shop as its files are; empty when it takes it."""
    try:
        with serve(copy) as service:
            answer = service.post("/orders", {"user_id": 1, "amount_cents": 700})
    except LabError:
        return "The shop does not start."
    return "" if answer.ok else f"The shop answers with {answer.status}."


def default_of(copy: Copy, table: str, column: str) -> str:
    """What a new row of another program, which does not name the column, has there."""
    user = "INSERT INTO users (email, timezone) VALUES ('by-hand@example.com', 'UTC')"
    refused = copy.refusal(user if table == "users" else PARTNER.replace("(5,", "(1,"))
    return refused or str(copy.query(f"SELECT {column} FROM {table} ORDER BY id DESC LIMIT 1").scalar)


def without_own_value(copy: Copy) -> str:
    """Which orders have no public id of their own, in a few words; empty if there are none."""
    asked_for = "SELECT count(*), count(public_id), count(DISTINCT public_id) FROM orders"
    orders, given, different = copy.query(asked_for).rows[0]
    if given < orders:
        return f"Orders without one: {orders - given:,} of {orders:,}."
    return "" if different == given else f"Different values among {orders:,} orders: {different:,}."


def statements_of_an_upgrade(trial: Trial) -> list[Statement]:
    """What the upgrade does to the orders, on Postgres, where the server counts it; nothing on SQLite."""
    if trial.engine.name == "sqlite":
        return []
    copy = trial.fresh()
    note_statements(copy, "orders")
    copy.flask("db", "upgrade")
    return noted_statements(copy)
