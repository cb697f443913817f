"""Lesson 13: what the result of each exercise must be."""

from migration_lab.checking import (
    DOWNGRADE,
    NO_DRIFT,
    NO_OTHER_CHANGE,
    ONE_HEAD,
    ROWS_KEPT,
    UPGRADE,
    UPGRADE_AGAIN,
    Expectation,
    Trial,
    judges,
)
from migration_lab.checking.copies import Copy
from migration_lab.checking.words import error_in, listed
from migration_lab.schema import Column, diff

PHONE = "+39 06 555 0100"
ADD_PHONE = ("ALTER TABLE users ADD COLUMN phone VARCHAR(32)", f"UPDATE users SET phone = '{PHONE}' WHERE id <= 3")
ADD_NOTE = (
    "ALTER TABLE orders ADD COLUMN note VARCHAR(500)",
    "UPDATE orders SET note = 'Ring twice' WHERE id <= 3",
)
CONFIRM = {
    "sqlite": "ALTER TABLE users ADD COLUMN phone_confirmed_at DATETIME",
    "postgres": "ALTER TABLE users ADD COLUMN phone_confirmed_at TIMESTAMP WITH TIME ZONE",
}


@judges(
    "13.1",
    ONE_HEAD,
    UPGRADE,
    Expectation(
        "both",
        "production, which stands at `0029`, has `users.phone` and `orders.note` after the upgrade",
        cause="One of the two revisions is no part of the history any more, or it was emptied.",
        next_step="Both changes are wanted, as they were made. Bring the files back as they were.",
    ),
    NO_OTHER_CHANGE,
    Expectation(
        "every_database",
        "a new database and one that has either branch end with the same schema, and keep their values",
        cause="The past was rewritten: what now comes before a revision counts as done where that revision has run.",
        next_step="Leave the two revisions as they are. Let one more revision follow both of them.",
    ),
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="one_head",
)
def judge_two_heads(trial: Trial) -> None:
    trial.one_head()
    trial.upgrade()
    phone, note = column_of(trial, "users", "phone"), column_of(trial, "orders", "note")
    trial.expect(
        "both",
        phone is not None and phone.length == 32 and note is not None and note.length == 500,
        expected="`users.phone` is text of up to 32 characters, `orders.note` of up to 500.",
        found=f"`users.phone` is {phone or 'not there'}, `orders.note` is {note or 'not there'}.",
    )
    trial.no_other_change("users.phone", "orders.note")
    ends_alike(trial, trial.empty(), "A new database")
    had_phone, had_note = (
        branch_ran(trial, "0030", *ADD_PHONE),
        branch_ran(trial, "0031", *ADD_NOTE),
    )
    ends_alike(trial, had_phone, "A database that has had `0030`")
    ends_alike(trial, had_note, "A database that has had `0031`")
    keeps(trial, "every_database", had_phone, "users", f"phone = '{PHONE}'")
    keeps(trial, "every_database", had_note, "orders", "note = 'Ring twice'")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()


@judges(
    "13.2",
    ONE_HEAD,
    UPGRADE,
    Expectation(
        "columns",
        "production, which stands at `0029`, has `phone` and `phone_confirmed_at` in `users` after the upgrade",
        cause="A revision was emptied as a whole, and with it went a column that only this one brings.",
        next_step="Only `phone` is there twice. `phone_confirmed_at` has to come from `0031` as before.",
    ),
    NO_OTHER_CHANGE,
    Expectation(
        "every_database",
        "a new database and one that has either branch end with the same schema",
        cause="A revision is right for a database that begins at `0029`, and not for one where a branch has run.",
        next_step="For each database, list the revisions that it will still run, and what each of them finds there.",
    ),
    Expectation(
        "values",
        "phone numbers that are in a database already are there afterwards",
        cause="The column was dropped so that it could be added again.",
        next_step="Where the column is there already, leave it as it is.",
    ),
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="one_head",
)
def judge_same_column(trial: Trial) -> None:
    trial.one_head()
    trial.upgrade()
    phone, confirmed = column_of(trial, "users", "phone"), column_of(trial, "users", "phone_confirmed_at")
    trial.expect(
        "columns",
        phone is not None and phone.length == 32 and confirmed is not None and confirmed.kind == "timestamp",
        expected="`users.phone` is text of up to 32 characters, `users.phone_confirmed_at` a moment.",
        found=f"`phone` is {phone or 'not there'}, `phone_confirmed_at` is {confirmed or 'not there'}.",
    )
    trial.no_other_change("users.phone", "users.phone_confirmed_at")
    ends_alike(trial, trial.empty(), "A new database")
    had_phone = branch_ran(trial, "0030", *ADD_PHONE)
    had_both = branch_ran(trial, "0031", *ADD_PHONE, CONFIRM[trial.engine.name])
    ends_alike(trial, had_phone, "A database that has had `0030`")
    ends_alike(trial, had_both, "A database that has had `0031`")
    for each in (had_phone, had_both):
        keeps(trial, "values", each, "users", f"phone = '{PHONE}'")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()


