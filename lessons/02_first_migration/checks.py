"""Lesson 02: the judges of its exercises."""

import shutil

from migration_lab.instruments.schema import diff
from migration_lab.teaching.judging import FilesJudge, Miss, OwnDatabaseJudge, error_in, listed
from migration_lab.teaching.judging.planted import expect_no_drift
from migration_lab.teaching.judging.words import code_of, text_of

CHECKOUTS = ("checkout_1", "checkout_2", "checkout_3", "checkout_4", "checkout_5")
MODULES = ("extensions.py", "models.py", "service.py")
NOT_BROKEN = (
    *(f"checkout_{number}/extensions.py" for number in (1, 2, 4)),
    *(f"checkout_{number}/models.py" for number in (1, 2, 4, 5)),
)

NOT_NULL = (
    "The table already has users. If the new column may not be null, what should their rows contain?",
    "`Mapped[str]` means NOT NULL, `Mapped[str | None]` does not. Correct the model, delete the revision that could "
    "not run, and make it again.",
)


class DisplayName(FilesJudge):
    exercise = "02.1"
    stub_fails = "column"
    changes = ("users.display_name",)
    causes = dict.fromkeys(("F30", "F31"), NOT_NULL)

    def column(self) -> None:
        """`users` has a column `display_name` after the upgrade: text of up to 80 characters that may be null"""
        column = self.head.column("users.display_name")
        has_default = bool(column and column.default and column.nullable and column.length == 80)
        self.expect_column(
            "users.display_name",
            where=self.head,
            length=80,
            cause="The ticket asks for no default. A name that nobody has chosen is NULL."
            if has_default
            else "`Mapped[str]` means NOT NULL, `Mapped[str | None]` does not; `String(80)` says the length, which "
            "SQLite does not enforce and Postgres does.",
            next_step="Change the model as the ticket asks, and make the revision again.",
        )


class FiveCheckouts(OwnDatabaseJudge):
    exercise = "02.2"
    stub_fails = "answers"
    business = False
    last = ("nothing_else",)

    def answers(self) -> None:
        """`flask db current` ends with exit code 0 in each of the five checkouts"""
        for name in CHECKOUTS:
            said = self.own.flask("db current", folder=self.own.folder / name)
            self.expect(
                said.exit_code == 0,
                expected=f"`flask db current` answers in `{name}`.",
                found=f"It ends with exit code {said.exit_code}: {error_in(said.output, self.own.folder)}",
                next_step=f"Run `%flask db current` in `{name}`, and read the first error that it prints, not the last "
                "line.",
            )

    def place(self) -> None:
        """each of them says where the one database stands: `0001 (head)`, and no revision for a new database"""
        self.expect_place("0001", cause="It was stamped.", next_step='Run `lab.exercise("02.2")` again to start over.')
        new = self.empty()
        for name in CHECKOUTS:
            said = self.own.flask("db current", folder=self.own.folder / name).output
            self.expect(
                "0001 (head)" in said,
                expected=f"`0001 (head)` in `{name}`.",
                found="It answers, but names no revision.",
                next_step="Compare `DATABASE_URL` in that checkout's `.flaskenv` with the others.",
            )
            said = new.flask("db current", folder=new.folder / name).output
            self.expect(
                "0001" not in said,
                expected=f"On a new, empty database `flask db current` in `{name}` names no revision.",
                found="It says `0001` there as well.",
                cause="The answer does not come from the database in the folder `instance`.",
                next_step="Let Flask-Migrate answer, on the database that the other checkouts use.",
            )

    def history(self) -> None:
        """each checkout still has its one revision, which makes the table `letters` in a new database"""
        for name in CHECKOUTS:
            new = self.empty()
            files = sorted(
                path.relative_to(new.folder).as_posix() for path in (new.folder / name).rglob("versions/*.py")
            )
            self.expect(
                len(files) <= 1,
                expected=f"`{name}` has one file of its one revision.",
                found=listed(files),
                cause="The history was copied. The next revision would be in one of the two only.",
                next_step="Keep one of them, and let Flask-Migrate find it.",
            )
            others = [each for each in CHECKOUTS if each != name]
            for other in others:
                shutil.rmtree(new.folder / other)
                (new.folder / other).mkdir()
                for module in MODULES:  # as another team may leave it
                    (new.folder / other / module).write_text(f"raise ImportError('{other}/{module} is broken')\n")
            said = new.flask("db upgrade", folder=new.folder / name)
            borrowed = [each for each in others if each in said.output]
            self.expect(
                not borrowed,
                expected=f"`{name}` works without the other checkouts: it has its own app and history.",
                found=listed(
                    [f"Without them `flask db upgrade` fails in `{name}`:", error_in(said.output, new.folder)]
                ),
                cause=f"It uses files of `{'` and `'.join(borrowed)}`, which another team changes.",
                next_step=f"`{name}` has its own `service.py`, `env.py` and `versions`: let Flask find them.",
            )
            self.expect(
                "Path doesn't exist" not in said.output,
                expected=f"`flask db upgrade` finds the history of `{name}`, as `flask db current` does.",
                found=error_in(said.output, new.folder),
                cause="The folder is given for one command only.",
                next_step="Let `Migrate` or its `init_app` know the folder: then each command does.",
            )
            at = f"It stands at {', '.join(new.stands_at()) or 'no revision'}."
            differ = [str(each) for each in diff(self.start.schema, new.schema())]
            self.expect(
                said.exit_code == 0 and new.stands_at() == ("0001",) and not differ,
                expected=f"`flask db upgrade` in `{name}` takes a new database to `0001`, with the table `letters`.",
                found=error_in(said.output, new.folder) if said.exit_code else listed([at, *differ]),
                next_step='Run `shop = lab.reset("02.2")` for the old checkouts, and repair without `flask db init`.',
            )

    def models(self) -> None:
        """the model `Letter` belongs to each app: `flask db check` sees a change by hand, and nothing else"""
        for name in CHECKOUTS:
            try:
                expect_no_drift(self.fresh(watched=False), folder=name)
            except Miss as miss:
                miss.expected = f"In `{name}`: {miss.expected}"
                miss.next_step = "Import the models in `service.py`, without a circle, and leave them as they are."
                raise

    def left_alone(self) -> None:
        """`extensions.py` and `models.py` are there, and as they were unless the fault is in them or in how they are
        imported"""
        files = [f"{name}/{module}" for name in CHECKOUTS for module in MODULES[:2]]
        self.expect_none(
            [f"`{each}` is gone." for each in files if not (self.own.folder / each).is_file()],
            expected="Each checkout still has its `extensions.py` and its `models.py`.",
            cause="A file that seems to be unused was deleted. It is not broken.",
            next_step='Run `shop = lab.reset("02.2")` for the files, and correct how they are imported.',
        )
        for file in NOT_BROKEN:
            now = self.own.folder / file
            self.expect(
                code_of(text_of(now)) == code_of(text_of(self.traces.original / file)),
                expected=f"`{file}` is as it was.",
                found="It was changed.",
                cause="It was right, and the fault of that checkout is elsewhere.",
                next_step="Put it back: other people work with it.",
            )


