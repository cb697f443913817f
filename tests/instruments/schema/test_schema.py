"""What the schema instrument sees, and how it describes a change."""

import time
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from migration_lab.instruments.query import execute
from migration_lab.instruments.schema import (
    Check,
    Column,
    Detail,
    ForeignKey,
    Index,
    Named,
    PrimaryKey,
    Schema,
    Table,
    Unique,
    as_text,
    diff,
    read_schema,
)  # fmt: skip

SHOP = """
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
CREATE TABLE users (
    id integer NOT NULL, email varchar(255) NOT NULL, zone text DEFAULT 'UTC', PRIMARY KEY (id),
    CONSTRAINT uq_users_email UNIQUE (email), CONSTRAINT ck_users_email CHECK (length(email) > 2));
CREATE TABLE orders (
    id integer NOT NULL PRIMARY KEY, user_id integer NOT NULL, amount integer, paid_at timestamp,
    CONSTRAINT fk_orders_user_id_users FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX ix_orders_amount ON orders (amount) WHERE amount > 3;
CREATE VIEW totals AS SELECT user_id, sum(amount) AS total FROM orders GROUP BY user_id;
"""

# Each on its own changes the schema; all of these are valid on both engines.
MUTATIONS = {
    "ALTER TABLE users ADD COLUMN seen_at timestamp": "users: column seen_at added ({timestamp}, may be null)",
    "ALTER TABLE orders DROP COLUMN paid_at": "orders: column paid_at removed (it was {timestamp}, may be null)",
    "ALTER TABLE users RENAME COLUMN zone TO tz": "users: column tz added ({text}, may be null, default {utc})",
    "CREATE UNIQUE INDEX ux ON users (lower(email))": "users: index ux added (unique on (lower({email})))",
    "DROP INDEX ix_orders_amount": "orders: index ix_orders_amount removed (it was on (amount) WHERE amount > 3)",
    "DROP VIEW totals": "view totals removed",
    "CREATE TABLE tags (id integer PRIMARY KEY, word text)": "tags: table added (id, word)",
    "DROP VIEW totals; DROP TABLE orders": "orders: table removed (it was id, user_id, amount, paid_at)",
    "DROP INDEX ix_orders_amount; CREATE INDEX ix_orders_amount ON orders (amount) WHERE amount > 4": (
        "orders: index ix_orders_amount changed from (on (amount) WHERE amount > 3) to (on (amount) WHERE amount > 4)"
    ),
}

# What SQLite cannot do in place, and what only Postgres has.
ON_POSTGRES = {
    "ALTER TABLE users ALTER zone SET NOT NULL": "users: column zone changed from (text, may be null",
    "ALTER TABLE users ALTER zone DROP DEFAULT": "to (text, may be null)",
    "ALTER TABLE users ALTER email TYPE varchar(300)": "(character varying(300), must not be null)",
    'ALTER TABLE users ALTER email TYPE varchar(255) COLLATE "C"': "collation C",
    "ALTER TABLE orders ADD CONSTRAINT ck CHECK (amount > 0) NOT VALID": "check ck added (amount > 0 NOT VALID)",
    "ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id_users": "foreign key fk_orders_user_id_users removed",
    "ALTER TABLE orders RENAME CONSTRAINT fk_orders_user_id_users TO fk": "foreign key fk added",
    "ALTER TABLE orders ALTER CONSTRAINT fk_orders_user_id_users DEFERRABLE": "DEFERRABLE",
    "ALTER TABLE users DROP CONSTRAINT uq_users_email": "unique constraint uq_users_email removed",
    "CREATE TYPE status AS ENUM ('new', 'paid')": "enum status added (new, paid)",
    "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'": "function f() added (SELECT 1)",
    "ALTER TABLE orders ADD COLUMN double integer GENERATED ALWAYS AS (amount * 2) STORED": "generated always as",
    "CREATE INDEX ix ON orders USING hash (amount)": "index ix added (USING hash (amount))",
    "CREATE INDEX ix ON orders (amount DESC)": "index ix added (USING btree (amount DESC))",
    "ALTER TABLE orders ADD CONSTRAINT ex EXCLUDE USING btree (amount WITH =)": "constraint ex added",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one": "view m added",
    "CREATE SEQUENCE left_over": "sequence left_over added (of its own)",
    "CREATE SEQUENCE s; ALTER TABLE orders ALTER id SET DEFAULT nextval('s')": "default nextval('s'::regclass)",
}


@pytest.fixture
def shop(database: str) -> str:
    execute(database, SHOP)
    return database


def words(url: str) -> dict[str, str]:
    """What the engine calls things."""
    if url.startswith("sqlite"):
        return {"timestamp": "TIMESTAMP", "text": "TEXT", "utc": "'UTC'", "email": "email"}
    return {
        "timestamp": "timestamp without time zone",
        "text": "text",
        "utc": "'UTC'::text",
        "email": "email::text",
    }


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("BIGINT", "integer"),
        ("UNSIGNED BIG INT", "integer"),
        ("int8", "integer"),
        ("integer", "integer"),
        ("bigserial", "integer"),
        ("character varying(9)", "text"),
        ("double precision", "number"),
        ("timestamp with time zone", "timestamp"),
        ("interval", "other"),
        ("point", "other"),
        ("int4range", "other"),
        ("integer[]", "other"),
        ("text[]", "other"),
    ],
)
def test_types_belong_to_families(type_: str, kind: str) -> None:
    assert Column("a", type_, nullable=True).kind == kind


