"""Lesson 14: what the result of each exercise must be."""

from migration_lab.checking import OwnDatabaseJudge

AS_0033_LEFT_PRODUCTION = """
    ALTER TABLE orders RENAME COLUMN parcel TO parcel_code;
    CREATE INDEX ix_orders_parcel_code ON orders (parcel_code);
    UPDATE alembic_version SET version_num = '0033'
"""


class LostRevision(OwnDatabaseJudge):
    exercise = "14.3"
    stub_fails = "place"
    database_name = "staging"
    changes = ("orders.parcel", "orders.parcel_code", "orders.ix_orders_parcel_code")
    writes = ("orders.parcel",)  # `codes` looks where its values are now

    def place(self) -> None:
        """staging stands at the head of the files, and there is one head"""
        self.expect_place(
            cause="Staging names a revision that no file has, or the old revision was put back beside `0033`.",
            next_step="There is one history, and `0033` is its head. When staging's schema is that of `0033`, say so.",
        )

    def codes(self) -> None:
        """every order has its parcel code in `orders.parcel_code`"""
        self.expect_values(
            "orders.parcel_code",
            self.start.values_of("orders.parcel"),
            where=self.now,
            cause="The codes stayed in the old column, or went with it.",
            next_step="The codes are in `orders.parcel`. Bring them over before anything is dropped or stamped.",
        )

    def equal(self) -> None:
        """staging's schema, the models and a new database that is made from the files all agree"""
        self.expect_files_agree()

    def production(self) -> None:
        """production, which has run `0033` as it is, is not touched by `flask db upgrade` and equals a new database"""
        production = self.fresh("production", sql=AS_0033_LEFT_PRODUCTION)
        self.expect_same_schema(
            production.upgrade(),
            self.empty().upgrade(),
            cause="The file of `0033` was changed so that it fits staging. Production has run the other text.",
            next_step="Leave `0033` as it came out of the review. Staging is the odd one: bring it to the files.",
        )
