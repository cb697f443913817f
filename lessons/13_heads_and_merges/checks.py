"""Lesson 13: the judges of its exercises."""

from collections.abc import Iterator
from itertools import chain
from typing import ClassVar

from migration_lab.teaching.judging import Database, FilesJudge, OwnDatabaseJudge

# What people enter: of all kinds, as long as it may be, and some of it twice.
PHONES = """
    UPDATE users SET phone = CASE id % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '06 555 0100'
        WHEN 3 THEN '+39 06 555 01' || id WHEN 4 THEN '(ask Zoë)' WHEN 5 THEN ' +49 30 555 '
        ELSE '+49 (0)30 555 0100-0101, ext. 12' END;
"""
NOTES = f"""
    UPDATE orders SET note = CASE id % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'Ring twice'
        WHEN 3 THEN '{"Ring " * 99}twice' ELSE 'Für №' || id END;
"""
# The branch's file as it was when it ran there, and values entered since.
ADD_PHONE = "ALTER TABLE users ADD COLUMN phone VARCHAR(32);" + PHONES
ADD_NOTE = "ALTER TABLE orders ADD COLUMN note VARCHAR(500);" + NOTES
CONFIRM = {
    "sqlite": "ALTER TABLE users ADD COLUMN phone_confirmed_at DATETIME;",
    "postgres": "ALTER TABLE users ADD COLUMN phone_confirmed_at TIMESTAMP WITH TIME ZONE;",
}
CONFIRMED = "UPDATE users SET phone_confirmed_at = '2026-03-01 10:00:00' WHERE id % 7 = 3;"
REWRITTEN = "History was rewritten: what now comes before a revision counts as done where that revision has run."
BRANCHES = {
    "0030": "migrations/versions/0030_add_users_phone.py",
    "0031": "migrations/versions/0031_add_orders_note.py",
}
TAKEN_FROM_PARENTS = (
    "The merge takes back what its parents made. They still count as done, so no upgrade will make it again."
)
STANDS_AT = "UPDATE alembic_version SET version_num = '{}'"


class MergeJudge(FilesJudge):
    """Of two branches: production has run neither, and two other databases have run one each."""

    entered: ClassVar[str]  # what people enter into the new columns
    first = ("one_head", "upgrade")
    last = (*FilesJudge.last, "merge_undone")

    def merge_undone(self) -> None:
        """a database that goes back to before the merge, and no further, loses nothing, and comes back by `flask db
        upgrade`"""
        words = {"cause": TAKEN_FROM_PARENTS, "next_step": "Leave to its parents what they made."}
        for merge in self.traces.history.revisions:
            if len(merge.down) > 1:
                copy = self.upgraded("production", sql=self.entered)
                before = copy.snapshot()
                copy.must(f"db downgrade {merge.down[0]}")
                after = copy.upgrade()
                self.expect_same_schema(before, after, **words)
                self.expect_rows(before, after, **words)

    def _databases(self) -> Iterator[Database]:
        raise NotImplementedError

    def _expect_alike(self) -> None:
        parents = {each.down for each in self.traces.history.revisions if each.id in ("0030", "0031")}
        self.expect_same_schema(
            self.head,
            *(database.upgrade() for database in chain([self.empty()], self._databases())),
            cause=REWRITTEN if parents - {("0029",)} else "",
            next_step="For each database, list the revisions that it will still run, and what each finds there.",
        )


class TwoHeads(MergeJudge):
    exercise = "13.1"
    stub_fails = "one_head"
    changes = ("users.phone", "orders.note")
    entered = PHONES + NOTES

    def both(self) -> None:
        """production, which stands at `0029`, has `users.phone` and `orders.note` after the upgrade"""
        self.expect_column("users.phone", where=self.head, length=32)
        self.expect_column("orders.note", where=self.head, length=500)

    def every_database(self) -> None:
        """a new database and one that has either branch end with the same schema, and keep their values"""
        self._expect_alike()

    def past(self) -> None:
        """the files of revisions that have already run, here or on staging or the test server, are unchanged, apart
        from comments"""
        super().past()
        for revision, file in BRANCHES.items():
            self.expect_revision(
                revision,
                file,
                cause="Staging or the test server has run it. " + REWRITTEN,
                next_step="Put the file back, and join the two by a revision that comes after both.",
            )

    def _databases(self) -> Iterator[Database]:
        yield self.fresh("staging, which has had `0030`", sql=ADD_PHONE + STANDS_AT.format("0030"))
        yield self.fresh("the test server, which has had `0031`", sql=ADD_NOTE + STANDS_AT.format("0031"))


