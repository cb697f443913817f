"""Lesson 14: what the result of each exercise must be."""

from pathlib import Path

from migration_lab.checking import NO_DRIFT, ROWS_KEPT, UPGRADE, Expectation, Trial, judges
from migration_lab.checking.copies import Copy
from migration_lab.checking.words import differences_in, error_in, listed
from migration_lab.schema import Schema, diff

SHOP = ("users", "orders")
EDITED = Path(__file__).parent / "scenes/edited_after_the_release/files/migrations/versions/0033_add_refunds.py"
AS_0033_LEFT_PRODUCTION = """
    ALTER TABLE orders RENAME COLUMN parcel TO parcel_code;
    CREATE INDEX ix_orders_parcel_code ON orders (parcel_code);
    UPDATE alembic_version SET version_num = '0033'
"""
STAGINGS_OWN_ROWS = """
    INSERT INTO users (email, timezone, is_active) VALUES ('staging@example.com', 'UTC', true);
    INSERT INTO orders (user_id, total_cents, currency, status, created_at)
        VALUES (1, 100, 'EUR', 'paid', '2026-04-07 10:00:00');
    INSERT INTO refunds (order_id, amount_cents, reason) VALUES (1, 100, 'a try')
"""

COMPARE = (
    "Make a new database with `shop.copy(empty=True)` and `flask db upgrade`; `shop.differences(...)` says the rest."
)
ROWS = Expectation(
    "rows",
    "every user and every order that was there is there, with the same values",
    cause="A table or a column was dropped and made again, or a revision wrote to rows that it should leave alone.",
    next_step="Run the cell with `lab.exercise(...)` again for the rows, and change the schema around them.",
)


@judges(
    "14.1",
    ROWS,
    Expectation(
        "as_it_was",
        "production's schema is what it was: the ticket is about the history, not about the column",
        cause="The column or something beside it was changed in production, by hand or by a revision.",
        next_step="Compare `users` with how it was at the start, and undo what the ticket does not ask for.",
    ),
    Expectation(
        "place",
        "production stands at the head of the files",
        cause="The revision is written, and production has not got it.",
        next_step="Run `flask db upgrade` in production. If it fails there, the revision does not fit production yet.",
    ),
    Expectation(
        "staging",
        "staging, which stands at `0032` without the column, gets it from `flask db upgrade`",
        cause="No revision after `0032` brings the column. An older one that was edited is not run again.",
        next_step="Write a revision that follows `0032`. It has to fit databases with the column and without it.",
    ),
    Expectation(
        "same",
        "staging and a new database end with the same schema as production",
        cause="The revision describes another column than the one that production has.",
        next_step='Look at `shop.schema("users")`, and say the same in the revision.',
    ),
    Expectation(
        "models",
        "models and production agree: `flask db check` finds no difference",
        cause="The history knows the column now, and the model does not.",
        next_step="Add the column to the model, with the type and the length that it has.",
    ),
    Expectation(
        "way_back",
        "production's values survive `flask db downgrade 0032`, and it can go forward again",
        cause="`downgrade()` drops a column that is older than it, or the second upgrade finds that column in its way.",
        next_step="Production had the column before the revision. What should be left when it is taken back?",
    ),
    own_database=True,
    stub_fails="staging",
)
def judge_the_column(trial: Trial) -> None:
    shop, start, staging, new = trial.learner, trial.fresh(), trial.fresh(), trial.empty()
    expect_rows(trial, shop, start)
    expect_equal(trial, "as_it_was", "production at the start", start.schema(), "production", shop.schema())
    expect_head(trial, shop, "Production")
    staging.execute("ALTER TABLE users DROP COLUMN vat_number")
    for name, copy in (("staging", staging), ("a new database", new)):
        expect_upgrade(trial, "staging", copy, name)
        expect_column(trial, "staging", copy.schema(), "users", "vat_number")
        expect_equal(trial, "same", "production", shop.schema(), name, copy.schema())
    check = shop.flask("db", "check")
    trial.expect(
        "models",
        check.exit_code == 0,
        expected="`flask db check` finds no difference.",
        found=listed(differences_in(check.output)) or error_in(check.output, shop.folder),
    )
    back = shop.flask("db", "downgrade", "0032")
    lost = rows_lost(shop, start, "users")
    trial.expect(
        "way_back",
        not lost,
        expected="After `flask db downgrade 0032` every user has the same values as before.",
        found="Users have lost a value.",
    )
    if back.exit_code == 0:  # a revision that refuses to be taken back keeps the values as well
        expect_upgrade(trial, "way_back", shop, "production, which went back to `0032`")


