"""Lesson 05: the judges of its exercises."""

from dataclasses import replace
from pathlib import Path

from migration_lab.instruments.service import serve
from migration_lab.teaching.judging import Database, FilesJudge, Miss, OwnDatabaseJudge, Snapshot, listed, part_of
from migration_lab.teaching.judging.guards import PLANTED
from migration_lab.teaching.judging.interruptions import Interruptions, crashes
from migration_lab.teaching.judging.program import changed_settings, run_program
from migration_lab.teaching.judging.rows import changed

# ---------------------------------------------------------------------------- 05.1: children, triggers, a view

DELETES = """
db.session.delete(db.session.get(User, {}))
db.session.commit()
"""
IN_MEMORY = """
from shop.models import Order

tests = shop({"SQLALCHEMY_DATABASE_URI": "sqlite://", "TESTING": True})
with tests.app_context():
    upgrade()
    user = User(email="of-a-test@example.com")
    db.session.add_all([user, Order(user=user, amount_cents=700)])
    db.session.commit()
    db.session.delete(user)
    db.session.commit()
    assert not db.session.query(Order).count(), "the orders of the deleted account are left"
"""
SAME_SETTINGS = {
    "expected": "The connection that the program goes on with has the settings that it had.",
    "cause": "The connection on which the migrations ran went back to the pool with another setting.",
    "next_step": "Put back what the migrations change on a connection, or give them a connection that is thrown away.",
}


