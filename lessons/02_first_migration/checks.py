"""Lesson 02: what the result of each exercise must be."""

from migration_lab.checking import FilesJudge

NOT_NULL = (
    "The table has users already. If the new column may not be null, what should stand in their rows?",
    "`Mapped[str]` means NOT NULL, `Mapped[str | None]` does not. Correct the model, delete the revision that could not "
    "run, and make it again.",
)


class DisplayName(FilesJudge):
    exercise = "02.1"
    stub_fails = "column"
    changes = ("users.display_name",)
    causes = {
        "F30": NOT_NULL,
        "F31": NOT_NULL,
    }

    def column(self) -> None:
        """`users` has a column `display_name` after the upgrade: text of up to 80 characters that may be null"""
        self.expect_column(
            "users.display_name",
            where=self.head,
            length=80,
            cause="`Mapped[str]` means NOT NULL, `Mapped[str | None]` does not; `String(80)` says the length, which SQLite "
            "does not enforce and Postgres does.",
            next_step="Say in the model what the ticket asks for, and make the revision again.",
        )
