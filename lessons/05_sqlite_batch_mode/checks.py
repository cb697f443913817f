"""Lesson 05: the judges of its exercises."""

from pathlib import Path

from migration_lab.instruments.service import serve
from migration_lab.teaching.judging import Database, FilesJudge, OwnDatabaseJudge, Snapshot, part_of
from migration_lab.teaching.judging.interruptions import Interruptions, crashes
from migration_lab.teaching.judging.program import run_program
from migration_lab.teaching.judging.rows import changed

# ---------------------------------------------------------------------------- 05.1: children, triggers, a view


class LongerAddresses(FilesJudge):
    exercise = "05.1"
    stub_fails = "upgrade"
    changes = ("users.email",)

    def released(self) -> None:
        """the file of `0009`, which has run, says what it said"""
        self.expect_revision(
            "0009",
            "migrations/versions/0009_note_changed_emails.py",
            cause="A revision that has run does not run again: databases that have it would differ from new ones.",
            next_step="Restore it, and put the change into `0010`.",
        )

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
        is_stamped = self.now.revisions == self.own.history().heads
        stamped = "The file says that it stands at the head, but no revision has changed it: it was stamped."
        then = "Stamp it with the revision whose schema it has, and let `flask db upgrade` do the rest."
        cause = stamped if is_stamped else ""
        self.expect_column("orders.status", where=self.now, length=40, nullable=False, cause=cause, next_step=then)

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

    def _together(self) -> Database:
        return self.fresh("the file in which a command has died", sql=WHOLE, watched=False)

    def _at_the_head(self) -> Database:
        together = self._together()
        together.reach()
        return together


# ----------------------------------------------------------------------- 05.3: an env.py for revisions that are to come

PLANTED = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {id!r}, {below!r}


def upgrade():
    {up}


def downgrade():
    {down}
"""
COPY = (
    'with op.batch_alter_table("users") as b: '
    'b.alter_column("display_name", existing_type=sa.String({}), type_=sa.String({}))'
)
LONGER, SHORTER, NOTHING = COPY.format(80, 120), COPY.format(120, 80), "pass"
WRITES = 'op.execute("UPDATE users SET email = email")'
LATER = {
    "a revision copies `users`": [(LONGER, SHORTER)],
    "a revision writes to `users`, and then copies it": [(f"{WRITES}\n    {LONGER}", f"{WRITES}\n    {SHORTER}")],
    "one revision writes, and the next one copies": [(WRITES, WRITES), (LONGER, SHORTER)],
    "one revision copies, and the next one writes": [(LONGER, SHORTER), (WRITES, WRITES)],
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
TILL = """
with suppress(Exception, SystemExit):
    upgrade()
db.session.delete(db.session.get(User, {}))
db.session.commit()
"""


class Library(FilesJudge):
    exercise = "05.3"
    stub_fails = "upgrade"
    changes = ("users.email",)
    only_on = {"offline": "postgres"}

    def longer(self) -> None:
        """`0009` has run after the upgrade: `users.email` is a text of up to 320 characters"""
        self.expect_column("users.email", where=self.head, length=320, nullable=False)

    def loans(self) -> None:
        """after the upgrade every row is there, also the two loans of the reader who is gone"""
        self._expect_kept(self.start, self.head, "0009 has run")

    def later(self) -> None:
        """later revisions that copy `users` run, are recorded and keep every row: alone, after a statement that writes,
        several in one upgrade, and on the way back"""
        copy = self.upgraded("a database with later revisions")
        for when, bodies in LATER.items():
            before, planted = self._plant(copy, *bodies)
            with part_of("later"):
                copy.reach()
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
            next_step="`PRAGMA foreign_key_check` lists such rows. Ask it before and after.",
        )

    def till(self) -> None:
        """after `flask_migrate.upgrade()` in the same process, a reader who is deleted takes the loans along; also when
        the upgrade has failed"""
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

    def offline(self) -> None:
        """`flask db upgrade --sql` prints the SQL of `0009`"""
        done = self.fresh("a copy", watched=False).must("db upgrade 0008:head --sql")
        self.expect(
            "ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(320)" in done.output,
            expected="It prints `ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(320)`.",
            found="Its output does not have the statement.",
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
