"""Values, defaults and SQL that one database takes in a revision and the other does not, and the cures of the cards."""

import enum
import traceback
from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa

from migration_lab.teaching.explain import explain
from tests.teaching.explain.cures import correct, said
from tests.teaching.explain.project import USERS, Project, expect

IN_A_REVISION = '  File "/srv/depot/migrations/versions/7ad1_racks.py", line 12, in upgrade\n'
TABLE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'


class State(enum.Enum):
    NEW = "new"
    PAID = "paid"


def printed(action: Callable[[], object]) -> str:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - the message is what counts
        action()
    return "".join(traceback.format_exception_only(refused.value))


def fails_in_a_revision(card_id: str, action: Callable[[], object]) -> None:
    """The card answers where a revision did this, and none answers where an app did."""
    text = printed(action)
    expect(IN_A_REVISION + text, card_id)
    assert explain(text) is None, text


@pytest.fixture
def customers() -> sa.Table:
    metadata = sa.MetaData()
    columns = [sa.Column("since", sa.DateTime), sa.Column("key", sa.Uuid), sa.Column("state", sa.Enum(State))]
    return sa.Table("customers", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)


def test_values_that_do_not_fit_the_type(customers: sa.Table) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        customers.create(connection)
        insert = customers.insert()
        fails_in_a_revision("G68", lambda: connection.execute(insert, [{"since": "2026-03-02"}]))
        fails_in_a_revision("G71", lambda: connection.execute(insert, [{"key": "a1"}]))
        fails_in_a_revision("G71", lambda: connection.execute(sa.text("SELECT :x"), {"x": {"a": 1}}))
        day = eval(said("G68", 'datetime.fromisoformat("2026-03-02 07:11")'), {"datetime": datetime})
        connection.execute(insert, [{"since": day, "state": "PAID"}])
        connection.exec_driver_sql("UPDATE customers SET state = 'paid'")
        fails_in_a_revision("G67", lambda: connection.execute(sa.select(customers)).all())


def test_more_values_than_a_statement_takes(customers: sa.Table) -> None:
    rows = [{"id": number} for number in range(300_000)]
    with sa.create_engine("sqlite://").connect() as connection:
        customers.create(connection)
        fails_in_a_revision("G76", lambda: connection.execute(customers.insert().values(rows)))
        assert said("G76", "connection.execute(table.insert(), rows)")
        connection.execute(customers.insert(), rows[:1000])


def test_enum_values_that_are_stored() -> None:
    code = said("G67", "sa.Enum(Status, values_callable=lambda kinds: [kind.value for kind in kinds])", Status="State")
    assert eval(code).enums == ["new", "paid"]


def test_an_enum_without_a_name() -> None:
    def ddl(kind: sa.Enum) -> str:
        table = sa.Table("t", sa.MetaData(), sa.Column("state", kind))
        return str(sa.schema.CreateTable(table).compile(sa.create_engine("postgresql+psycopg://")))

    expect(printed(lambda: ddl(sa.Enum("new", "paid"))), "G72")
    assert "order_status" in ddl(eval(said("G72", 'sa.Enum("new", "paid", name="order_status")')))


def test_a_default_that_is_a_number() -> None:
    expect(printed(lambda: sa.Column(sa.Integer, server_default=0)), "F67")  # type: ignore[arg-type]


def test_sql_of_postgres_on_sqlite(customers: sa.Table) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        customers.create(connection)
        for statement in (
            "UPDATE customers SET since = now()",
            "SELECT id FROM customers WHERE state ILIKE 'a%'",
            "SELECT id::text FROM customers",
        ):
            fails_in_a_revision("G74", lambda: connection.exec_driver_sql(statement))  # noqa: B023
        for statement in ("CREATE EXTENSION citext", "CREATE TABLE t (id CHAR(32) DEFAULT gen_random_uuid())"):
            text = printed(lambda: connection.exec_driver_sql(statement))  # noqa: B023
            expect(text, "G74")
        connection.execute(sa.update(customers).values(since=sa.func.now()))


