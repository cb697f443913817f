"""Behind PgBouncer, as Debian sets it up and as people change it, instruments work, and what reads cannot write."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text

from migration_lab.ground import connect
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments import locks, storage, traffic
from migration_lab.instruments.query import execute, query
from migration_lab.instruments.readonly import keeping_sessions, looking_at
from migration_lab.instruments.schema import read_schema
from tests.pooler import pooler

PASSWORD = "secret of a clerk"
IGNORES = {"ignore_startup_parameters": "extra_float_digits, options"}
# Each transaction in the next of the server's sessions, which is the worst case: by default PgBouncer prefers the last.
WAYS = {
    "session": {"pool_mode": "session"},
    "session, ignoring options": {"pool_mode": "session", **IGNORES},
    "transaction": {"pool_mode": "transaction", "server_round_robin": "1"},
    "transaction, ignoring options": {"pool_mode": "transaction", "server_round_robin": "1", **IGNORES},
}
BY_STATEMENT = {"pool_mode": "statement"}
WRITES = ("SELECT setval('number', 7)", "INSERT INTO users VALUES (9)", "COMMIT; INSERT INTO users VALUES (9)")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, object], str]]:
    """The parameters of a database that belongs to a user without other rights, and this user's name."""
    folder = tmp_path_factory.mktemp("pooled")
    server = engine("postgres")
    server.create(folder)
    parameters = connect.parameters_of(server.sqlalchemy_url(folder))
    name, clerk = parameters["dbname"], f"clerk_{parameters['dbname'][-12:]}"
    with closing(connect.postgres(parameters)) as session:
        session.execute(f"CREATE ROLE {clerk} LOGIN PASSWORD '{PASSWORD}'".encode())
        session.execute(f"ALTER DATABASE {name} OWNER TO {clerk}".encode())
    yield parameters, clerk
    server.drop(folder)
    with closing(connect.postgres(parameters | {"dbname": "postgres"})) as session:
        session.execute(f"DROP ROLE {clerk}".encode())


@contextmanager
def opened(servers: tuple[dict[str, object], str], **settings: str) -> Iterator[str]:
    """The URL of the database through a pooler with these settings."""
    parameters, clerk = servers
    with pooler(str(parameters["host"]), {clerk: PASSWORD}, **settings) as folder:
        user = f"{clerk}:{PASSWORD.replace(' ', '%20')}"
        yield f"postgresql+psycopg://{user}@/{parameters['dbname']}?host={folder}&port=6432"


@pytest.fixture(scope="module", params=WAYS)
def pooled(request: pytest.FixtureRequest, servers: tuple[dict[str, object], str]) -> Iterator[str]:
    """The URL of a database with one table, for each way of setting up a pooler."""
    with opened(servers, **WAYS[request.param]) as url:
        execute(url, "DROP TABLE IF EXISTS users, other; DROP SEQUENCE IF EXISTS number")
        execute(url, "CREATE TABLE users (id integer); INSERT INTO users VALUES (1), (2); CREATE SEQUENCE number")
        yield url


def test_reading_works_and_cannot_write(pooled: str) -> None:
    for _ in range(8):  # more often than it takes the driver to prepare a statement
        assert query(pooled, "SELECT count(*) FROM users").scalar == 2
    for sql in WRITES:
        with pytest.raises(LabError):
            query(pooled, sql)
        with keeping_sessions(), pytest.raises(LabError):
            query(pooled, sql)
    assert query(pooled, "SELECT is_called FROM number").scalar is False
    assert query(pooled, "SELECT count(*) FROM users").scalar == 2


def test_a_look_has_its_limits_and_leaves_none_behind(pooled: str) -> None:
    limits = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    with looking_at(pooled) as connection:
        for _ in range(2):
            assert connection.execute(text(limits)).one() == ("5s", "30s")
            connection.rollback()
    execute(pooled, "SELECT 1")
    with locks.holding(pooled, "SELECT 1"):
        pass
    parameters = connect.parameters_of(pooled)
    sessions = [connect.postgres(parameters) for _ in range(3)]
    found = {session.execute(limits.encode()).fetchall()[0] for session in sessions}
    for session in sessions:
        session.close()
    assert found == {("0", "0")}