class LongerAddresses(FilesJudge):
    exercise = "05.1"
    stub_fails = "upgrade"
    changes = ("users.email",)

    def longer(self) -> None:
        """`users.email` is a text of up to 320 characters after the upgrade, and still required"""
        self.expect_column("users.email", where=self.head, length=320, nullable=False)

    def children(self) -> None:
        """after the upgrade every order is there, and every earlier address with its user"""
        users = [{row["id"]: row["email"] for row in each.rows_of("users")} for each in (self.start, self.head)]
        self.expect_rows(
            self.start,
            self.head,
            cause="The users have other ids or addresses than before: the copy does not take all columns along."
            if users[0] != users[1]
            else "On SQLite a batch drops the old table. With foreign keys on, that deletes or changes the rows that "
            "refer to it."
            if self.engine == "sqlite"
            else "",
            next_step="Count the rows of `orders`, and look at `email_changes.user_id`, before and after.",
        )

    def triggers(self) -> None:
        """after the upgrade both triggers of `users` are as they were"""
        self.expect_as_they_were("trigger")

    def view(self) -> None:
        """after the upgrade the view `customer_totals` is as it was"""
        self.expect_as_they_were("view")

    def service(self) -> None:
        """the shop deletes a user with the orders and keeps the earlier addresses; it takes an address of 320
        characters"""
        shop, user = self.upgraded("the shop"), self.start.rows_of("email_changes")[0]["user_id"]
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
        others = [str(each) for each in self.other_changes(self.start.schema, self.head.schema)]
        self.expect(
            answers == (204, 201),
            expected="The shop answers 204 to `DELETE /users/...`, and 201 to a new user with a long address.",
            found=f"It answers {answers[0]} and {answers[1]}.",
            cause=listed(["The upgrade changes more than the ticket asks for:", *others]) if others else "",
            next_step="Run `shop.serve()` after the upgrade, and send both requests.",
        )
        self.expect(
            not left and not known and len(now.rows_of("email_changes")) == before,
            expected="The orders go with the user; the earlier addresses stay, and belong to no user any more.",
            found=f"{len(left)} orders and {len(known)} earlier addresses still name the deleted user, and "
            f"{before - len(now.rows_of('email_changes'))} addresses are gone.",
            next_step="Foreign keys may be off while migrations run. The shop needs them, on each of its connections.",
        )

    def same_process(self) -> None:
        """a program upgrades in its own process, and then deletes an account: its orders go too, and no others; its
        connection is as it was; the same with a database in memory, which the tests of the shop have"""
        copy, orders = self.fresh("the database of a program", watched=False), self.start.rows_of("orders")
        user = orders[0]["user_id"]
        kept = sum(row["user_id"] != user for row in orders)
        done = run_program(copy, "with same_settings():\n    upgrade()", DELETES.format(user))
        self.expect_success(done, copy, expected="A program can upgrade and go on.")
        left, others = (
            copy.sql(f"SELECT count(*) FROM orders WHERE user_id {each} {user}").scalar for each in ("=", "<>")
        )
        self.expect(
            not left,
            expected="The orders of the deleted account are gone.",
            found=f"{left} of them are left.",
            cause="The program goes on with the connection on which the migrations ran, and its foreign keys are off.",
            next_step="Switch the keys on again where you switch them off, when no transaction is open.",
        )
        self.expect(
            others == kept,
            expected="The orders of all other accounts are there.",
            found=f"{kept - others} of them are gone.",
            cause="The program upgrades with foreign keys on. It is no command of `flask db`.",
            next_step="Switch the keys off in `migrations/env.py`, which is loaded for each upgrade.",
        )
        self.expect_none(changed_settings(done), **SAME_SETTINGS)
        done = run_program(copy, IN_MEMORY)
        self.expect_success(
            done,
            copy,
            expected="A test upgrades a SQLite database in memory, and uses it.",
            cause="A database in memory belongs to one connection, and goes when that is closed. Another connection "
            "has another database."
            if "no such table" in done.output
            else "",
            next_step="Upgrade on a connection of the app's own engine, and leave it open. Run `python -m pytest`.",
        )

    def uncut(self) -> None:
        """where an address is too long for the way back, a downgrade may fail; it changes no address"""
        database = self.upgraded("a database with a long address")
        database.execute(f"INSERT INTO users (email) VALUES ('{'x' * 300}@example.com')")
        before = database.snapshot()
        database.flask(f"db downgrade {self.back_to}")
        self.expect_rows(
            before,
            database.snapshot(),
            cause="The downgrade cuts what is too long. The customer does not know the address that is left.",
            next_step="Change the type and nothing else. Postgres refuses while a value is too long; SQLite keeps it.",
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
        at_head = self.now.revisions == self.own.history().heads
        as_it_was = self.now.column("orders.status") == self.start.column("orders.status")
        stamped = "The file says that it stands at the head, and no revision has changed the column: was it stamped?"
        then = "Run `flask db upgrade`. If it ends with an error, read that."
        if at_head:
            then = "Stamp it with the revision whose schema it has, and let `flask db upgrade` do the rest."
        self.expect_column(
            "orders.status",
            where=self.now,
            length=40,
            nullable=False,
            cause=stamped if at_head and as_it_was else "",
            next_step=then if as_it_was else "",
        )

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
        """wherever `flask db upgrade` or `flask db downgrade` dies, each order is in `orders` (tried on a file whose
        orders are together)"""
        for command, fresh in (("db upgrade", self._together), (f"db downgrade {self.back_to}", self._at_the_head)):
            before = fresh().snapshot()
            statements = Interruptions(fresh()).statements(command)
            for crash in crashes(fresh, command, statements, meanwhile="SELECT 1"):
                self.expect_rows(
                    before,
                    crash.left,
                    cause=f"`flask {command}` was interrupted. {crash.when}\nWhat was committed until then stays.",
                    next_step="Copy, drop and rename belong in one transaction.",
                )

    def back(self) -> None:
        """`flask db downgrade` makes `orders` as it was before: a `status` of up to 20 characters, all else the same"""
        copy = self._at_the_head()
        head, back = copy.schema(), copy.downgrade(self.back_to)
        lost = self.other_changes(self.start.schema, head, besides=(HALF,))
        self.expect_same_schema(
            self.start,
            replace(back, name="the till's file, up and back again,"),
            besides=(HALF,),
            cause="The downgrade changes nothing."
            if back.schema == head
            else "The upgrade has lost it already."
            if lost
            else "",
            next_step="In `downgrade()`, undo what `upgrade()` does, as safely.",
        )

    def _together(self) -> Database:
        return self.fresh("the file in which a command has died", sql=WHOLE, watched=False)

    def _at_the_head(self) -> Database:
        together = self._together()
        together.reach()
        return together


# ----------------------------------------------------------------------- 05.3: an env.py for revisions that are to come

COPY = (
    'with op.batch_alter_table("users") as b: '
    'b.alter_column("display_name", existing_type=sa.String({}), type_=sa.String({}))'
)
LONGER, SHORTER, NOTHING = COPY.format(80, 120), COPY.format(120, 80), "pass"
WRITES = 'op.execute("UPDATE users SET email = email")'
COMMITTED = f"with op.get_context().autocommit_block():\n        {WRITES}\n    {{}}"
ADDS_KEY = """with op.batch_alter_table("orders") as b:
        b.add_column(sa.Column("lent_by", sa.Integer()))
        b.create_foreign_key("fk_orders_lent_by_users", "users", ["lent_by"], ["id"])"""
DROPS_KEY = """with op.batch_alter_table("orders") as b:
        b.drop_constraint("fk_orders_lent_by_users", type_="foreignkey")
        b.drop_column("lent_by")"""
LATER = {
    "a revision copies `users`": [(LONGER, SHORTER)],
    "a revision writes to `users`, and then copies it": [(f"{WRITES}\n    {LONGER}", f"{WRITES}\n    {SHORTER}")],
    "one revision writes, and the next one copies": [(WRITES, WRITES), (LONGER, SHORTER)],
    "one revision copies, and the next one writes": [(LONGER, SHORTER), (WRITES, WRITES)],
    "a revision commits in an autocommit block, and then copies `users`": [
        (COMMITTED.format(LONGER), COMMITTED.format(SHORTER))
    ],
    "one revision copies, and the next one adds a key to `orders`": [(LONGER, SHORTER), (ADDS_KEY, DROPS_KEY)],
}
FAILS = f'{LONGER}\n    raise RuntimeError("the machine is switched off")'
FORGETS = "op.execute(\"DELETE FROM users WHERE id IN (SELECT user_id FROM orders) AND email LIKE '%@example.org'\")"
LOANS = "SELECT count(*) FROM orders WHERE user_id"
BROKEN = f"{LOANS} NOT IN (SELECT id FROM users)"
A_READER = """
    SELECT min(user_id) FROM orders WHERE user_id IN (SELECT id FROM users WHERE email NOT LIKE '%@example.org')
"""
AT_THE_TILL = {
    "an upgrade": (),
    "an upgrade that failed": (FAILS, NOTHING),
    "an upgrade that left loans without a reader": (FORGETS, NOTHING),
}
TILL = f"""
with same_settings(), suppress(Exception, SystemExit):
    upgrade()
{DELETES}
"""
NO_TABLE_YET = (
    "A new database has no tables when `env.py` begins. Or a revision asks for a table that does not exist.",
    "Let `env.py` ask only what can be asked of an empty database, such as `PRAGMA foreign_key_check`.",
)


class Library(FilesJudge):
    exercise = "05.3"
    stub_fails = "upgrade"
    changes = ("users.email",)
    only_on = {"offline": "postgres"}
    causes = {"F62": NO_TABLE_YET}

    def longer(self) -> None:
        """`0009` has run after the upgrade: `users.email` is a text of up to 320 characters"""
        self.expect_column("users.email", where=self.head, length=320, nullable=False)

    def loans(self) -> None:
        """after the upgrade every row is there, also the two loans of the reader who is gone"""
        self._expect_kept(self.start, self.head, "0009 has run")

    def later(self) -> None:
        """later revisions that copy `users` run, are recorded and keep every row: alone, after a statement that writes,
        after an `autocommit_block`, several in one upgrade, before a new key of `orders`, and on the way back"""
        copy = self.upgraded("a database with later revisions")
        for when, bodies in LATER.items():
            before, planted = self._plant(copy, *bodies)
            with part_of("later"):
                try:
                    copy.reach()
                except Miss as miss:
                    miss.cause = f"This happens when {when}. {miss.cause}".rstrip()
                    if "autocommit_block" in bodies[0][0]:
                        miss.cause, miss.next_step = f"This happens when {when}.", BEGINS
                    raise
            now = copy.snapshot()
            self._expect_kept(before, now, when)
            self.expect_column("users.display_name", where=now, length=120, next_step=COMMITS)
            copy.must(f"db downgrade {before.revisions[0]}")
            back = copy.snapshot()
            self._expect_kept(before, back, f"{when}, and is taken back")
            self.expect(
                back.revisions == before.revisions and back.schema == before.schema,
                expected="A downgrade of later revisions is kept.",
                found=f"When {when}, the downgrade ends with exit code 0 and is not kept.",
                next_step=COMMITS,
            )
            for each in planted:
                each.unlink()

    def fails(self) -> None:
        """a later revision that fails lets the command fail; the database stands where it stood, with every row"""
        copy = self.upgraded("a database with a revision that fails")
        before, _ = self._plant(copy, (FAILS, NOTHING))
        done = copy.flask("db upgrade")
        self.expect(
            done.exit_code != 0 and copy.stands_at() == before.revisions,
            expected=f"The command fails, and the database stands at {before.revisions[0]}.",
            found=f"Its exit code is {done.exit_code}, and the database stands at {', '.join(copy.stands_at())}.",
            next_step="Let the error of a revision through, and commit nothing after it.",
        )
        now = copy.snapshot()
        self._expect_kept(before, now, "a revision copies `users` and then fails")
        self.expect(
            now.column("users.display_name") == before.column("users.display_name"),
            expected="What a revision changed before it failed is taken back: `users` is as it was.",
            found=f"`users.display_name` is {now.column('users.display_name')}.",
            cause="Each statement is committed by itself.",
            next_step="Let Alembic begin and end the transactions of the revisions.",
        )

    def noticed(self) -> None:
        """a later revision that deletes readers and leaves their loans does not go unnoticed: the command fails"""
        copy = self.upgraded("a database with a revision that deletes readers")
        self._plant(copy, (FORGETS, NOTHING))
        before = copy.sql(BROKEN).scalar
        done, more = copy.flask("db upgrade"), copy.sql(BROKEN).scalar - before
        self.expect(
            done.exit_code != 0 or not more,
            expected="The command fails when it leaves loans without a reader.",
            found=f"It ends with exit code 0, and {more} more loans have no reader.",
            cause="While foreign keys are off, no key deletes anything, and nothing checks them.",
            next_step="`PRAGMA foreign_key_check` lists such rows. Ask it before and after."
            if self.engine == "sqlite"
            else "On Postgres no batch copies a table: leave its keys on.",
        )

    def till(self) -> None:
        """after `flask_migrate.upgrade()` in the same process, a reader who is deleted takes the loans along, and the
        connection is as it was; also when the upgrade has failed"""
        for when, bodies in AT_THE_TILL.items():
            if bodies and self.engine != "sqlite":
                break  # nothing switches its keys off
            copy = self.upgraded("the till") if bodies else self.fresh("the till", watched=False)
            if bodies:
                self._plant(copy, bodies)
            reader = copy.sql(A_READER).scalar
            of_others = f"{LOANS} <> {reader}"
            before = copy.sql(of_others).scalar
            done = run_program(copy, TILL.format(reader))
            self.expect_success(
                done,
                copy,
                expected=f"After {when}, the till goes on.",
                next_step="Leave the app's own connections as they were.",
            )
            lost, left = before - copy.sql(of_others).scalar, copy.sql(f"{LOANS} = {reader}").scalar
            self.expect(
                not lost or bodies == (FORGETS, NOTHING),
                expected="The loans of all other readers are there.",
                found=f"After {when}, {lost} loans of other readers are gone.",
                cause="The upgrade in the till's process ran with foreign keys on. There it is no command of "
                "`flask db`.",
                next_step="`migrations/env.py` is loaded for each upgrade, also for this one. Switch the keys there.",
            )
            self.expect(
                not left,
                expected="The loans of a reader who is deleted are deleted too.",
                found=f"After {when}, {left} loans of the deleted reader are left.",
                cause="The connection on which the migrations ran went back to the pool with its foreign keys off.",
                next_step="Let `env.py` switch on again what it switches off on a connection, whatever happens in "
                "between. The shop needs its keys.",
            )
            self.expect_none(changed_settings(done), heading=f"After {when}:", **SAME_SETTINGS)

    def offline(self) -> None:
        """the SQL that `flask db upgrade --sql` prints does on the server what the upgrade does"""
        copy = self.fresh("a copy", watched=False)
        said = copy.must("db upgrade 0008:head --sql").output
        self.expect(
            "ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(320)" in said,
            expected="It prints `ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(320)`.",
            found="Its output does not have the statement.",
            next_step="Leave `run_migrations_offline` as it was.",
        )
        script = "\n".join(line for line in said.splitlines() if not line.startswith(("INFO", "WARN")))  # not the log
        self.expect_taken(
            copy,
            script,
            expected="Postgres takes the script that it prints.",
            cause="`migrations/env.py` puts something into it that only SQLite knows."
            if "pragma" in script.lower()
            else "",
            next_step="Leave `run_migrations_offline` as it was.",
        )
        self.expect_same_schema(
            self.head,
            replace(copy.snapshot(), name="a database in which the script has run"),
            next_step="Leave `run_migrations_offline` as it was.",
        )

    def _plant(self, copy: Database, *bodies: tuple[str, str]) -> tuple[Snapshot, list[Path]]:
        """Write revisions that follow the last one, from their bodies up and down.

        Returns:
            What the copy holds now, and the files.
        """
        before, files = copy.snapshot(), []
        below = before.revisions[0]
        for number, (up, down) in enumerate(bodies):
            files.append(copy.folder / f"migrations/versions/later{number}.py")
            files[-1].write_text(PLANTED.format(id=f"later{number}", below=below, up=up, down=down), encoding="utf-8")
            below = f"later{number}"
        return before, files

    def _expect_kept(self, before: Snapshot, now: Snapshot, when: str) -> None:
        self.expect_none(
            changed(before.tables, now.tables, self.may),
            expected="Every row is as it was.",
            heading=f"When {when}:",
            cause="A batch has dropped the old table while foreign keys were on." if self.engine == "sqlite" else "",
            next_step="The pragma must take effect before the first transaction of any upgrade begins.",
        )


COMMITS = "Who commits what `env.py` begins? Alembic commits only transactions that it has begun itself."
BEGINS = "Let Alembic begin the transaction of each revision. `connection.begin()` in `env.py` takes that from it."
