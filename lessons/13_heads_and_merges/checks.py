"""Lesson 13: the judges of its exercises."""

from collections.abc import Iterator

from migration_lab.teaching.judging import Database, FilesJudge, OwnDatabaseJudge

# The branch's file as it was when it ran there, and values entered since.
ADD_PHONE = """
    ALTER TABLE users ADD COLUMN phone VARCHAR(32);
    UPDATE users SET phone = CASE id % 6 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '06 555 0100'
        WHEN 3 THEN '+39 06 555 01' || id WHEN 4 THEN '(ask Zoë)' ELSE ' +49 30 555 ' END;
"""
ADD_NOTE = """
    ALTER TABLE orders ADD COLUMN note VARCHAR(500);
    UPDATE orders SET note =
        CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'Ring twice' ELSE 'Für №' || id END;
"""
CONFIRM = {
    "sqlite": "ALTER TABLE users ADD COLUMN phone_confirmed_at DATETIME;",
    "postgres": "ALTER TABLE users ADD COLUMN phone_confirmed_at TIMESTAMP WITH TIME ZONE;",
}
CONFIRMED = "UPDATE users SET phone_confirmed_at = '2026-03-01 10:00:00' WHERE id % 6 = 3;"
REWRITTEN = "History was rewritten: what now comes before a revision counts as done where that revision has run."
STANDS_AT = "UPDATE alembic_version SET version_num = '{}'"


class MergeJudge(FilesJudge):
    """Of two branches: production has run neither, and two other databases have run one each."""

    first = ("one_head", "upgrade")

    def _databases(self) -> Iterator[Database]:
        raise NotImplementedError

    def _expect_alike(self) -> None:
        parents = {each.down for each in self.traces.history.revisions if each.id in ("0030", "0031")}
        self.expect_same_schema(
            self.head,
            *(database.upgrade() for database in (self.empty(), *self._databases())),
            cause=REWRITTEN if parents - {("0029",)} else "",
            next_step="For each database, list the revisions that it will still run, and what each finds there.",
        )


class TwoHeads(MergeJudge):
    exercise = "13.1"
    stub_fails = "one_head"
    changes = ("users.phone", "orders.note")

    def both(self) -> None:
        """production, which stands at `0029`, has `users.phone` and `orders.note` after the upgrade"""
        self.expect_column("users.phone", where=self.head, length=32)
        self.expect_column("orders.note", where=self.head, length=500)

    def every_database(self) -> None:
        """a new database and one that has either branch end with the same schema, and keep their values"""
        self._expect_alike()

    def _databases(self) -> Iterator[Database]:
        yield self.fresh("staging, which has had `0030`", sql=ADD_PHONE + STANDS_AT.format("0030"))
        yield self.fresh("the test server, which has had `0031`", sql=ADD_NOTE + STANDS_AT.format("0031"))


class SameColumn(MergeJudge):
    exercise = "13.2"
    stub_fails = "one_head"
    changes = ("users.phone", "users.phone_confirmed_at")

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


class NotesGone(OwnDatabaseJudge):
    exercise = "13.3"
    stub_fails = "place"
    database_name = "production"
    changes = ("orders.note",)
    writes = ("orders.note", "orders.updated_at")
    last = ("nothing_else", "forward")

    def place(self) -> None:
        """production stands at `0030`, and at no other revision"""
        self.expect_place(
            "0030",
            cause="Only the merge was undone." if self.now.revisions == ("0030", "0031") else "",
            next_step="If `flask db current` names two, take one step down on the branch of the notes.",
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