def test_schemas_and_sizes_are_read(pooled: str) -> None:
    with keeping_sessions():
        for _ in range(7):
            assert [table.name for table in read_schema(pooled).tables] == ["users"]
            assert query(pooled, "SELECT count(*) FROM users").scalar == 2
    before = storage.read(pooled, "users")
    execute(pooled, "ALTER TABLE users ALTER COLUMN id TYPE bigint")
    assert storage.read(pooled, "users").since(before).rewritten


def test_sql_by_hand_is_limited(pooled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "LOCK_SECONDS", 1)
    assert execute(pooled, "CREATE TABLE other (id integer); INSERT INTO other VALUES (1)") == 1
    with locks.holding(pooled, "LOCK TABLE other"), pytest.raises(LabError, match="seconds for a lock"):
        execute(pooled, "DROP TABLE other")
    monkeypatch.setattr(connect, "STATEMENT_SECONDS", 1)
    with pytest.raises(LabError, match="more than 1 seconds"):
        execute(pooled, "SELECT pg_sleep(60)")
    with pytest.raises(LabError, match="Through a pooler, the lab's limits need a transaction: VACUUM"):
        execute(pooled, "VACUUM other")
    execute(pooled, "BEGIN; DROP TABLE other; COMMIT")


def test_locks_are_watched(pooled: str) -> None:
    with locks.watch(pooled) as seen, locks.holding(pooled, "LOCK TABLE users", name="another"):
        waiting = threading.Thread(target=query, args=(pooled, "SELECT * FROM users"))
        waiting.start()
        seen.wait_until_blocked()
    waiting.join()
    assert seen.trouble is None
    assert [(wait.who, wait.blockers) for wait in seen.waits] == [("a look", ("another",))]


def test_where_no_transaction_is_allowed_nothing_is_read(servers: tuple[dict[str, object], str]) -> None:
    with opened(servers, **BY_STATEMENT) as url:
        for look in (lambda: query(url, "SELECT 1"), lambda: read_schema(url)):
            with pytest.raises(LabError, match="allows no transactions") as refused:
                look()
            assert "session or transaction" in refused.value.next_step
        with locks.watch(url) as seen:
            pass
        assert seen.trouble is None  # a sample is one message


def test_options_that_a_pooler_refuses_are_named(servers: tuple[dict[str, object], str]) -> None:
    with opened(servers, pool_mode="session") as url, pytest.raises(LabError, match="refuses the `options`"):
        query(f"{url}&options=-csearch_path%3Dapp", "SELECT 1")


def test_limits_of_the_pooler_are_named(servers: tuple[dict[str, object], str]) -> None:
    with opened(servers, pool_mode="session", query_timeout="1") as url:
        with pytest.raises(LabError, match="has ended the session at one of its own time limits"):
            execute(url, "SELECT pg_sleep(60)")
        with pytest.raises(LabError, match="closed the connection"):
            query(url, "SELECT pg_sleep(60)")  # the driver loses what the pooler says at the end
    full = {"pool_mode": "session", "default_pool_size": "1", "query_wait_timeout": "3"}
    refused = pytest.raises(LabError, match="no free connection")
    with opened(servers, **full) as url, locks.holding(url, "SELECT 1"), refused:
        query(url, "SELECT 1")


def test_the_console_of_the_pooler_is_no_database(servers: tuple[dict[str, object], str]) -> None:
    with opened(servers, admin_users=servers[1]) as url:
        console = url.replace(f"/{servers[0]['dbname']}?", "/pgbouncer?")
        for look in (lambda: query(console, "SHOW POOLS"), lambda: execute(console, "SHOW POOLS")):
            with pytest.raises(LabError, match="admin console"):
                look()


def test_requests_are_answered(pooled: str) -> None:
    plan = traffic.over_sql(pooled, ["SELECT * FROM users WHERE id = :id"], [], per_second=100, ids=range(1, 3))
    with traffic.Requests(plan) as seen:
        seen.wait_for(60)
    assert seen.failed == 0