@judges(
    "13.3",
    Expectation(
        "place",
        "your database stands at `0030`, and at no other revision",
        cause="The merge was untied and nothing more, the wrong branch went, or Alembic was not asked at all.",
        next_step="Look with `flask db current`. If there are two, take one step down on the branch of the notes.",
    ),
    Expectation(
        "notes_gone",
        "`orders` has no column `note`",
        cause="`alembic_version` was changed, and the table was not.",
        next_step="Let the downgrade of `0031` run: it drops the column.",
    ),
    Expectation(
        "phones_kept",
        "every phone number that was there is there",
        cause="The way back went to before both branches. `0030` ran again afterwards, with an empty column.",
        next_step='Run `lab.exercise("13.3")` again for the numbers. Then take back one branch only.',
    ),
    Expectation(
        "others_kept",
        "every other value of users and orders is as it was",
        cause="Orders or users were changed or deleted along with the notes.",
        next_step='Run `lab.exercise("13.3")` again. The column has to go, and no row.',
    ),
    Expectation(
        "forward",
        "next week, `flask db upgrade` brings the notes back: one head, and the schema of before",
        cause="A file was deleted or changed, so that the history does not lead there any more.",
        next_step="The release of next week needs the files as they were. Bring them back.",
    ),
    own_database=True,
    stub_fails="place",
)
def judge_notes_gone(trial: Trial) -> None:
    shop, start = trial.learner, trial.fresh()
    at = shop.stands_at()
    trial.expect(
        "place",
        at == ("0030",),
        expected="Revision `0030`.",
        found=f"It stands at {' and '.join(f'`{each}`' for each in at) or 'no revision'}.",
    )
    trial.expect(
        "notes_gone",
        column_of(shop, "orders", "note") is None,
        expected="`orders` without `note`.",
        found="`orders.note` is there.",
    )
    phones = "SELECT id, phone FROM users ORDER BY id"
    there = shop.query(phones).rows if column_of(shop, "users", "phone") else ()
    trial.expect(
        "phones_kept",
        there == start.query(phones).rows,
        expected=f"{given(start.query(phones).rows)} users with a phone number.",
        found=f"{given(there)} users with a phone number.",
    )
    for table, left_out in (("users", ("phone",)), ("orders", ("note", "updated_at"))):
        before, now = (without(left_out, each.rows_of(table)) for each in (start, shop))
        trial.expect(
            "others_kept",
            before == now,
            expected=f"The {len(before)} rows that `{table}` had, with their values.",
            found=f"{sum(row in now for row in before)} of them are there.",
        )
    done = shop.flask("db", "upgrade")
    changes = [str(each) for each in diff(start.schema(), shop.schema())]
    trial.expect(
        "forward",
        done.exit_code == 0 and not changes and shop.stands_at() == ("0032",),
        expected="`flask db upgrade` leads to `0032`, and to the schema that it had.",
        found=error_in(done.output, shop.folder) if done.exit_code else listed(changes) or "It leads elsewhere.",
    )


def branch_ran(trial: Trial, revision: str, *statements: str) -> Copy:
    """A database that ran one branch before today, as its file was then, and has values from it."""
    copy = trial.fresh()
    for statement in (*statements, f"UPDATE alembic_version SET version_num = '{revision}'"):
        copy.execute(statement)
    return copy


def ends_alike(trial: Trial, copy: Copy, which: str) -> None:
    """`flask db upgrade` leads this database to the schema of the trial's own."""
    done = copy.flask("db", "upgrade")
    changes = [str(each) for each in diff(trial.schema(), copy.schema())]
    said = error_in(done.output, copy.folder) if done.exit_code else listed(["Compared with production:", *changes])
    trial.expect(
        "every_database",
        done.exit_code == 0 and not changes,
        expected=f"{which} has the schema of production after `flask db upgrade`.",
        found=said,
    )


def keeps(trial: Trial, expectation: str, copy: Copy, table: str, condition: str) -> None:
    """The three values that `branch_ran` wrote are there."""
    left = copy.query(f"SELECT count(*) FROM {table} WHERE {condition}").scalar
    trial.expect(
        expectation, left == 3, expected=f"3 rows of `{table}` with the value that they had.", found=f"{left} rows."
    )


def column_of(copy: Copy, table: str, name: str) -> Column | None:
    """A column of a table, or None where there is no such column or table."""
    found = copy.schema().table(table)
    return found.column(name) if found else None


def given(rows: tuple[tuple[object, ...], ...]) -> int:
    """How many rows have a value in their second column."""
    return sum(row[1] is not None for row in rows)


def without(columns: tuple[str, ...], rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The rows without some of their columns."""
    return [{name: value for name, value in row.items() if name not in columns} for row in rows]
