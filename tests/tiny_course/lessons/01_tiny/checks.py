from migration_lab.teaching.judging import FilesJudge


class Nickname(FilesJudge):
    exercise = "01.1"
    stub_fails = "column"
    changes = ("users.nickname",)
    last = ("no_other_change", "one_head", "downgrade", "upgrade_again", "rows_kept", "new_database", "no_drift")

    def column(self) -> None:
        """`users.nickname` is there: text, up to 40 characters"""
        column = self.head.column("users.nickname")
        self.expect(
            column is not None and (column.kind, column.length) == ("text", 40),
            expected="`users.nickname`, VARCHAR(40)",
            found=column.type if column else "no column of that name",
            cause="The revision was not written, or it names another table or type.",
            next_step="Write the column into the model, and let `flask db migrate` write the revision.",
        )

    def nullable(self) -> None:
        """`users.nickname` may be left empty"""
        column = self.head.column("users.nickname")
        self.expect(
            column.nullable, expected="It may be null.", found=str(column), next_step="Say `Mapped[str | None]`."
        )
