"""Statements about keys, indexes, views and types that the database refuses in a revision, and the cards' cures."""

from collections.abc import Callable

import pytest

from tests.teaching.explain.cures import ORDERS, VIEW, correct, said, sql
from tests.teaching.explain.project import ANN, TWO_ANNS, USERS, Project, expect

DOCS = (
    "op.create_table('docs', sa.Column('id', sa.Integer), sa.Column('body', sa.JSON), "
    "sa.Column('made', sa.DateTime(timezone=True)))"
)
POSTS = "op.create_table('posts', sa.Column('body', sa.Text))"
LONG = "op.execute(\"INSERT INTO posts SELECT string_agg(md5(n::text), '') FROM generate_series(1, 999) AS n\")"
TOUCH = (
    "op.execute('CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql "
    "AS $$BEGIN NEW.seen := now(); RETURN NEW; END$$; "
    "CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()')"
)
STATUS = "op.execute(\"CREATE TYPE order_status AS ENUM ('new')\")"
EXECUTE = "op.execute({})".format
ADD_VALUE = "ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'refunded'"
AS_DATE = "(made AT TIME ZONE 'UTC')::date"
BY_DAY = "date_trunc('day', made AT TIME ZONE 'UTC')"
THROUGH_TEXT = 'postgresql_using="state::text::order_status"'
AS_NUMBER = 'postgresql_using="CASE WHEN paid THEN 1 ELSE 0 END"'
IN_USERS = {"weight": "email", "parcels": "users"}
NOT_A_NUMBER = "SELECT weight FROM parcels WHERE NOT weight ~ '^[0-9]+$'"