@judges(
    "14.2",
    ROWS,
    Expectation(
        "place",
        "the snapshot stands at the head of the files",
        cause="Alembic does not know where the snapshot stands, or it was told and nobody has upgraded it since.",
        next_step="Which revision does this schema belong to? Compare with databases that the files make.",
    ),
    Expectation(
        "columns",
        "`users.phone` and `orders.note`, which `0030` and `0031` bring, are there",
        cause="The snapshot was told that it is newer than it is, so these revisions have not run.",
        next_step="A stamp runs nothing. Which was the last revision that the snapshot had really got?",
    ),
    Expectation(
        "report",
        "the view `monthly_report` is there",
        cause="It was missing before the stamp, and no revision after that place brings it.",
        next_step="Compare before you stamp. What no upgrade will bring, make with the SQL of its revision.",
    ),
    Expectation(
        "equal",
        "the schema equals that of a new database that is made from the files",
        cause="Something was made by hand in other words than those of the revision, or one more thing is different.",
        next_step=COMPARE,
    ),
    own_database=True,
    stub_fails="place",
)
def judge_the_snapshot(trial: Trial) -> None:
    shop, start, new = trial.learner, trial.fresh(), trial.empty()
    expect_rows(trial, shop, start)
    expect_head(trial, shop, "The snapshot")
    expect_column(trial, "columns", shop.schema(), "users", "phone")
    expect_column(trial, "columns", shop.schema(), "orders", "note")
    views = [view.name for view in shop.schema().views]
    trial.expect(
        "report",
        "monthly_report" in views,
        expected="The view `monthly_report`.",
        found=f"The views are {', '.join(views)}." if views else "There is no view.",
    )
    expect_upgrade(trial, "equal", new, "a new database")
    expect_equal(trial, "equal", "a new database", new.schema(), "the snapshot", shop.schema())


@judges(
    "14.3",
    ROWS,
    Expectation(
        "place",
        "staging stands at the head of the files",
        cause="Staging names a revision that no file has, or the old revision was put back beside `0033`.",
        next_step="There is one history, and `0033` is its head. When staging's schema is that of `0033`, say so.",
    ),
    Expectation(
        "codes",
        "every order has its parcel code in `orders.parcel_code`",
        cause="The new column is empty or not there, and the codes stayed in the old one or went with it.",
        next_step="The codes are in `orders.parcel`. Bring them over before anything is dropped or stamped.",
    ),
    Expectation(
        "equal",
        "staging's schema equals that of a new database that is made from the files",
        cause="Something of the lost revision is still there, or something of `0033` is missing.",
        next_step=COMPARE,
    ),
    Expectation(
        "production",
        "production, which has run `0033` as it is, is not touched by `flask db upgrade` and equals a new database",
        cause="The file of `0033` was changed so that it fits staging. Production has run the other text.",
        next_step="Leave `0033` as it came out of the review. Staging is the odd one: bring it to the files.",
    ),
    own_database=True,
    stub_fails="place",
)
def judge_the_lost_revision(trial: Trial) -> None:
    shop, start, new, production = trial.learner, trial.fresh(), trial.empty(), trial.fresh()
    expect_rows(trial, shop, start, besides=("parcel",))
    expect_head(trial, shop, "Staging")
    codes = {row["id"]: row["parcel"] for row in start.rows_of("orders") if row["parcel"] is not None}
    kept = {row["id"]: row.get("parcel_code") for row in shop.rows_of("orders")}
    there = sum(kept.get(order) == code for order, code in codes.items())
    trial.expect(
        "codes",
        there == len(codes),
        expected=f"The {len(codes)} parcel codes, in `orders.parcel_code`.",
        found=f"{there} of them are there.",
    )
    expect_upgrade(trial, "equal", new, "a new database")
    expect_equal(trial, "equal", "a new database", new.schema(), "staging", shop.schema())
    production.execute(AS_0033_LEFT_PRODUCTION)
    expect_upgrade(trial, "production", production, "production, which stands at `0033`")
    expect_equal(trial, "production", "production", production.schema(), "a new database", new.schema())


@judges(
    "14.4",
    UPGRADE,
    Expectation(
        "production",
        "production gets what staging has: the rule on the amount, and the index",
        cause="No new revision brings both. `0033` has run in production, so no change of its file is run there.",
        next_step="Compare the two databases. Each difference has to come to production in a revision after `0033`.",
    ),
    Expectation(
        "everywhere",
        "staging and a new database end with the same schema, without an error and without losing a refund",
        cause="The new revision fits production only. Staging has both parts already.",
        next_step="Let the revision look whether a part is there before it makes it.",
    ),
    Expectation(
        "released",
        "`0033` makes again what it made when it was released",
        cause="The file still holds the later edit, so the history tells of a release that never was.",
        next_step="The text that was released is in the folder `released`.",
    ),
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="production",
)
def judge_the_edited_release(trial: Trial) -> None:
    released, new, first = trial.schema(), trial.empty(), trial.empty()
    staging = as_the_edited_file_makes_it(trial)
    wanted, refunds = staging.schema(), staging.rows_of("refunds")
    trial.upgrade()
    expect_equal(trial, "production", "staging", wanted, "production", trial.schema())
    for name, copy in (("staging", staging), ("a new database", new)):
        expect_upgrade(trial, "everywhere", copy, name)
        expect_equal(trial, "everywhere", "production", trial.schema(), name, copy.schema())
    kept = staging.rows_of("refunds")
    trial.expect(
        "everywhere",
        kept == refunds,
        expected=f"Staging keeps its {len(refunds)} refund.",
        found=f"It has {len(kept)}.",
    )
    expect_upgrade(trial, "released", first, "a new database", "0033")
    expect_equal(trial, "released", "production at `0033`", released, "a new database at `0033`", first.schema())
    trial.rows_kept()
    trial.no_drift()