def test_sql_of_sqlite_on_postgres(on_postgres: Project) -> None:
    engine = sa.create_engine(on_postgres.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE users (id serial PRIMARY KEY, active boolean, code varchar(5))")
        for statement in (
            "SELECT id FROM users WHERE active = 1",
            "SELECT id FROM users WHERE code = 1",
            "UPDATE users SET active = 0",
            "SELECT ifnull(code, '') FROM users",
            "SELECT group_concat(code) FROM users",
            "SELECT coalesce(active, 0) FROM users",
            "SELECT code FROM users GROUP BY active",
        ):
            fails_in_a_revision("G69", lambda: connection.exec_driver_sql(statement))  # noqa: B023
        for cured in ("WHERE active", "WHERE CAST(code AS INTEGER) = 1", "WHERE active = true"):
            connection.exec_driver_sql(f"SELECT coalesce(string_agg(code, ','), '') FROM users {cured}")
    engine.dispose()


def test_an_enum_default_that_is_the_value(on_postgres: Project) -> None:
    kind = 'sa.Enum("NEW", "PAID", name="state")'
    up = f'{kind}.create(op.get_bind()); op.add_column("t", sa.Column("state", {kind}, server_default="{{}}"))'
    on_postgres.line(TABLE, up.format("paid"))
    expect(on_postgres.db("upgrade"), "G67")
    on_postgres.line(TABLE, up.format("PAID"))
    on_postgres.good("upgrade")


def test_a_text_without_quotes_as_a_default(on_postgres: Project) -> None:
    up = 'op.add_column("t", sa.Column("s", sa.String(9), {}))'
    on_postgres.line(TABLE, up.format("server_default=" + said("F67", 'sa.text("new")')))
    expect(on_postgres.db("upgrade"), "F67")
    on_postgres.line(TABLE, up.format(said("F67", 'server_default="new"')))
    on_postgres.good("upgrade")


def test_rows_with_different_keys(project: Project) -> None:
    users = "users = sa.table('users', sa.column('id'), sa.column('phone'))"
    insert = said("G97", 'op.bulk_insert(users, [{"id": 1, "phone": "1"}, {"id": 2, "phone": None}])')
    lines = [f"{users}; {insert.replace(', ' + chr(34) + 'phone' + chr(34) + ': None', '')}", f"{users}; {insert}"]
    correct(project, "G97", USERS.replace("email", "phone"), lines)


def test_a_table_of_a_revision_without_a_column(project: Project) -> None:
    table = said("G62", 'users = sa.table("users", sa.column("id"), sa.column("phone"))')
    update = "op.execute(users.update().values(phone='1'))"
    lines = [f"{table.replace(', sa.column(' + chr(34) + 'phone' + chr(34) + ')', '')}; {update}", f"{table}; {update}"]
    correct(project, "G62", USERS.replace("email", "phone"), lines)


EVENTS = "op.execute('CREATE TABLE events (id int NOT NULL, day date NOT NULL) PARTITION BY RANGE (day)')"
COMPUTED = (
    "op.create_table('orders', sa.Column('price', sa.Integer), "
    "sa.Column('total', sa.Integer, sa.Computed('price', persisted=True)))"
)


@pytest.mark.parametrize(
    ("card_id", "before", "wrong", "right"),
    [
        (
            "G98",
            EVENTS,
            "op.create_primary_key('events_pkey', 'events', ['id'])",
            'op.create_primary_key("events_pkey", "events", ["id", "day"])',
        ),
        (
            "G98",
            EVENTS,
            "with op.get_context().autocommit_block(): "
            "op.execute('CREATE INDEX CONCURRENTLY ix_events_id ON events (id)')",
            "CREATE INDEX ix_events_id ON events (id)",
        ),
        (
            "G98",
            EVENTS,
            "op.execute(\"INSERT INTO events VALUES (1, '2026-03-02')\")",
            "CREATE TABLE events_rest PARTITION OF events DEFAULT",
        ),
        (
            "G99",
            COMPUTED,
            "op.execute('UPDATE orders SET total = 1')",
            "ALTER TABLE orders ALTER COLUMN total DROP EXPRESSION",
        ),
        ("G99", COMPUTED, "op.execute('INSERT INTO orders VALUES (1, 1)')", ""),
    ],
)
def test_a_table_that_does_more_by_itself(
    on_postgres: Project, card_id: str, before: str, wrong: str, right: str
) -> None:
    code = said(card_id, right) if right else ""
    cure = code if code.startswith("op.") else f"op.execute({code!r})" if code else "pass"
    again = [] if "INDEX" in wrong or not code or "primary" in wrong else [wrong]
    correct(on_postgres, card_id, before, [wrong, cure, *again])


def test_a_command_that_a_script_runs() -> None:
    expect("subprocess.CalledProcessError: Command 'flask db upgrade' returned non-zero exit status 1.", "G70")
