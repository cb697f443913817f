"""Lesson 02: what the result of each exercise must be."""

from dataclasses import replace

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
from migration_lab.schema import diff

CHECKOUTS = ("checkout_1", "checkout_2", "checkout_3", "checkout_4", "checkout_5")


@judges(
    "02.1",
    replace(
        UPGRADE,
        cause="The table has users already. If the new column may not be null, what should stand in their rows?",
        next_step="`Mapped[str]` means NOT NULL, `Mapped[str | None]` does not. Mend the model, delete "
        "the revision that could not run, and make it again.",
    ),
    Expectation(
        "column",
        "`users` has a column `display_name` after the upgrade",
        cause="The model has the column and no revision brings it, or it was added by hand in one database.",
        next_step="Run `flask db migrate`, look for a new file in `migrations/versions`, and read it.",
    ),
    Expectation(
        "length",
        "`display_name` is text of up to 80 characters",
        cause="The type has another length or none. Postgres refuses what is longer than the length; SQLite does not.",
        next_step="Say the length in the model, `String(80)`, and make the revision again.",
    ),
    Expectation(
        "nullable",
        "`display_name` may be null: most customers have none",
        cause="`Mapped[str]` means NOT NULL. `Mapped[str | None]` means that a value may be missing.",
        next_step="Change the annotation in the model, and make the revision again.",
    ),
    NO_OTHER_CHANGE,
    ROWS_KEPT,
    DOWNGRADE,
    UPGRADE_AGAIN,
    NO_DRIFT,
    stub_fails="column",
)
def judge_display_name(trial: Trial) -> None:
    trial.upgrade()
    users = trial.schema().table("users")
    column = users.column("display_name") if users else None
    trial.expect(
        "column",
        column is not None,
        expected="`users` has a column `display_name`.",
        found=f"`users` has {', '.join(each.name for each in users.in_order) if users else 'gone'}.",
    )
    trial.expect(
        "length",
        column.length == 80,
        expected="Text of up to 80 characters.",
        found=f"`display_name` is {column.type}.",
    )
    trial.expect(
        "nullable",
        column.nullable,
        expected="`display_name` may be null.",
        found=f"`display_name` is {column}.",
    )
    trial.no_other_change("users.display_name")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    trial.no_drift()


@judges(
    "02.2",
    Expectation(
        "history",
        "each checkout has its one revision, as it was",
        cause="A revision or the whole folder was made anew. The database names a revision of the old one.",
        next_step='Run `lab.exercise("02.2")` again for the old checkouts, and repair without `flask db init`.',
    ),
    Expectation(
        "answers",
        "`flask db current` ends with exit code 0 in each of the five checkouts",
        cause="Flask does not find the app, cannot import it, or Flask-Migrate does not find the history.",
        next_step="Run `%flask db current` there, and read the first lines of what it prints, not the last one.",
    ),
    Expectation(
        "place",
        "each of them answers `0001 (head)`, so it looks at the right database",
        cause="The checkout answers, but from another database.",
        next_step="Give `DATABASE_URL` in that checkout's `.flaskenv` the value that the others have.",
    ),
    Expectation(
        "models",
        "the model `Letter` still belongs to each app: `flask db check` finds no difference",
        cause="The import of the models was taken out. Then autogenerate sees no table and proposes to drop `letters`.",
        next_step="Import the models in `service.py` again, without a circle.",
    ),
    own_database=True,
    stub_fails="answers",
)
def judge_checkouts(trial: Trial) -> None:
    shop = trial.learner
    for name in CHECKOUTS:
        files = sorted(
            path.relative_to(shop.folder / name).as_posix() for path in (shop.folder / name).glob("**/versions/*.py")
        )
        trial.expect(
            "history",
            len(files) == 1 and files[0].endswith("versions/0001_create_letters.py"),
            expected=f"One revision file in `{name}`, `0001_create_letters.py`.",
            found=", ".join(files) or "No revision file.",
        )
    for name in CHECKOUTS:
        current = shop.flask("db", "current", folder=shop.folder / name)
        trial.expect(
            "answers",
            current.exit_code == 0,
            expected=f"`flask db current` answers in `{name}`.",
            found=f"It ends with exit code {current.exit_code}: {first_error(current.output)}",
        )
        trial.expect(
            "place",
            "0001 (head)" in current.output,
            expected=f"`0001 (head)` in `{name}`.",
            found="It answers that the database has no revision of this history.",
        )
    for name in CHECKOUTS:
        check = shop.flask("db", "check", folder=shop.folder / name)
        trial.expect(
            "models",
            check.exit_code == 0,
            expected=f"`flask db check` finds no difference in `{name}`.",
            found="It proposes to change the tables.",
        )


