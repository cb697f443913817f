"""Lesson 03: the judges of its exercises."""

from migration_lab.teaching.judging import Database, FilesJudge, listed
from migration_lab.teaching.judging.planted import expect_no_drift
from migration_lab.teaching.judging.words import differences_in, text_of

KNOWN_DRIFT = [
    "Detected removed index 'ix_orders_created_at' on 'orders'",
    "Detected removed table 'monthly_totals'",
]

BY_HAND_ONLY_HERE = (
    "The revision uses something that was made by hand. A new database does not have it.",
    "Leave to Thursday what was made by hand: the revision names neither the index nor finance's table.",
)


# More than a revision may take for all, and pairs of emails that differ only in case.
MANY = """
    INSERT INTO users (email, nickname)
        SELECT 'of-' || a.id || '-' || b.id || '@example.com', 'n' || a.id || '-' || b.id
        FROM users a JOIN users b ON a.id <= 24;
    INSERT INTO users (email, nickname) SELECT 'OF-1-' || id || '@example.com', 'N1-' || id FROM users WHERE id <= 9
"""


class Rename(FilesJudge):
    exercise = "03.1"
    stub_fails = "rows_kept"
    last = (*FilesJudge.last, "many")
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

    def many(self) -> None:
        """each of a thousand users keeps the own name, also where emails differ only in case, forward and back"""
        shop = self.fresh("a shop with a thousand users", sql=MANY)
        shop.upgrade()
        shop.downgrade(self.back_to)


class GiftMessage(FilesJudge):
    exercise = "03.2"
    stub_fails = "no_other_change"
    changes = ("orders.gift_message",)
    by_hand = ("monthly_totals", "orders.ix_orders_created_at")
    causes = dict.fromkeys(("G15", "G30", "F62"), BY_HAND_ONLY_HERE)
    last = (
        "no_other_change", "downgrade", "upgrade_again", "rows_kept", "new_database", "past", "known_drift",
        "left_alone",
    )  # fmt: skip

    def message(self) -> None:
        """`orders.gift_message` is there: text, up to 200 characters, optional"""
        self.expect_column("orders.gift_message", where=self.head, length=200)

    def known_drift(self) -> None:
        """`flask db check` still names the index and finance's table, and nothing else"""
        database = self.fresh()
        before = self._index_of(database)
        database.upgrade()
        self.expect(
            self._index_of(database) == before,
            expected="The index that was made by hand is the one that was there.",
            found="Another one has its name: it was dropped and made again.",
            cause="A revision touches it. While it is built, nobody can write to `orders`.",
            next_step=BY_HAND_ONLY_HERE[1],
        )
        expect_no_drift(database, known=KNOWN_DRIFT, by_hand=self.by_hand, empty=self.changes)

    def _index_of(self, database: Database) -> object:
        """The number that Postgres gave to the index made by hand; on SQLite, where a batch makes all again, None."""
        if self.engine == "sqlite":
            return None
        return database.sql("SELECT to_regclass('ix_orders_created_at')::oid").scalar

    def left_alone(self) -> None:
        """a new database has neither the index nor finance's table, after the upgrade and after the downgrade"""
        database, made = self.new
        for when, now in (("upgrade", made), ("downgrade", database.downgrade(self.back_to))):
            parts = {table.name for table in now.schema.tables}
            parts |= {f"{table.name}.{index.name}" for table in now.schema.tables for index in table.indexes}
            self.expect_none(
                [f"After the {when} it has `{each}`." for each in self.by_hand if each in parts],
                expected="A new database has nothing that was made by hand: no file describes it.",
                cause="The revision makes it where it is missing. Here it is there already, so this does not show.",
                next_step="Take it out of the revision, in both directions.",
            )


class Refunds(FilesJudge):
    exercise = "03.3"
    stub_fails = "refunds"
    changes = ("users.phone",)
    last = (*FilesJudge.last, "loud")

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

    def loud(self) -> None:
        """while the model of the refunds cannot be imported, `flask db check` says so, and proposes no drop"""
        copy = self.upgraded("a copy whose model cannot be imported")
        for path in copy.folder.rglob("*.py"):
            if "__tablename__" in (text := text_of(path)) and '"refunds"' in text:
                path.write_text(f"raise ImportError('broken')\n{text}", encoding="utf-8")
        self.expect(
            "removed table" not in (said := copy.flask("db check").output),
            expected="While the model of `refunds` cannot be imported, `flask db check` says so.",
            found=listed(differences_in(said)),
            cause="The error of the import is swallowed, and the table is unknown again.",
            next_step="Import the model without `try`: an app that does not start is noticed at once.",
        )
