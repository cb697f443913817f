"""Lesson 01: what the result of the exercise must be."""

from migration_lab.checking import Expectation, Trial, judges
from migration_lab.schema import diff

QUESTIONS = {
    "users": "SELECT id, email, last_login_at FROM users ORDER BY id",
    "orders": "SELECT * FROM orders ORDER BY id",
}


@judges(
    "01.1",
    Expectation(
        "rows",
        "every user and every order that was there is there, with the same values",
        cause="Tables were dropped or the database was made anew, or a downgrade went back too far.",
        next_step='Run `shop = lab.exercise("01.1")` again for the rows, and look for a way forward instead of back.',
    ),
    Expectation(
        "column",
        "`users` has the column that the new code asks for",
        cause="The database was told that it is at the newest revision, but the revision itself has not run.",
        next_step="Look at the table `users`. A revision gives the column only when `flask db upgrade` runs it.",
    ),
    Expectation(
        "place",
        "the database stands at revision `0003`",
        cause="The column was added by hand. The database has it, and its history does not know.",
        next_step="The files already say how the column is added. Undo the change by hand, and let Alembic make it.",
    ),
    Expectation(
        "agrees",
        "models, files and database agree: `flask db check` finds nothing, and a new database gets the same schema",
        cause="The model was changed back, a revision was changed, or the column was added by hand with another type.",
        next_step='Run `shop = lab.exercise("01.1")` again: code and files were right, the database was behind.',
    ),
    own_database=True,
    stub_fails="column",
)
def judge_the_shop_is_up(trial: Trial) -> None:
    shop, start = trial.learner, trial.fresh()
    tables = {table.name for table in shop.schema().tables}
    for table, question in QUESTIONS.items():
        before = start.query(question).rows
        there = shop.query(question).rows if table in tables else ()
        kept = sum(row in there for row in before)
        trial.expect(
            "rows",
            kept == len(before),
            expected=f"The {len(before)} rows that `{table}` had.",
            found=f"{kept} of them are there.",
        )
    columns = [column.name for column in shop.schema().table("users").in_order]
    trial.expect(
        "column",
        "nickname" in columns,
        expected="`users` has a column `nickname`.",
        found=f"The columns of `users` are {', '.join(columns)}.",
    )
    at = shop.stands_at()
    trial.expect(
        "place",
        at == ("0003",),
        expected="The database stands at `0003`.",
        found=f"It stands at {', '.join(f'`{each}`' for each in at) or 'no revision'}.",
    )
    check, empty = shop.flask("db", "check"), trial.empty()
    upgraded = empty.flask("db", "upgrade")
    differences = [str(each) for each in diff(empty.schema(), shop.schema())]
    trial.expect(
        "agrees",
        check.exit_code == 0 and upgraded.exit_code == 0 and not differences,
        expected="One schema: in the models, in the files and in the database.",
        found="\n".join(differences) or "The models and the database differ.",
    )