def first_error(output: str) -> str:
    """The line of a command's output that names the fault: the first one of an error, not the last."""
    lines = [line for line in output.splitlines() if "Error" in line and not line.startswith("Error: No such command")]
    return lines[-1].split(" (most likely")[0] if lines else "no error line"


@judges(
    "02.3",
    Expectation(
        "place",
        "your database stands at revision `0003` at the end",
        cause="The revision was taken back and not brought again, or a new one was added.",
        next_step="Run `flask db current`, then `flask db history`, and go to `0003`.",
    ),
    Expectation(
        "one_revision",
        "the history is `0001`, `0002`, `0003`: the release stays one revision",
        cause="The repair came as a revision of its own. That is right once others have `0003`; here nobody has.",
        next_step="Go down to before the new revision, delete its file, and mend `0003` itself.",
    ),
    Expectation(
        "phone",
        "`users.phone` holds 32 characters in your database",
        cause="The file was edited while the database already stood at `0003`. What has run is not run again.",
        next_step="Take the revision back with `flask db downgrade`, then bring it with `flask db upgrade`.",
    ),
    Expectation(
        "others_kept",
        "every user and order that was there is there, with the same values (but for the phone numbers)",
        cause="The way back went further than one revision: `0001` drops both tables.",
        next_step='Run `lab.exercise("02.3")` again for the rows, and go back exactly one step.',
    ),
    Expectation(
        "nothing_else",
        "no other part of the schema differs from the start",
        cause="Something besides the column `phone` was changed by hand or by the revision.",
        next_step="Look at `shop.schema()`, and undo what the ticket does not ask for.",
    ),
    Expectation(
        "file_agrees",
        "a new database gets the same schema from the files, and the models agree",
        cause="The length is said three times: in model, file and database. One of them is still the old one.",
        next_step="Put the length into the model and into `0003`. A repair that is not in the files does not last.",
    ),
    own_database=True,
    stub_fails="phone",
)
def judge_release(trial: Trial) -> None:
    shop, start, empty = trial.learner, trial.fresh(), trial.empty()
    at = shop.stands_at()
    trial.expect(
        "place",
        at == ("0003",),
        expected="Revision `0003`.",
        found=f"The database stands at {', '.join(f'`{each}`' for each in at) or 'no revision'}.",
    )
    ids = sorted(each.id for each in shop.history().revisions)
    trial.expect(
        "one_revision",
        ids == ["0001", "0002", "0003"],
        expected="`0001`, `0002`, `0003`.",
        found=f"{', '.join(f'`{each}`' for each in ids)}.",
    )
    users = shop.schema().table("users")
    column = users.column("phone") if users else None
    trial.expect(
        "phone",
        column is not None and column.length == 32 and column.nullable,
        expected="`users.phone` is text of up to 32 characters, and may be null.",
        found=f"`users.phone` is {column or 'not there'}.",
    )
    for table, columns in (("users", "id, email, last_login_at"), ("orders", "*")):
        question = f"SELECT {columns} FROM {table} ORDER BY id"
        there, before = shop.query(question).rows, start.query(question).rows
        trial.expect(
            "others_kept",
            all(row in there for row in before),
            expected=f"The {len(before)} rows that `{table}` had.",
            found=f"{sum(row in there for row in before)} of them are there.",
        )
    changed = [str(each) for each in diff(start.schema(), shop.schema()) if each.name != "phone"]
    trial.expect("nothing_else", not changed, expected="Nothing but `users.phone` differs.", found="\n".join(changed))
    upgraded, check = empty.flask("db", "upgrade"), empty.flask("db", "check")
    same = upgraded.exit_code == 0 and shop.schema() == empty.schema()
    trial.expect(
        "file_agrees",
        same and check.exit_code == 0,
        expected="`flask db upgrade` on an empty database gives your schema, and `flask db check` agrees.",
        found="The files make another schema than the one you have."
        if not same
        else "The models and the files differ.",
    )