class SameColumn(MergeJudge):
    exercise = "13.2"
    stub_fails = "one_head"
    changes = ("users.phone", "users.phone_confirmed_at")
    entered = PHONES

    def columns(self) -> None:
        """production, which stands at `0029`, has `phone` and `phone_confirmed_at` in `users` after the upgrade"""
        self.expect_column("users.phone", where=self.head, length=32)
        self.expect_column("users.phone_confirmed_at", where=self.head, kind="timestamp")

    def every_database(self) -> None:
        """a new database and one that has either branch end with the same schema, and no phone number is lost"""
        self._expect_alike()

    def _databases(self) -> Iterator[Database]:
        confirm = CONFIRM[self.engine] + CONFIRMED
        yield self.fresh("staging, which has had `0030`", sql=ADD_PHONE + STANDS_AT.format("0030"))
        yield self.fresh("the test server, which has had `0031`", sql=ADD_PHONE + confirm + STANDS_AT.format("0031"))
        by_steps = self.empty("a new database that runs `0030` before `0031`")
        by_steps.reach("0030")
        yield by_steps


class NotesGone(OwnDatabaseJudge):
    exercise = "13.3"
    stub_fails = "place"
    database_name = "production"
    changes = ("orders.note",)
    writes = ("orders.note", "orders.updated_at")
    last = ("nothing_else", "forward", "files")

    def place(self) -> None:
        """production stands at `0030`, and at no other revision"""
        at, is_gone = self.now.revisions, self.now.column("orders.note") is None
        names_both = at == ("0030", "0031")
        self.expect_place(
            "0030",
            cause="Only the merge was undone."
            if names_both and not is_gone
            else "The merge was undone and the column dropped, and `alembic_version` still names `0031`."
            if names_both
            else "The column was dropped, and `alembic_version` does not know it: an upgrade would not bring it back."
            if at == self.start.revisions and is_gone
            else "",
            next_step="The step down from `0031` would drop the column again, and fail. What does `flask db stamp "
            "--purge` write?"
            if names_both and is_gone
            else "If `flask db current` names two, take one step down on the branch of the notes."
            if len(at) > 1 or not is_gone
            else "Next week's upgrade goes on from there. It brings the notes back only if it begins at `0030`.",
        )

    def notes_gone(self) -> None:
        """`orders` has no column `note`"""
        why = "`alembic_version` says `0030`, and the table was not changed."
        then = "Let the downgrade of `0031` run: it drops the column."
        self.expect_gone("orders.note", where=self.now, cause=why, next_step=then)

    def forward(self) -> None:
        """next week's `flask db upgrade` brings the column back: at `0032`, with the schema of the start, and without
        losing a row"""
        after = self.own.upgrade()
        self.expect(
            after.revisions == self.start.revisions,
            expected="`flask db upgrade` leads to `0032`.",
            found=f"It leads to {' and '.join(after.revisions) or 'no revision'}.",
            cause="A file was deleted or changed, so the history no longer leads there.",
            next_step="The release of next week needs the files as they were. Bring them back.",
        )
        self.expect_same_schema(self.start, after, next_step="Bring the files back as they were.")

    def files(self) -> None:
        """the files of all revisions are unchanged, apart from comments"""
        for revision, file in self.traces.past.items():
            self.expect_revision(
                revision,
                file,
                cause="It was changed for this one way back. Other databases, and the release of next week, have the "
                "other text.",
                next_step="Put the file back. Alembic can take one branch back with the files as they are.",
            )
