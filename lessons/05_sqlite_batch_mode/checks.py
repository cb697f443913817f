"""Lesson 05: what the result of each exercise must be."""

from functools import cached_property

from migration_lab.checking import Database, FilesJudge, OwnDatabaseJudge
from migration_lab.checking.interruptions import Interruptions, crashes
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


# -------------------------------------------------------------------------------------- 05.2: a table in two halves

HALF = "_alembic_tmp_orders"
COLUMNS = ("user_id", "amount_cents", "status", "created_at")
WHOLE = f"""
    INSERT INTO orders (id, {", ".join(COLUMNS)})
    SELECT id, {", ".join(COLUMNS)} FROM {HALF} WHERE id NOT IN (SELECT id FROM orders);
    DROP TABLE {HALF}
"""


class TwoHalves(OwnDatabaseJudge):
    exercise = "05.2"
    stub_fails = "orders"
    database_name = "the till's file"
    changes = ("orders.status", HALF)
    writes = (HALF,)
    first = ()  # `orders` says it better
    last = ("rows", "nothing_else", "files_agree")

    def orders(self) -> None:
        """each order of either half is in `orders`, once, with its own id; where both halves have it, as the shop has
        left it in `orders`"""
        halves = [{row["id"]: row for row in self.start.rows_of(table)} for table in (HALF, "orders")]
        expected, found = halves[0] | halves[1], {row["id"]: row for row in self.now.rows_of("orders")}
        wrong = [f"Order {id_} is not there." for id_ in sorted(expected.keys() - found.keys())]
        wrong += [
            f"`{name}` of order {id_} is {found[id_][name]!r}, not {row[name]!r}."
            for id_, row in sorted(expected.items())
            for name in COLUMNS
            if id_ in found and (found[id_][name], type(found[id_][name])) != (row[name], type(row[name]))
        ]
        known = {tuple(row[name] for name in COLUMNS): id_ for id_, row in expected.items()}
        wrong += [
            f"Order {known[values]} is there again, as {id_}."
            for id_, row in sorted(found.items())
            if id_ not in expected and (values := tuple(row[name] for name in COLUMNS)) in known
        ]
        self.expect_none(
            wrong,
            expected=f"All {len(expected)} orders are in `orders`, each once, with the latest values.",
            next_step="For each id, ask which half has it. The shop has worked in `orders` since: it decides where "
            "both have one. Name the columns when you copy.",
        )

    def length(self) -> None:
        """`orders.status` is a text of up to 40 characters, still required"""
        self.expect_column("orders.status", where=self.now, length=40, nullable=False)

    def gone(self) -> None:
        """there is no `_alembic_tmp_orders` any more"""
        self.expect(
            HALF not in self.now.tables,
            expected=f"`{HALF}` is gone.",
            found="It is still there, in the way of the next batch.",
            next_step="Drop it, once all its orders are in `orders`.",
        )

    def place(self) -> None:
        """the file stands at the head of your files"""
        self.expect_place(next_step="Run `flask db upgrade`, or stamp the file if its schema is that of the head.")

    def whole(self) -> None:
        """wherever `flask db upgrade` dies, each order is in `orders` (tried on a file whose orders are together)"""
        before = self._together().snapshot()
        statements = Interruptions(self._together()).statements("db upgrade")
        for crash in crashes(self._together, "db upgrade", statements, meanwhile="SELECT 1"):
            self.expect_rows(
                before,
                crash.left,
                cause=f"{crash.when} What was committed until then stays.",
                next_step="Copy, drop and rename belong into one transaction.",
            )

    def _together(self) -> Database:
        return self.fresh("the file in which an upgrade has died", sql=WHOLE, watched=False)