class Release(OwnDatabaseJudge):
    exercise = "02.3"
    stub_fails = "phone"
    changes = ("users.phone",)
    loses = ("users.phone",)
    first = ("one_revision",)
    last = ("rows", "nothing_else", "files_agree", "way_back", "both")

    def place(self) -> None:
        """your database stands at revision `0003` at the end"""
        self.expect_place(
            "0003",
            cause="The revision was undone and has not been run again." if self.now.revisions == ("0002",) else "",
            next_step="Run `flask db current`, then `flask db history`, and go to `0003`.",
        )

    def one_revision(self) -> None:
        """the history is `0001`, `0002`, `0003`: the release stays one revision"""
        ids = sorted(self.own.history().ids)
        self.expect(
            ids == ["0001", "0002", "0003"],
            expected="`0001`, `0002`, `0003`.",
            found=", ".join(f"`{each}`" for each in ids) + ".",
            cause="The repair is a revision of its own. That is right once others have `0003`; here nobody has it."
            if len(ids) > 3
            else "",
            next_step="Correct `0003` itself, and leave the other files as they were.",
        )

    def phone(self) -> None:
        """`users.phone` holds 32 characters in your database, and may be null"""
        edited_late = self.new[1].column("users.phone") != self.now.column("users.phone")
        self.expect_column(
            "users.phone",
            where=self.now,
            length=32,
            cause="The file was edited when the database already stood at `0003`. What has run is not run again."
            if edited_late and (self.traces.changed or self.traces.added)
            else "",
            next_step="Undo the revision with `flask db downgrade`, then run it again with `flask db upgrade`.",
        )

    def way_back(self) -> None:
        """the release can be taken back to `0002` and brought again without losing a row or another value"""
        self.expect_there_and_back("0002")

    def both(self) -> None:
        """the file makes and takes back the same column on the other engine: production and laptops run it"""
        if (other := self.on_other_engine()) is None:
            return
        self.expect_column(
            "users.phone",
            where=other.upgrade(),
            length=32,
            cause="The file does something else there than on the engine of your database.",
            next_step="Write the file so that it says the same on both engines.",
        )
        self.expect_gone("users.phone", where=other.downgrade("0002"), next_step="Let `downgrade()` drop it on both.")
