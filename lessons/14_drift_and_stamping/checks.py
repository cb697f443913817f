"""Lesson 14: the judges of its exercises."""

from functools import cached_property

from migration_lab.teaching.judging import Database, FilesJudge, OwnDatabaseJudge, Snapshot
from migration_lab.teaching.judging.planted import expect_no_drift
from migration_lab.teaching.judging.rows import MayChange, changed

EDITED = "0033_add_refunds.py"
AS_0033_LEFT_PRODUCTION = """
    ALTER TABLE orders RENAME COLUMN parcel TO parcel_code;
    CREATE INDEX ix_orders_parcel_code ON orders (parcel_code);
    UPDATE orders SET parcel_code = CASE id % 6 WHEN 0 THEN 'PROD-' || id WHEN 1 THEN ' prod ' || id || ' '
        WHEN 2 THEN '' WHEN 3 THEN NULL ELSE parcel_code END;
    UPDATE alembic_version SET version_num = '0033'
"""
STAGINGS_OWN_ROWS = """
    INSERT INTO users (email, timezone, is_active) VALUES ('staging@example.com', 'UTC', true);
    INSERT INTO orders (user_id, total_cents, currency, status, created_at) VALUES
        (1, 100, 'EUR', 'paid', '2026-04-07 10:00:00'), (1, 0, 'USD', 'pending', '2026-04-08 10:00:00');
    INSERT INTO refunds (order_id, amount_cents, reason) VALUES (1, 100, ' A try '), (2, 1, NULL), (1, 7, '')
"""

BREAKS_THE_RULE = {
    "zero cents": "INSERT INTO refunds (order_id, amount_cents, reason) VALUES (1, 0, 'by mistake')",
    "less than nothing": "INSERT INTO refunds (order_id, amount_cents, reason) VALUES (1, -500, 'wrong sign')",
}
GAP = "DELETE FROM refunds WHERE id = (SELECT min(id) FROM refunds)"


class ColumnByHand(OwnDatabaseJudge):
    exercise = "14.1"
    stub_fails = "staging"
    database_name = "production"
    first = ("rows", "nothing_else")
    last = ("way_back",)

    def place(self) -> None:
        """production stands at the head of the files, and there is one head"""
        self.expect_place(
            cause="The revision is written, and has not run in production." if self.traces.new_revisions else "",
            next_step="Run `flask db upgrade` in production. If it fails, the revision does not fit production yet.",
        )

    def staging(self) -> None:
        """staging, which stands at `0032` without the column, gets it from `flask db upgrade`, and keeps its rows"""
        self.expect_values(
            "users.vat_number",
            lambda _: None,
            where=self._staging,
            cause="The revision writes production's numbers into staging.",
            next_step="Let the revision create the column, and leave its values to bookkeeping.",
        )

    def untouched(self) -> None:
        """the revision changes no value when it runs in production"""
        again = self.fresh("production as it was", watched=False)
        before = again.snapshot()
        if again.flask("db upgrade").exit_code == 0:  # else it is for others, and production was stamped
            self.expect_none(
                changed(before.tables, again.snapshot().tables, MayChange()),
                expected="In production every value is as it was.",
                next_step="Let the revision create the column where it is missing, and leave its values alone.",
            )

    def same(self) -> None:
        """staging and a new database end with the same schema as production"""
        self.expect_same_schema(
            self.now,
            *(self._staging, self.new[1]),
            cause="The revision describes another column than the one that production has.",
            next_step='Look at `shop.schema("users")`, and say the same in the revision.',
        )

    def models(self) -> None:
        """models and database agree: `flask db check` finds no difference, and sees one when there is one"""
        expect_no_drift(self.new[0])

    def way_back(self) -> None:
        """production's values survive `flask db downgrade 0032` and the next upgrade, or the downgrade refuses"""
        self.expect_there_and_back(
            "0032",
            may_refuse=True,
            next_step="Production had the column before the revision. What should remain after the downgrade?",
        )

    @cached_property
    def _staging(self) -> Snapshot:
        sql = "ALTER TABLE users DROP COLUMN vat_number"
        return self.fresh("staging", sql=sql, changes=("users.vat_number",)).upgrade()


class RestoredSnapshot(OwnDatabaseJudge):
    exercise = "14.2"
    stub_fails = "place"
    database_name = "the snapshot"
    changes = ("users.phone", "orders.note", "monthly_report")
    fills = ("monthly_report",)  # `report` wants a view
    last = ("files_agree",)  # which looks at all of the schema

    def place(self) -> None:
        """the snapshot stands at the head of the files"""
        self.expect_place(
            cause="Alembic does not know where the snapshot stands."
            if not self.now.revisions
            else "Each branch has run, and the merge after them has not."
            if len(self.now.revisions) > 1
            else "It was stamped, but has not been upgraded since.",
            next_step="Name no branch: `flask db upgrade` goes on to the head."
            if len(self.now.revisions) > 1
            else "Which revision does this schema belong to? Compare with databases that the files make.",
        )

    def columns(self) -> None:
        """`users.phone` and `orders.note`, which `0030` and `0031` bring, are there"""
        for name, length in (("users.phone", 32), ("orders.note", 500)):
            self.expect(
                (found := self.now.column(name)) and found.length == length,
                expected=f"`{name}`, text of up to {length} characters.",
                found=f"It is {found or 'not there'}.",
                cause="The snapshot was stamped as newer than it is, so these revisions have not run.",
                next_step="A stamp runs nothing. Which was the last revision that had really run in the snapshot?",
            )

    def report(self) -> None:
        """the view `monthly_report` is there"""
        views = [view.name for view in self.now.schema.views]
        self.expect(
            "monthly_report" in views,
            expected="The view `monthly_report`.",
            found=f"The views are {', '.join(views)}." if views else "There is no view.",
            cause="It was missing before the stamp, and no later revision makes it.",
            next_step="Compare before you stamp. Create what no upgrade will bring, with the SQL of its revision.",
        )