def test_everything_is_there_once_and_in_order(shop: str) -> None:
    schema = read_schema(shop)
    assert [table.name for table in schema.tables] == ["orders", "users"]
    orders, users = schema.tables
    assert [column.name for column in users.in_order] == ["id", "email", "zone"]
    assert [(column.kind, column.length, column.nullable) for column in users.in_order] == [
        ("integer", None, False),
        ("text", 255, False),
        ("text", None, True),
    ]
    assert users.primary_key
    assert users.primary_key.columns == ("id",)
    assert [(each.name, each.columns) for each in users.uniques] == [("uq_users_email", ("email",))]
    assert [each.name for each in users.checks] == ["ck_users_email"]
    assert users.indexes == ()
    (key,) = orders.foreign_keys
    assert (key.name, key.target, key.on_delete) == ("fk_orders_user_id_users", "users", "CASCADE")
    (index,) = orders.indexes
    assert (index.columns, index.where, index.unique) == (("amount",), "amount > 3", False)
    assert [view.name for view in schema.views] == ["totals"]
    assert schema.only("users").table("users") == users
    assert schema.only("users").table("orders") is None


def test_alembics_own_table_is_shown_only_when_asked_for(shop: str) -> None:
    assert read_schema(shop).table("alembic_version") is None
    assert read_schema(shop, with_version_table=True).table("alembic_version") is not None


def test_two_looks_at_the_same_database_are_equal(shop: str) -> None:
    assert read_schema(shop) == read_schema(shop)
    assert diff(read_schema(shop), read_schema(shop)) == []


@pytest.mark.parametrize("sql", MUTATIONS)
def test_a_change_is_seen_and_said_and_undone(shop: str, sql: str) -> None:
    before = read_schema(shop)
    execute(shop, sql)
    after = read_schema(shop)
    assert before != after
    said = [str(change) for change in diff(before, after)]
    expected = MUTATIONS[sql].format(**words(shop))
    assert any(line.startswith(expected) for line in said), said
    assert len(diff(after, before)) == len(said)


@pytest.mark.parametrize("sql", ON_POSTGRES)
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_change_that_only_postgres_knows_is_seen(shop: str, sql: str) -> None:
    before = read_schema(shop)
    execute(shop, sql)
    said = [str(change) for change in diff(before, read_schema(shop))]
    assert any(ON_POSTGRES[sql] in line for line in said), said


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_on_sqlite_spelling_is_no_difference_and_a_trigger_is(shop: str) -> None:
    before = read_schema(shop)
    execute(shop, 'DROP INDEX ix_orders_amount; create index "ix_orders_amount" on orders("amount")\n where amount > 3')
    assert diff(before, read_schema(shop)) == []
    execute(shop, "CREATE TRIGGER tr AFTER INSERT ON users BEGIN SELECT 1; END")
    assert [str(change) for change in diff(before, read_schema(shop))] == [
        "users: trigger tr added (AFTER INSERT ON users BEGIN SELECT 1; END)"
    ]


def test_a_trigger_belongs_to_its_table(shop: str) -> None:
    if shop.startswith("sqlite"):
        execute(shop, "CREATE TRIGGER tr AFTER INSERT ON users BEGIN SELECT 1; END")
    else:
        execute(
            shop,
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            "CREATE TRIGGER tr BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()",
        )
    users = read_schema(shop).table("users")
    assert users
    assert [trigger.name for trigger in users.triggers] == ["tr"]


