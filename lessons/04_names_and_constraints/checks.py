"""Lesson 04: what the result of each exercise must be."""

from functools import cached_property

from migration_lab.checking import Database, FilesJudge, Snapshot
from migration_lab.checking.planted import expect_no_drift

# --------------------------------------------------------------------------------- 04.1: a name that is not the same

THEN, NOW = "users_display_name_uq", "uq_users_display_name"
AS_IN_STAGING = {
    "postgres": f"ALTER TABLE users RENAME CONSTRAINT {THEN} TO {NOW}",
    "sqlite": f"""
        PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = replace(sql, '{THEN}', '{NOW}') WHERE name = 'users';
        PRAGMA writable_schema = OFF""",
}
SAME_NAME = "UPDATE users SET display_name = 'Bob' WHERE id = 2"
OWN_NAME = "UPDATE users SET display_name = 'bob' WHERE id = 2"


class TakenBack(FilesJudge):
    exercise = "04.1"
    stub_fails = "production"
    changes = (f"users.{THEN}", f"users.{NOW}")
    last = ("no_drift",)

    def production(self) -> None:
        """in production `flask db downgrade 0004` succeeds: two users may have one name, and nothing else differs"""
        self._expect_taken_back(self._production)

    def staging(self) -> None:
        """the same in staging, where the constraint has the name that the models give it"""
        self._expect_taken_back(self._staging)

    def made_from_nothing(self) -> None:
        """the same in a new database that the files make"""
        self._expect_taken_back(self._made)

    def returns(self) -> None:
        """the next upgrade brings it back to all three as `uq_users_display_name`, and `flask db check` is quiet"""
        for database in (self._production, self._staging, self._made):
            now = database.upgrade()
            named = [each.name for each in _uniques(now)]
            self.expect(
                named == [NOW],
                expected=f"After the next upgrade {database.name} has one unique constraint on `users`, `{NOW}`.",
                found=f"It has {', '.join(f'`{each}`' for each in named) or 'none'}.",
                next_step="Write the name into `upgrade()`, so that it does not depend on what was there.",
            )
            expect_no_drift(database, schema=now.schema)

    def _expect_taken_back(self, database: Database) -> None:
        now = database.downgrade("0004")
        left = [each.name for each in _uniques(now)]
        self.expect(
            not left,
            expected=f"After `flask db downgrade 0004` no unique constraint of `users` is left in {database.name}.",
            found=f"`{left[0] if left else ''}` is still there.",
            next_step="The downgrade ran and left it. Ask the database which name it has there.",
        )
        self.expect_taken(
            database,
            *((SAME_NAME, OWN_NAME) if now.rows_of("users") else ()),
            expected="Two users may have the same display name then.",
            next_step="Something else keeps the names apart: look at the indexes of `users`.",
        )

    @cached_property
    def _production(self) -> Database:
        return self.fresh("production")

    @cached_property
    def _staging(self) -> Database:
        return self.fresh("staging", sql=AS_IN_STAGING[self.engine])

    @cached_property
    def _made(self) -> Database:
        made = self.empty("a new database")
        made.upgrade()
        return made


def _uniques(where: Snapshot) -> list:
    table = where.schema.table("users")
    return [*table.uniques] if table else []
