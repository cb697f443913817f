"""Lesson 04: the judges of its exercises."""

from dataclasses import dataclass, replace
from functools import cached_property

from migration_lab.instruments.schema import Index, Unique
from migration_lab.instruments.service import serve
from migration_lab.teaching.judging import Database, FilesJudge, Snapshot, listed
from migration_lab.teaching.judging.planted import expect_no_drift
from migration_lab.teaching.judging.program import run_program
from migration_lab.teaching.judging.running import wait_for_its_sessions

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
OTHER_NAME = (
    "In this database the constraint has another name.",
    "Let the revision ask the database for the name, by the column. It cannot try one name after the other: when a "
    "statement has failed, Postgres accepts no other one in that transaction.",
)


class TakenBack(FilesJudge):
    exercise = "04.1"
    stub_fails = "production"
    changes = (f"users.{THEN}", f"users.{NOW}")
    causes = dict.fromkeys(("F35", "F65", "G15"), OTHER_NAME)
    last = ("no_drift",)

    def production(self) -> None:
        """in production `flask db downgrade 0005` succeeds: two users may have one name, and nothing else differs"""
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
            named, options = ([getattr(each, part) for each in _uniques(now)] for part in ("name", "options"))
            index = [f", and the index `{each.name}`" for each in _indexes(now) if each.unique]
            self.expect(
                named == [NOW],
                expected=f"After the next upgrade {database.name} has one on `display_name`: `{NOW}`.",
                found=f"It has {', '.join(f'`{each}`' for each in named) or 'none'}{''.join(index)}.",
                cause="A unique index is not the constraint that the models describe." if index else "",
                next_step="Create the constraint under this name in `upgrade()`, whatever was there before.",
            )
            self.expect(
                options == [()],
                expected=f"In {database.name} `{NOW}` is what it was: unique, and checked at once.",
                found=f"It is {'; '.join(map(str, _uniques(now)))}.",
                cause="The constraint comes back with an option. `flask db check` does not compare options.",
                next_step="Create it without options.",
            )
            expect_no_drift(database, schema=now.schema)

    def chosen(self) -> None:
        """where two users have chosen the same name in between, the next upgrade may fail; it takes no name away"""
        database = self.fresh("production, where two users have the same name")
        database.downgrade("0005")
        database.execute(SAME_NAME)
        before = database.snapshot()
        database.flask("db upgrade")
        self.expect_rows(
            before,
            database.snapshot(),
            cause="The upgrade changes names so that they are unique. Nobody has asked those users.",
            next_step="Let it fail. Then people see which names they have to talk about.",
        )

    def _expect_taken_back(self, database: Database) -> None:
        now = database.downgrade("0005")
        left = [each.name for each in _uniques(now)]
        self.expect(
            not left,
            expected=f"After `flask db downgrade 0005` {database.name} has no unique constraint on `display_name`.",
            found=f"`{left[0] if left else ''}` is still there.",
            next_step="The downgrade ran and did not drop it. Ask the database which name it has there.",
        )
        self.expect(
            _uniques(now, "phone"),
            expected=f"The unique constraint on `phone` stays in {database.name}.",
            found="It is gone.",
            next_step="Drop the constraint of `display_name` only.",
        )
        self.expect_taken(
            database,
            *((SAME_NAME, OWN_NAME) if now.rows_of("users") else ()),
            expected="Two users may have the same display name then.",
            next_step="Something else still requires different names: look at the indexes of `users`.",
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


def _indexes(where: Snapshot) -> list[Index]:
    table = where.schema.table("users")
    return [each for each in table.indexes if "display_name" in each.columns] if table else []


def _uniques(where: Snapshot, column: str = "display_name") -> list[Unique]:
    table = where.schema.table("users")
    return [each for each in table.uniques if each.columns == (column,)] if table else []


# ------------------------------------------------------------------------------------------ 04.2: renamed as they are

# Tables with their constraints: what Postgres has called them, and what the convention calls them.
RENAMED = {
    "products": {
        "products_sku_key": "uq_products_sku",
        "products_price_cents_check": "ck_products_price_not_negative",
        "products_stock_check": "ck_products_stock_not_negative",
    },
    "addresses": {
        "addresses_user_id_label_key": "uq_addresses_user_id_label",
        "addresses_user_id_fkey": "fk_addresses_user_id_users",
        "addresses_country_check": "ck_addresses_country_two_letters",
    },
    "order_lines": {
        "order_lines_order_id_product_id_key": "uq_order_lines_order_id_product_id",
        "order_lines_order_id_fkey": "fk_order_lines_order_id_orders",
        "order_lines_product_id_fkey": "fk_order_lines_product_id_products",
        "order_lines_quantity_check": "ck_order_lines_quantity_positive",
        "order_lines_price_cents_check": "ck_order_lines_price_not_negative",
    },
    "payments": {
        "payments_reference_key": "uq_payments_reference",
        "payments_order_id_fkey": "fk_payments_order_id_orders",
        "payments_refund_of_fkey": "fk_payments_refund_of_payments",
        "payments_amount_cents_check": "ck_payments_amount_positive",
        "payments_check": "ck_payments_paid_or_refused",
    },
    "coupons": {
        "coupons_code_key": "uq_coupons_code",
        "coupons_user_id_fkey": "fk_coupons_user_id_users",
        "coupons_percent_check": "ck_coupons_percent_in_range",
        "coupons_check": "ck_coupons_valid_in_order",
    },
}
NO_SUCH_NAME = (
    "This database has that constraint under another name: a new one gets the names that `0005` says, and a name that "
    "is not marked with `op.f()` goes through the convention.",
    "Compare the names in this database with your list.",
)
NO_NAME_IN_THE_FILE = (
    "`0005` is older than the convention, which asks for the name of each CHECK.",
    "Write into `0005` the names that Postgres has given, each marked with `op.f()`. It makes what it has always made.",
)
WAYS = ("the upgrade", "the downgrade")
# How the server identifies a constraint, whatever its name.
IDENTITIES = """
    SELECT c.oid, c.conname, pg_get_constraintdef(c.oid), i.relname, pg_relation_filenode(i.oid) FROM pg_constraint c
    LEFT JOIN pg_class i ON i.oid = c.conindid AND c.contype = 'u'
    WHERE c.contype IN ('u', 'f', 'c')
    AND c.conrelid = ANY ('{products,addresses,order_lines,payments,coupons}'::regclass[])
    ORDER BY c.oid
"""


@dataclass(frozen=True)
class Known:
    """A constraint; with the index that it has of its own, and the file of that."""

    name: str
    definition: str
    index: str | None
    file: int | None


class TwentyNames(FilesJudge):
    exercise = "04.2"
    may_edit = ("0005",)  # whose names differ from production's in a new database
    stub_fails = "names"
    changes = tuple(f"{table}.{name}" for table, names in RENAMED.items() for pair in names.items() for name in pair)
    causes = {"G15": NO_SUCH_NAME, "F38": NO_NAME_IN_THE_FILE}

    def names(self) -> None:
        """after the upgrade each of the 20 constraints has the name that the models give it, and so has its index"""
        before, after, _ = self._before_and_after
        means, there = ({each.name: each.definition for each in looks.values()} for looks in (before, after))
        wrong = [
            f"`{table}`: {means[old]} should be called `{new}`, "
            + (f"which is {there[new]}" if new in there else "and there is no such constraint")
            for table, names in RENAMED.items()
            for old, new in names.items()
            if there.get(new) != means[old]
        ]
        old = [each for each in after.values() if each.index not in (None, each.name)]
        by_hand = "A name was written into the catalog itself. `RENAME CONSTRAINT` changes the name of the index, too."
        cause = by_hand if old and not wrong else ""
        wrong += [f"the index of `{each.name}` is still called `{each.index}`" for each in old]
        self.expect_none(
            wrong,
            expected="Each of the 20 constraints has the name that the convention makes for it.",
            cause="The upgrade changes no name. What is done by hand stays in one database."
            if means == there
            else cause,
            next_step="`flask db check` reports unique constraints only. Compare all names in `pg_constraint`.",
        )

    def kept(self) -> None:
        """no constraint is dropped, built or checked again, on the way up or on the way back, and no table is read"""
        before, *later = self._before_and_after
        for when, now in zip(WAYS, later, strict=True):
            gone = [f"`{each.name}` was dropped" for oid, each in before.items() if oid not in now]
            gone += [
                f"the index of `{each.name}` was built again"
                for oid, each in before.items()
                if oid in now and now[oid].file != each.file
            ]
            self.expect_none(
                sorted(gone),
                expected=f"After {when} these are the same constraints, under other names.",
                heading=f"In {when}:",
                cause="A constraint of the same kind may exist, but creating it had to read the whole table.",
                next_step="Look for a form of `ALTER TABLE` that changes a name and nothing else.",
            )
        self.expect_none(
            self._read,
            expected="To change a name, no row is read.",
            cause="A `RENAME` keeps everyone out until its transaction ends. A look at all rows in it takes as long "
            "as a check.",
            next_step="Look at the rows before the release, outside of the revision.",
        )

    @cached_property
    def _before_and_after(self) -> list[dict[int, Known]]:
        """The constraints of production before the upgrade, after it, and after the way back, by what they stay."""
        production = self.fresh("production", watched=False)
        looks, reads = [_known(production)], [_rows_read(production)]
        for go in (production.reach, lambda: production.must(f"db downgrade {self.back_to}")):
            go()
            looks.append(_known(production))
            reads.append(_rows_read(production))
        self._read = [
            f"In {when} {rows - before[table]} rows of `{table}` are read."
            for when, before, after in zip(WAYS, reads, reads[1:], strict=False)
            for table, rows in sorted(after.items())
            if rows - before[table] >= max(1, len(self.start.rows_of(table)))
        ]
        return looks


def _rows_read(database: Database) -> dict[str, int]:
    """How many rows of each of the five tables have been read in scans of the whole table."""
    wait_for_its_sessions(database)  # they hand in what they have counted when they end
    found = dict(database.sql("SELECT relname, seq_tup_read FROM pg_stat_user_tables").rows)
    return {table: found.get(table) or 0 for table in RENAMED}


def _known(database: Database) -> dict[int, Known]:
    return {oid: Known(*rest) for oid, *rest in database.sql(IDENTITIES).rows}


# -------------------------------------------------------------------------------------------- 04.3: three ON DELETEs

KEYS = {"orders": "who has orders cannot be deleted", "addresses": "they go", "coupons": "they stay, without a user"}
ENFORCED = {"postgres": "", "sqlite": "PRAGMA foreign_keys = ON; "}  # on SQLite, each connection must turn keys on
READS_AND_DELETES = """
user = db.session.query(User).filter_by(email="{}@example.com").one()
list(user.{})
db.session.delete(user)
db.session.commit()
"""
SAVES_AND_READS = """
from shop.models import Address, Coupon, Order

user = User(email="has-all@example.com", orders=[Order(amount_cents=700)])
user.addresses.append(Address(city="Graz"))
user.coupons.append(Coupon(code="HAS-ALL", percent=5))
db.session.add(user)
db.session.commit()
db.session.expunge_all()
user = db.session.query(User).filter_by(email="has-all@example.com").one()
for name in ("orders", "addresses", "coupons"):
    assert len(getattr(user, name)) == 1, f"user.{name} was not saved"
assert Order(amount_cents=1, user=user) in user.orders, "order.user = user does not add it to user.orders"
"""
# Three more users and their children.
MOVED_IN = """
    INSERT INTO users (email)
        VALUES ('without-orders@example.com'), ('with-orders@example.com'), ('only-orders@example.com');
    INSERT INTO addresses (user_id, city) SELECT id, 'Graz' FROM users WHERE email LIKE 'with%-orders@example.com';
    INSERT INTO addresses (user_id, city) SELECT id, 'Linz' FROM users WHERE email LIKE 'with%-orders@example.com';
    INSERT INTO coupons (code, percent, user_id)
        SELECT 'TEST-' || id, 5, id FROM users WHERE email LIKE 'with%-orders@example.com';
    INSERT INTO orders (user_id, amount_cents, status, created_at)
        SELECT id, 700, 'paid', '2026-02-02 12:00:00' FROM users
        WHERE email IN ('with-orders@example.com', 'only-orders@example.com');
"""


class ThreeFates(FilesJudge):
    exercise = "04.3"
    stub_fails = "orders"
    changes = tuple(f"{table}.fk_{table}_user_id_users" for table in KEYS)

    def orders(self) -> None:
        """after the upgrade the database refuses to delete a user who has orders, whoever asks; nothing is changed"""
        lived = self.upgraded("the database", sql=MOVED_IN)
        before = lived.snapshot()
        self.expect_refused(
            lived,
            *(
                f"{ENFORCED[self.engine]}DELETE FROM users WHERE email = '{email}@example.com'"
                for email in ("only-orders", "with-orders")
            ),
            expected="A user who has orders cannot be deleted.",
            next_step="Which ON DELETE does the key of `orders` have, and which one keeps each order with its user?",
        )
        self.expect_rows(before, lived.snapshot())

    def addresses(self) -> None:
        """when a user without orders is deleted in the database, the addresses go, and those of others stay"""
        before, after = self._deleted
        had, has = (each.values_of("addresses.user_id") for each in (before, after))
        gone, own = had.keys() - has.keys(), {id_ for id_, user in had.items() if user == self._who(before)}
        self.expect(
            gone == own,
            expected="The two addresses of that user are gone, and no other one.",
            found=f"{len(gone)} addresses are gone, {len(gone & own)} of them that user's.",
            next_step="Look at the ON DELETE of the key of `addresses`.",
        )

    def coupons(self) -> None:
        """and the coupons stay, without a user"""
        before, after = self._deleted
        then = "Look at the ON DELETE of the key of `coupons`."
        self.expect_values("coupons.user_id", self._unlinked(before), where=after, next_step=then)

    def app(self) -> None:
        """`DELETE /users/ID` of the shop does the same: 204 for a user without orders, 409 for one with"""
        lived = self.upgraded("the shop's database", sql=MOVED_IN)
        before = lived.snapshot()
        with serve(lived.workspace) as shop:
            for email, status in (("only-orders", 409), ("with-orders", 409), ("without-orders", 204)):
                answer = shop.send("DELETE", f"/users/{self._who(before, email)}")
                self.expect(
                    answer.status == status,
                    expected=f"For a user {'without' if status == 204 else 'with'} orders it answers {status}.",
                    found=f"It answers {answer.status}. {answer.reason}",
                    cause="The session changes the children before it deletes the user."
                    if answer.status == 409
                    else "",
                    next_step="Look at the three relationships in `shop/models/user.py`: what does the session do with "
                    "the children, and what is left to the database?",
                )
                if status == 409:
                    self.expect_rows(before, lived.snapshot())
        now = lived.snapshot()
        self.expect_none(
            self._deleted[1].differences(replace(now, name="the shop's database"), self.may),
            expected="The shop leaves what a DELETE in the database leaves.",
            next_step="The relationships and the keys disagree.",
        )

    def loaded(self) -> None:
        """a program that has read a user's orders or coupons, and then deletes the user by the session, does no more
        than the database lets it"""
        reader = self.upgraded("the database of a program", sql=MOVED_IN)
        before = reader.snapshot()
        then = "A `cascade` of a relationship deletes what the session has read. Leave that to the keys."
        run_program(reader, READS_AND_DELETES.format("only-orders", "orders"))
        self.expect_rows(before, reader.snapshot(), next_step=then)
        self.expect_success(
            run_program(reader, READS_AND_DELETES.format("without-orders", "coupons")),
            reader,
            expected="A program that has read the coupons of a user without orders can delete the user.",
            next_step="Leave the relationships as programs know them: a list that can be read.",
        )
        self.expect_values("coupons.user_id", self._unlinked(before), where=reader.snapshot(), next_step=then)

    def validated(self) -> None:
        """the three keys are there under the names of the convention, each checked against the rows that were there"""
        for table, means in KEYS.items():
            found, name = self.head.schema.table(table), f"fk_{table}_user_id_users"
            keys = [each for each in found.foreign_keys if each.columns == ("user_id",)] if found else []
            self.expect(
                len(keys) == 1 and keys[0].target == "users" and not keys[0].options and keys[0].name == name,
                expected=f"`{table}.user_id` has one valid key to `users` ({means}), `{name}`, without other options.",
                found=listed([f"`{each.name}`: {each}" for each in keys]) or "It has none.",
                next_step="Drop the old key when the new one comes, validate one that came NOT VALID, leave the name "
                "to the convention, and give it no option but its ON DELETE.",
            )

    def related(self) -> None:
        """a program saves and reads orders, addresses and coupons through their user, as before"""
        database = self.upgraded("the database of another program")
        self.expect_success(
            run_program(database, SAVES_AND_READS),
            database,
            expected="What is appended to `user.orders`, `user.addresses` and `user.coupons` is saved and can be read.",
            cause="An option of a relationship changes more than what happens when the user is deleted.",
            next_step="Leave `back_populates`, the way that it loads, and `save-update` among its cascades.",
        )

    @cached_property
    def _deleted(self) -> tuple[Snapshot, Snapshot]:
        """What a database holds before and after a user without orders is deleted in it."""
        lived = self.fresh("the database", sql=MOVED_IN, watched=False)
        moved_in = lived.snapshot()
        before = lived.upgrade()
        self.expect_rows(moved_in, before, next_step="The upgrade changes what is to come, and no row.")
        self.expect_taken(
            lived,
            f"{ENFORCED[self.engine]}DELETE FROM users WHERE email = 'without-orders@example.com'",
            expected="A user without orders can be deleted.",
            next_step="Read which key refuses it, and which ON DELETE it needs.",
        )
        return before, lived.snapshot()

    def _unlinked(self, before: Snapshot) -> dict[int, int | None]:
        """The users of all coupons when the user without orders has gone, by the id of the coupon."""
        users, who = before.values_of("coupons.user_id"), self._who(before)
        return {id_: None if user == who else user for id_, user in users.items()}

    @staticmethod
    def _who(where: Snapshot, name: str = "without-orders") -> int:
        return next(int(row["id"]) for row in where.rows_of("users") if row["email"] == f"{name}@example.com")