ONE_EDIT: dict[str, tuple[str, str, Callable[[], list[str]]]] = {
    "a second primary key": (
        "G77",
        USERS,
        lambda: [
            "op.create_primary_key('users_pkey', 'users', ['email'])",
            said(
                "G77", 'op.drop_constraint("orders_pkey", "orders", type_="primary")',
                orders_pkey="users_pkey", orders="users",
            ),
            said(
                "G77", 'op.create_primary_key("orders_pkey", "orders", ["id"])',
                orders_pkey="users_pkey", orders="users", id="email",
            ),
        ],
    ),
    "a text that is too long for an index": (
        "G78",
        f"{POSTS}; {LONG}",
        lambda: [
            "op.create_index('ix_posts_body', 'posts', ['body'])",
            said("G78", 'op.create_index("ix_posts_body", "posts", [sa.text("md5(body)")])'),
            EXECUTE(f'"SELECT * FROM posts WHERE {said("G78", "md5(body) = md5(:body)")}"'.replace(":body", "'a'")),
        ],
    ),
    "json in a GIN index": (
        "G79",
        DOCS,
        lambda: [
            "op.create_index('ix_docs_body', 'docs', ['body'], postgresql_using='gin')",
            said(
                "G79",
                'op.alter_column("docs", "body", type_=postgresql.JSONB, postgresql_using="body::jsonb")',
            ),
            "op.create_index('ix_docs_body', 'docs', ['body'], postgresql_using='gin')",
        ],
    ),
    "text in a GIN index": (
        "G79",
        USERS,
        lambda: [
            "op.create_index('ix_users_email', 'users', ['email'], postgresql_using='gin')",
            said("G79", 'op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")'),
            said(
                "G79",
                'op.create_index("ix_users_email", "users", ["email"], postgresql_using="gin", '
                'postgresql_ops={"email": "gin_trgm_ops"})',
            ),
        ],
    ),
    "a number in a GIN index": (
        "G79",
        USERS,
        lambda: [
            "op.create_index('ix', 'users', ['id'], postgresql_using='gin')",
            EXECUTE(f"'CREATE EXTENSION {said('G79', 'btree_gin')}'"),
            "op.create_index('ix', 'users', ['id'], postgresql_using='gin')",
        ],
    ),
    "a column of a policy": (
        "G80",
        f"{USERS}; {EXECUTE(chr(34) + 'CREATE POLICY mine ON users USING (email IS NOT NULL)' + chr(34))}",
        lambda: [
            "op.alter_column('users', 'email', type_=sa.Text)",
            said("G80", 'op.execute("DROP POLICY my_policy ON my_table")', my_policy="mine", my_table="users"),
            "op.alter_column('users', 'email', type_=sa.Text)",
            said(
                "G80", 'op.execute("CREATE POLICY my_policy ON my_table ...")', my_policy="mine", my_table="users"
            ).replace(" ...", " USING (email IS NOT NULL)"),
        ],
    ),
    "a column of a generated one": (
        "G80",
        "op.create_table('orders', sa.Column('price', sa.Integer), sa.Column('amount', sa.Integer), "
        "sa.Column('total', sa.Integer, sa.Computed('price * amount')))",
        lambda: [
            "op.alter_column('orders', 'price', type_=sa.Numeric)",
            said("G80", 'op.drop_column("orders", "total")'),
            "op.alter_column('orders', 'price', type_=sa.Numeric)",
            said(
                "G80",
                'op.add_column("orders", sa.Column("total", sa.Numeric, sa.Computed("price * amount")))',
            ),
        ],
    ),
    "a view with other columns": (
        "G81",
        f"{USERS}; {VIEW}",
        lambda: [
            "op.execute('CREATE OR REPLACE VIEW v AS SELECT id FROM users')",
            said("G81", 'op.execute("DROP VIEW my_view")', my_view="v"),
            "op.execute('CREATE VIEW v AS SELECT id FROM users')",
        ],
    ),
    "a function with another result": (
        "G81",
        "op.execute(\"CREATE FUNCTION f(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n'\")",
        lambda: [
            "op.execute(\"CREATE OR REPLACE FUNCTION f(n integer) RETURNS text LANGUAGE sql AS 'SELECT n::text'\")",
            said("G81", 'op.execute("DROP FUNCTION my_function(integer)")', my_function="f"),
            "op.execute(\"CREATE FUNCTION f(n integer) RETURNS text LANGUAGE sql AS 'SELECT n::text'\")",
        ],
    ),
    "a view in place of a table": (
        "G82",
        f"{USERS}; {VIEW}",
        lambda: ["op.drop_table('v')", said("G82", 'op.execute("DROP VIEW NAME")', NAME="v")],
    ),
    "an index of a view": (
        "G82",
        f"{USERS}; {VIEW}",
        lambda: ["op.create_index('ix', 'v', ['email'])", "op.create_index('ix', 'users', ['email'])"],
    ),
    "a value that the enum has": (
        "G83",
        STATUS,
        lambda: [
            "op.execute(\"ALTER TYPE order_status ADD VALUE 'new'\")",
            f"op.execute(\"{said('G83', ADD_VALUE)}\")",
        ],
    ),
    "an index that depends on the time zone": (
        "G84",
        DOCS,
        lambda: [
            "op.create_index('ix', 'docs', [sa.text(\"date_trunc('day', made)\")])",
            f"op.create_index('ix', 'docs', [sa.text(\"{said('G84', BY_DAY)}\")])",
            f"op.create_index('day', 'docs', [sa.text(\"({said('G84', AS_DATE)})\")])",
        ],
    ),
    "a subquery with several rows": (
        "G85",
        f"{USERS}; {TWO_ANNS}",
        lambda: [
            "op.execute('UPDATE users SET id = (SELECT id FROM users AS u WHERE u.email = users.email)')",
            "op.execute('UPDATE users SET email = ({} FROM users AS u WHERE u.email = users.email)')".format(
                said("G85", "SELECT max(id)")
            ),
        ],
    ),
    "a conflict that cannot be seen": (
        "G86",
        USERS,
        lambda: [
            "op.execute(\"INSERT INTO users (email) VALUES ('a') ON CONFLICT (email) DO NOTHING\")",
            said(
                "G86", 'op.create_unique_constraint("uq_roles_name", "roles", ["name"])', roles="users", name="email"
            ),
            "op.execute(\"INSERT INTO users (email) VALUES ('a') ON CONFLICT (email) DO NOTHING\")",
        ],
    ),
    "a serial that becomes an identity": (
        "G87",
        "op.create_table('orders', sa.Column('id', sa.Integer, primary_key=True)); "
        "op.execute('INSERT INTO orders VALUES (DEFAULT), (DEFAULT)')",
        lambda: [
            "op.execute('ALTER TABLE orders ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY')",
            said("G87", 'op.execute("ALTER TABLE orders ALTER COLUMN id DROP DEFAULT")'),
            said("G87", 'op.execute("DROP SEQUENCE orders_id_seq")'),
            said("G87", 'op.execute("ALTER TABLE orders ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY")'),
            said(
                "G87",
                "op.execute(\"SELECT setval(pg_get_serial_sequence('orders', 'id'), (SELECT max(id) FROM orders))\")",
            ),
            "op.execute('INSERT INTO orders DEFAULT VALUES')",
        ],
    ),
    "a number for an identity": (
        "G87",
        "op.create_table('orders', sa.Column('id', sa.Integer, sa.Identity(always=True), primary_key=True))",
        lambda: [
            "op.execute('INSERT INTO orders (id) VALUES (1)')",
            EXECUTE(f"'{said('G87', 'INSERT INTO orders (id) OVERRIDING SYSTEM VALUE VALUES (1)')}'"),
            EXECUTE(f"'{said('G87', 'ALTER TABLE orders ALTER COLUMN id DROP IDENTITY')}'"),
        ],
    ),
    "an enum that becomes another": (
        "F66",
        f"{STATUS}; op.execute('CREATE TABLE t (state order_status, paid boolean)'); "
        "op.execute(\"CREATE TYPE other AS ENUM ('new')\")",
        lambda: [
            "op.execute('ALTER TABLE t ALTER COLUMN state TYPE other USING state::other')",
            f"op.alter_column('t', 'state', type_=sa.Enum('new', name='other'), "
            f"{said('F66', THROUGH_TEXT, order_status='other')})",
            f"op.alter_column('t', 'paid', type_=sa.Integer, "
            f"{said('F66', AS_NUMBER)})",
        ],
    ),
    "texts that are no numbers": (
        "G52",
        f"{USERS}; {ANN}",
        lambda: [
            "op.alter_column('users', 'email', type_=sa.Integer, postgresql_using='email::integer')",
            f"op.execute(\"UPDATE users SET email = '1' WHERE email IN ({said('G52', NOT_A_NUMBER, **IN_USERS)})\")",
            "op.alter_column('users', 'email', type_=sa.Integer, postgresql_using='email::integer')",
        ],
    ),
    "a value that the revision writes": (
        "G52",
        "op.create_table('users', sa.Column('email', sa.String(3)))",
        lambda: [f"op.execute(\"INSERT INTO users VALUES ('{name}')\")" for name in ("anna", "ann")],
    ),
    "a table that is not in FROM": (
        "G45",
        "op.execute('CREATE TABLE orders (total int, cart_id int); CREATE TABLE carts (id int, total int)')",
        lambda: [
            "op.execute('UPDATE orders SET total = carts.total')",
            EXECUTE(
                f"'{said('G45', 'UPDATE orders SET total = carts.total FROM carts WHERE carts.id = orders.cart_id')}'"
            ),
        ],
    ),
    "a type that is not there to be dropped": (
        "G30",
        USERS,
        lambda: ["op.execute('DROP TYPE order_status')", "op.execute('DROP TYPE IF EXISTS order_status')"],
    ),
    "a trigger that names a column that is gone": (
        "G96",
        f"{USERS}; {ANN}; {TOUCH}",
        lambda: [
            "op.execute(\"UPDATE users SET email = 'x'\")",
            said("G96", 'op.execute("DROP TRIGGER my_trigger ON my_table")', my_trigger="touch", my_table="users"),
            "op.execute(\"UPDATE users SET email = 'x'\")",
        ],
    ),
    "a table that others refer to is emptied": (
        "G19",
        f"{USERS}; {ORDERS}",
        lambda: ["op.execute('TRUNCATE users')", EXECUTE(f"'{said('G19', 'TRUNCATE orders, users')}'")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_EDIT)
def test_a_statement_is_corrected(on_postgres: Project, case: str) -> None:
    card_id, before, lines = ONE_EDIT[case]
    correct(on_postgres, card_id, before, lines())


def test_what_kind_of_thing_it_is(on_postgres: Project) -> None:
    on_postgres.line(f"{USERS}; {VIEW}")
    on_postgres.good("upgrade")
    look = said("G82", "SELECT relname, relkind FROM pg_class WHERE relname = 'NAME'", NAME="v")
    assert sql(on_postgres, look) == [("v", "v")]


def test_which_rows_a_subquery_finds_twice(on_postgres: Project) -> None:
    on_postgres.line(f"{USERS}; {TWO_ANNS}")
    on_postgres.good("upgrade")
    count = said("G85", "SELECT code, count(*) FROM depots GROUP BY code HAVING count(*) > 1", depots="users")
    assert sql(on_postgres, count.replace("code", "email")) == [("ann", 2)]


def test_a_server_that_takes_no_more_connections() -> None:
    text = "psycopg.OperationalError: connection failed: FATAL:  sorry, too many clients already\n"
    expect("(.venv) ann@box:~/depot$ flask db upgrade\n" + text, "G88")
