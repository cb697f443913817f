"""Lesson 03: the judges of its exercises."""

from migration_lab.teaching.judging import FilesJudge
from migration_lab.teaching.judging.planted import expect_no_drift

KNOWN_DRIFT = [
    "Detected removed index 'ix_orders_created_at' on 'orders'",
    "Detected removed table 'monthly_totals'",
]


class Rename(FilesJudge):
    exercise = "03.1"
    stub_fails = "rows_kept"
    changes = ("users.nickname", "users.display_name")
    moves = {"users.nickname": "users.display_name"}

    def renamed(self) -> None:
        """`users` has `display_name` in place of `nickname`: text, up to 80 characters, optional"""
        self.expect_column("users.display_name", where=self.head, length=80)
        self.expect_gone(
            "users.nickname",
            where=self.head,
            cause="The revision leaves both columns.",
            next_step="After the upgrade the old name must be gone, and its values must be under the new one.",
        )


class GiftMessage(FilesJudge):
    exercise = "03.2"
    stub_fails = "no_other_change"
    changes = ("orders.gift_message",)
    by_hand = ("monthly_totals", "orders.ix_orders_created_at")
    last = ("no_other_change", "downgrade", "upgrade_again", "rows_kept", "new_database", "known_drift")

    def message(self) -> None:
        """`orders.gift_message` is there: text, up to 200 characters, optional"""
        self.expect_column("orders.gift_message", where=self.head, length=200)

    def known_drift(self) -> None:
        """`flask db check` still names the index and finance's table, and nothing else"""
        database = self.fresh()
        database.upgrade()
        expect_no_drift(database, known=KNOWN_DRIFT, by_hand=self.by_hand)


class Refunds(FilesJudge):
    exercise = "03.3"
    stub_fails = "refunds"
    changes = ("users.phone",)

    def refunds(self) -> None:
        """the table `refunds` is there after the upgrade"""
        tables = [table.name for table in self.head.schema.tables]
        self.expect(
            "refunds" in tables,
            expected="The table `refunds`.",
            found=f"Only {', '.join(tables)}.",
            cause="The revision drops it, as it was generated.",
            next_step="Find out first why autogenerate believes that the table is not needed.",
        )

    def phone(self) -> None:
        """`users.phone` is there: text, up to 32 characters, optional"""
        self.expect_column("users.phone", where=self.head, length=32)
