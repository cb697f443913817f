"""Lesson 01: the judge of its exercise."""

from migration_lab.teaching.judging import OwnDatabaseJudge


class ShopIsUp(OwnDatabaseJudge):
    exercise = "01.1"
    stub_fails = "column"
    changes = ("users.nickname",)
    last = ("files_agree", "nothing_else")

    def column(self) -> None:
        """`users` has the column that the new code asks for"""
        self.expect(
            self.now.column("users.nickname"),
            expected="`users` has a column `nickname`.",
            found=f"Its columns are {', '.join(each.name for each in self.now.schema.table('users').in_order)}.",
            cause="The database says that it is at the newest revision, but that revision has not run."
            if self.now.revisions == self.own.history().heads
            else "",
            next_step="A revision adds the column only when `flask db upgrade` runs it.",
        )

    def place(self) -> None:
        """the database stands at revision `0003`"""
        self.expect_place(
            "0003",
            cause="The database has the column, but its history does not show it: it was added by hand."
            if self.now.revisions == self.start.revisions
            else "",
            next_step="`0003` adds the column. Undo what you have done instead of it, and let Alembic run that file.",
        )