def test_a_column_dropped_and_added_again_is_the_same_column(shop: str) -> None:
    before = read_schema(shop)
    execute(shop, "ALTER TABLE orders DROP COLUMN paid_at; ALTER TABLE orders ADD COLUMN extra integer")
    execute(shop, "ALTER TABLE orders ADD COLUMN paid_at timestamp; ALTER TABLE orders DROP COLUMN extra")
    assert read_schema(shop) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_constraints_without_a_name_are_told_apart_by_what_they_say(database: str) -> None:
    execute(database, "CREATE TABLE t (a integer, b integer, UNIQUE (a), UNIQUE (b), CHECK (a > 0))")
    before = read_schema(database)
    execute(database, "DROP TABLE t; CREATE TABLE t (a integer, b integer, UNIQUE (a), CHECK (a > 0), CHECK (b > 0))")
    assert [str(change) for change in diff(before, read_schema(database))] == [
        "t: unique constraint removed (it was on (b))",
        "t: check added (b > 0)",
    ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_text_shows_everything(shop: str) -> None:
    assert as_text(read_schema(shop)) == "\n".join(
        [
            "table orders",
            "  id       INTEGER, must not be null",
            "  user_id  INTEGER, must not be null",
            "  amount   INTEGER, may be null",
            "  paid_at  TIMESTAMP, may be null",
            "  primary key on (id)",
            "  foreign key fk_orders_user_id_users (user_id) to users (id) ON DELETE CASCADE",
            "  index ix_orders_amount on (amount) WHERE amount > 3",
            "",
            "table users",
            "  id     INTEGER, must not be null",
            "  email  VARCHAR(255), must not be null",
            "  zone   TEXT, may be null, default 'UTC'",
            "  primary key on (id)",
            "  unique constraint uq_users_email on (email)",
            "  check ck_users_email length(email) > 2",
            "",
            "view totals: SELECT user_id, sum(amount) AS total FROM orders GROUP BY user_id",
        ]
    )
    assert as_text(Schema("sqlite")) == "(no tables)"


# For each thing that a schema is made of: one, and the same with each of its fields changed.
THINGS = [
    Column("a", "TEXT", True),
    PrimaryKey("a", ("a",)),
    Unique("a", ("a",)),
    ForeignKey("a", ("a",), "b", ("c",)),
    Check("a", "a > 1"),
    Index("a", ("a",)),
    Named("a", "b"),
    Detail("a", "b", "c", "d"),
]


def variants(thing: Any) -> Iterator[Any]:
    """The thing with one field changed: turned round, filled with something else, or emptied."""
    for field in fields(thing):
        if field.compare:
            was = getattr(thing, field.name)
            yield replace(thing, **{field.name: not was if field.type is bool else ("x",) if was == () else "x"})
            if "None" in str(field.type):
                yield replace(thing, **{field.name: None})


def held(thing: Any) -> Iterator[Schema]:
    """Schemas that hold the thing, in each place for it."""
    place: dict[type, str] = {
        Column: "columns", PrimaryKey: "primary_key", Unique: "uniques", ForeignKey: "foreign_keys", Check: "checks",
        Index: "indexes",
    }  # fmt: skip
    if isinstance(thing, Detail):
        yield Schema("sqlite", details=(thing,))
    elif isinstance(thing, Named):
        for name in ("views", "materialized_views", "enums", "functions", "sequences"):
            yield with_fields(Schema("sqlite"), {name: (thing,)})
        for name in ("triggers", "other_constraints"):
            yield Schema("sqlite", (with_fields(Table("t", ()), {name: (thing,)}),))
    else:
        value: Any = thing if isinstance(thing, PrimaryKey) else (thing,)
        yield Schema("sqlite", (with_fields(Table("t", ()), {place[type(thing)]: value}),))


def with_fields(thing: Any, values: dict[str, Any]) -> Any:
    """The thing with these values."""
    return replace(thing, **values)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_the_difference_is_empty_exactly_when_two_schemas_are_equal(thing: Any) -> None:
    """In whatever they differ: also where both would be shown in the same words, or it is there twice."""
    schemas = [Schema("sqlite"), Schema("postgres"), *(each for one in (thing, *variants(thing)) for each in held(one))]
    twice = [
        replace(each, views=each.views * 2, details=each.details * 2) for each in schemas if each.views or each.details
    ]
    for one in (*schemas, *twice):
        for other in (*schemas, *twice):
            assert (diff(one, other) == []) == (one == other), (one, other)


def test_what_belongs_to_a_table_that_came_or_went_is_not_said_beside_it() -> None:
    table, view = Table("t", (Column("a", "TEXT", True),)), Named("v", "SELECT 1")
    full = Schema(
        "postgres", (table,), (view,), details=(Detail("rights", "", "all", "t"), Detail("trigger", "x", "y", "v"))
    )
    assert [str(each) for each in diff(Schema("postgres"), full)] == ["t: table added (a)", "view v added (SELECT 1)"]


def test_a_table_of_another_schema_says_where_it_is(database: str) -> None:
    execute(database, "CREATE TABLE t (id integer)")
    assert [table.place for table in read_schema(database).tables] == [(None, "t")]
    if database.startswith("postgresql"):
        execute(database, 'CREATE SCHEMA app; CREATE TABLE app.t (id integer); CREATE TABLE "app.t" (id integer)')
        execute(database, "CREATE TABLE app.alembic_version (version_num text)")
        assert [table.place for table in read_schema(database).tables] == [
            ("app", "t"), ("public", "app.t"), (None, "t"),
        ]  # fmt: skip


def test_reading_takes_time_in_proportion_to_the_tables(database: str) -> None:
    """With four times as many tables, not even eight times as long."""

    def add(first: int, last: int) -> None:
        made = (
            f"CREATE TABLE t{n} (id integer PRIMARY KEY, a integer UNIQUE CHECK (a > 1), b integer REFERENCES t{n});"
            f"CREATE INDEX ix{n} ON t{n} (b);"
            for n in range(first, last)
        )
        execute(database, "".join(made))

    def seconds() -> float:
        """The least of three: what else the machine does only adds to it."""
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            schema = read_schema(database)
            assert not diff(schema, schema)
            taken.append(time.perf_counter() - start)
        return min(taken)

    add(0, 100)
    few = seconds()
    add(100, 400)
    assert seconds() < 8 * few
