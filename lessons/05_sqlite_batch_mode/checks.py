"""Lesson 05: what the result of each exercise must be."""

from functools import cached_property

from migration_lab.checking import Database, FilesJudge
from migration_lab.schema import diff
from migration_lab.service import serve

# ---------------------------------------------------------------------------- 05.1: children, triggers, a view

LIST = "Ask the database which triggers and views there are, before and after."


class LongerAddresses(FilesJudge):
    exercise = "05.1"
    stub_fails = "upgrade"
    changes = ("users.email",)

    def longer(self) -> None:
        """`users.email` is a text of up to 320 characters after the upgrade, and still required"""
        self.expect_column("users.email", where=self.head, length=320, nullable=False)

    def children(self) -> None:
        """after the upgrade every order is there, and every earlier address with its user"""
        self.expect_rows(
            self.start,
            self.head,
            cause="On SQLite a batch drops the old table. With foreign keys on, that deletes or changes the rows that "
            "refer to it."
            if self.engine == "sqlite"
            else "",
            next_step="Count the rows of `orders`, and look at `email_changes.user_id`, before and after.",
        )

    def triggers(self) -> None:
        """after the upgrade both triggers of `users` are as they were"""
        self._expect_as_it_was("trigger")

    def view(self) -> None:
        """after the upgrade the view `customer_totals` is as it was"""
        self._expect_as_it_was("view")

    def service(self) -> None:
        """the shop deletes a user with all orders, and not the earlier addresses; it takes an address of 320 characters"""
        shop, user = self._served, self.start.rows_of("email_changes")[0]["user_id"]
        before = len(shop.snapshot().rows_of("email_changes"))
        with serve(shop.workspace) as service:
            answers = (
                service.send("DELETE", f"/users/{user}").status,
                service.send("POST", "/users", {"email": f"{'x' * 308}@example.com"}).status,
            )
        now = shop.snapshot()
        left, known = (
            [row for row in now.rows_of(table) if row["user_id"] == user] for table in ("orders", "email_changes")
        )
        self.expect(
            answers == (204, 201),
            expected="The shop answers 204 to `DELETE /users/...`, and 201 to a new user with a long address.",
            found=f"It answers {answers[0]} and {answers[1]}.",
            next_step="Run `shop.serve()` after the upgrade, and send both requests.",
        )
        self.expect(
            not left and not known and len(now.rows_of("email_changes")) == before,
            expected="The orders go with the user; the earlier addresses stay, and belong to no user any more.",
            found=f"{len(left)} orders and {len(known)} earlier addresses still name the deleted user, and "
            f"{before - len(now.rows_of('email_changes'))} addresses are gone.",
            next_step="Foreign keys may be off while migrations run. The shop needs them, on each of its connections.",
        )

    @cached_property
    def _served(self) -> Database:
        shop = self.fresh("the shop", watched=False)
        shop.reach()
        return shop

    def _expect_as_it_was(self, kind: str) -> None:
        self.expect_none(
            [each for each in diff(self.start.schema, self.head.schema) if each.kind == kind],
            expected=f"Each {kind} is as it was.",
            next_step=LIST,
        )