class LostRevision(OwnDatabaseJudge):
    exercise = "14.3"
    stub_fails = "place"
    database_name = "staging"
    changes = ("orders.parcel", "orders.parcel_code", "orders.ix_orders_parcel_code")
    writes = ("orders.parcel",)  # `codes` looks where its values are now
    fills = ("orders.parcel_code",)
    last = ("files_agree", "nothing_else")

    def place(self) -> None:
        """staging stands at the head of the files, and there is one head"""
        self.expect_place(
            next_step="There is one history, and `0033` is its head. When staging's schema is that of `0033`, say so.",
        )

    def codes(self) -> None:
        """every order has its parcel code in `orders.parcel_code`"""
        self.expect_values(
            "orders.parcel_code",
            {order: code for order, code in self.start.values_of("orders.parcel").items() if code is not None},
            where=self.now,
            next_step="The codes are in `orders.parcel`. Copy them before you drop or stamp anything.",
        )

    def reviewed(self) -> None:
        """the file of `0033` is as it came out of the review"""
        self.expect_revision(
            "0033",
            "migrations/versions/0033_add_orders_parcel_code.py",
            cause="It was changed so that it fits staging. Production has run the other text.",
            next_step="Restore it. Staging is the one that differs: make it match the files.",
        )

    def production(self) -> None:
        """production, which has run `0033` as it is, is not touched by `flask db upgrade` and equals a new database"""
        production = self.fresh("production", sql=AS_0033_LEFT_PRODUCTION)
        self.expect_same_schema(
            production.upgrade(),
            self.empty().upgrade(),
            next_step="A revision that repairs staging runs in production, too. What does it find there?",
        )


class EditedRelease(FilesJudge):
    exercise = "14.4"
    stub_fails = "production"
    changes = ("refunds.ck_refunds_amount_cents_positive", "refunds.ix_refunds_order_id")
    as_shown = ("refunds",)  # among its refunds none is of zero cents
    causes = {
        "F69": (
            "The revision forbids something that production's refunds have and that staging allows.",
            "Compare it with the check and the index that staging has. No refund may change for it.",
        )
    }
    last = ("no_other_change", "rows_kept", "no_drift")

    def production(self) -> None:
        """production gets what staging has: the rule on the amount, and the index"""
        self.expect_same_schema(
            self._staging.snapshot(),
            self.head,
            cause=""
            if self.traces.new_revisions
            else "No revision after `0033` brings them, and `0033` has run there.",
            next_step="Compare the two databases. Each difference has to come in a revision after `0033`.",
        )

    def everywhere(self) -> None:
        """staging and a new database end with the same schema, without an error and without losing a row"""
        then = "Let the revision check whether a part exists before it makes it."
        self.expect_same_schema(
            self.head,
            self._staging.upgrade(),
            cause="The new revision fits production only. Staging has both parts already.",
            next_step=then,
        )
        self.expect_same_schema(
            self.head,
            self.new[1],
            self.fresh("production without its first refund", sql=GAP).upgrade(),
            cause="The new revision asks for something else than whether a part is there.",
            next_step=then,
        )

    def released(self) -> None:
        """the file of `0033` is again what was released"""
        self.expect_revision(
            "0033",
            f"released/{EDITED}",
            cause="The history describes a release that never existed.",
            next_step="The text that was released is in the folder `released`.",
        )

    def zero_cents(self) -> None:
        """a refund of zero cents or of less, which production may have by then, is not changed: the upgrade ends with
        an error"""
        for what, sql in BREAKS_THE_RULE.items():
            production = self.fresh(f"production with a refund of {what}", watched=False, sql=sql)
            before = production.snapshot()
            refused = production.flask("db upgrade").exit_code != 0
            self.expect_rows(
                before,
                production.snapshot(),
                cause="A revision makes the rows fit the rule.",
                next_step="What happened to the money? A revision does not know. Let it fail, so that somebody looks.",
            )
            self.expect(
                refused,
                expected="Where a refund breaks the rule, `flask db upgrade` ends with an error.",
                found=f"It ends without one, and the refund of {what} is still there.",
                next_step="Let the database check the refunds that are there, and do not catch the error that it "
                "raises.",
            )

    @cached_property
    def _staging(self) -> Database:
        """Upgraded to 0033 when its file had the edited text, with rows of its own; the files are the answer's."""
        staging = self.empty("staging", watched=True)
        path = staging.history().revision("0033").path  # production stands there, so it was found
        answer = path.read_bytes()
        path.write_bytes((self.traces.original / "migrations/versions" / EDITED).read_bytes())
        staging.must("db upgrade 0033")
        path.write_bytes(answer)
        staging.execute(STAGINGS_OWN_ROWS)
        return staging
