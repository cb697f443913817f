"""Lesson 03: what the result of each exercise must be."""

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
from migration_lab.checking.words import differences_in, listed
from migration_lab.schema import Column

KNOWN_DRIFT = [
    "Detected removed index 'ix_orders_created_at' on 'orders'",
    "Detected removed table 'monthly_totals'",
]


@judges(
    "03.1",
    UPGRADE,
    Expectation(
        "renamed",
        "`users` has `display_name` in place of `nickname`: text, up to 80 characters, optional",
        cause="The revision leaves both columns or the old one, or it is not run because an older file was changed.",
        next_step="Look at `users` after the upgrade. The old name has to be gone, and the new one has to be there.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    NO_DRIFT,
    stub_fails="rows_kept",
)
def judge_rename(trial: Trial) -> None:
    trial.upgrade()
    names = columns_of(trial, "users")
    column = names.get("display_name")
    trial.expect(
        "renamed",
        column is not None and "nickname" not in names and column.length == 80 and column.nullable,
        expected="`users` has `display_name`, text of up to 80 characters that may be null, and no `nickname`.",
        found=f"`users` has {', '.join(names) or 'no column'}." + (f" `display_name` is {column}." if column else ""),
    )
    trial.no_other_change("users.display_name", "users.nickname")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept(renamed={"users.nickname": "users.display_name"})
    trial.no_drift()


@judges(
    "03.2",
    UPGRADE,
    Expectation(
        "message",
        "`orders.gift_message` is there: text, up to 200 characters, optional",
        cause="The operation that was asked for went out together with the others, or it was changed.",
        next_step="Keep the `add_column` of `gift_message` in `0003`, as it was generated.",
    ),
    NO_OTHER_CHANGE,
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    Expectation(
        "known_drift",
        "`flask db check` still names the index and finance's table, and nothing else",
        cause="A model or a filter was changed so that the check is silent, or the message's model and file differ.",
        next_step="Leave models and `shop/extensions.py` as they were. Only the revision needs your work.",
    ),
    stub_fails="no_other_change",
)
def judge_gift_message(trial: Trial) -> None:
    trial.upgrade()
    names = columns_of(trial, "orders")
    column = names.get("gift_message")
    trial.expect(
        "message",
        column is not None and column.length == 200 and column.nullable,
        expected="`orders.gift_message` is text of up to 200 characters, and may be null.",
        found=f"It is {column}." if column else f"`orders` has {', '.join(names) or 'no column'}.",
    )
    trial.no_other_change("orders.gift_message")
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()
    found = sorted(differences_in(trial.flask("db", "check").output))
    trial.expect(
        "known_drift",
        found == KNOWN_DRIFT,
        expected=listed(["`flask db check` says:", *KNOWN_DRIFT]),
        found=listed(found) or "It detects nothing.",
    )


@judges(
    "03.3",
    UPGRADE,
    Expectation(
        "refunds",
        "the table `refunds` is there after the upgrade",
        cause="The revision drops it, as it was generated.",
        next_step="Find out first why autogenerate believes that nobody needs it.",
    ),
    Expectation(
        "phone",
        "`users.phone` is there: text, up to 32 characters, optional",
        cause="The phone number went out together with the operation that harms.",
        next_step="The model of `User` was right. Make the revision again, when the metadata is whole.",
    ),
    NO_OTHER_CHANGE,
    NO_DRIFT,
    Expectation(
        "metadata",
        "the metadata knows `refunds`: the check sees a change of that table",
        cause="The table was left out of the comparison. The alarm is silent now, and the model still does not exist.",
        next_step="A filter is for tables of other programs. This one has a model: see to it that it is imported.",
    ),
    DOWNGRADE,
    UPGRADE_AGAIN,
    ROWS_KEPT,
    stub_fails="refunds",
)
def judge_refunds(trial: Trial) -> None:
    trial.upgrade()
    tables = [table.name for table in trial.schema().tables]
    trial.expect("refunds", "refunds" in tables, expected="The table `refunds`.", found=f"Only {', '.join(tables)}.")
    names = columns_of(trial, "users")
    column = names.get("phone")
    trial.expect(
        "phone",
        column is not None and column.length == 32 and column.nullable,
        expected="`users.phone` is text of up to 32 characters, and may be null.",
        found=f"It is {column}." if column else f"`users` has {', '.join(names) or 'no column'}.",
    )
    trial.no_other_change("users.phone")
    trial.no_drift()
    other = trial.fresh()
    other.flask("db", "upgrade")
    other.execute("ALTER TABLE refunds ADD COLUMN made_by_hand INTEGER")
    seen = differences_in(other.flask("db", "check").output)
    trial.expect(
        "metadata",
        seen == ["Detected removed column 'refunds.made_by_hand'"],
        expected="When somebody adds a column to `refunds` by hand, `flask db check` detects it.",
        found=listed(seen) or "It detects nothing.",
    )
    trial.downgrade()
    trial.upgrade_again()
    trial.rows_kept()


def columns_of(trial: Trial, table: str) -> dict[str, Column]:
    """The columns of a table by name, in the table's order; none where there is no such table."""
    found = trial.schema().table(table)
    return {column.name: column for column in found.in_order} if found else {}