def as_the_edited_file_makes_it(trial: Trial) -> Copy:
    """Staging: upgraded to 0033 when its file had the edited text, with rows of its own; the files are the answer's."""
    staging = trial.empty()
    revision = staging.history().revision("0033")
    path = revision.path if revision else staging.folder / "migrations/versions" / EDITED.name
    answer = path.read_text(encoding="utf-8") if revision else None
    path.write_text(EDITED.read_text(encoding="utf-8"), encoding="utf-8")
    if staging.flask("db", "upgrade", "0033").exit_code != 0:  # not judged as met yet: what it is about comes later
        expect_upgrade(trial, "everywhere", staging, "an empty database", "0033")
    if answer is None:
        path.unlink()
    else:
        path.write_text(answer, encoding="utf-8")
    staging.execute(STAGINGS_OWN_ROWS)
    return staging


def expect_rows(trial: Trial, shop: Copy, start: Copy, besides: tuple[str, ...] = ()) -> None:
    """Judge `rows`: users and orders have the values that they had at the start."""
    for table in SHOP:
        lost, all_rows = rows_lost(shop, start, table, besides), len(start.rows_of(table))
        trial.expect(
            "rows",
            not lost,
            expected=f"The {all_rows} rows that `{table}` had, with their values.",
            found=f"{all_rows - len(lost)} of them are there.",
        )


def rows_lost(shop: Copy, start: Copy, table: str, besides: tuple[str, ...] = ()) -> list[int]:
    """The ids of rows at the start that are gone or have another value now."""
    there = {row["id"]: row for row in shop.rows_of(table)} if shop.schema().table(table) else {}
    return [
        row["id"]
        for row in start.rows_of(table)
        if any(
            there.get(row["id"], {}).get(name, NotImplemented) != value
            for name, value in row.items()
            if name not in besides
        )
    ]


def expect_upgrade(trial: Trial, expectation: str, copy: Copy, name: str, to: str = "head") -> None:
    """Judge an expectation for which `flask db upgrade` has to run on a copy."""
    command = "flask db upgrade" + (f" {to}" if to != "head" else "")
    upgraded = copy.flask("db", "upgrade", to)
    trial.expect(
        expectation,
        upgraded.exit_code == 0,
        expected=f"`{command}` runs on {name}.",
        found=error_in(upgraded.output, copy.folder),
    )


def expect_column(trial: Trial, expectation: str, schema: Schema, table: str, name: str) -> None:
    """Judge an expectation for which a table has to have a column."""
    columns = [column.name for column in each.in_order] if (each := schema.table(table)) else []
    trial.expect(
        expectation,
        name in columns,
        expected=f"`{table}` has a column `{name}`.",
        found=f"`{table}` has {', '.join(columns) or 'gone'}.",
    )


def expect_head(trial: Trial, shop: Copy, name: str) -> None:
    """Judge `place`: the database stands at the one head of the files."""
    at, heads = shop.stands_at(), shop.history().heads
    trial.expect(
        "place",
        len(heads) == 1 and at == heads,
        expected=f"{name} stands at the head of the files, and there is one head.",
        found=f"{name} stands at {ids(at)}. The files have {ids(heads)} as head.",
    )


def expect_equal(trial: Trial, expectation: str, first: str, one: Schema, second: str, other: Schema) -> None:
    """Judge an expectation that is met when two schemas are equal."""
    differences = [
        f"{each.subject}: {each.kind} {each.name}".strip(": ")
        + f": {has(first, each.before)}, {has(second, each.after)}"
        for each in diff(one, other)
    ]
    trial.expect(
        expectation, not differences, expected=f"No difference between {first} and {second}.", found=listed(differences)
    )


def has(name: str, definition: str | None) -> str:
    """What a database has of a part, or that it has none."""
    return f"{name} has ({definition})" if definition else f"{name} has none"


def ids(revisions: tuple[str, ...]) -> str:
    """Revisions as a learner reads them."""
    return ", ".join(f"`{each}`" for each in revisions) or "no revision"
