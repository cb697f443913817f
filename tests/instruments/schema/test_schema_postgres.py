"""On Postgres, every change of a schema is reported once, and equivalent statements are equal."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from migration_lab.ground.engines import engine
from migration_lab.instruments.schema import diff
from migration_lab.instruments.schema.reading import read
from tests.instruments.schema.schema_pairs_postgres import BASE, CHANGES, SAME


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """One database for all tests: each rolls back what it did."""
    folder = tmp_path_factory.mktemp("schemas")
    postgres = engine("postgres")
    postgres.create(folder)
    with create_engine(postgres.sqlalchemy_url(folder), poolclass=NullPool).connect() as connection:
        yield connection
    postgres.drop(folder)


@pytest.fixture
def connection(server: Connection) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    yield server
    server.rollback()


def run(connection: Connection, sql: str) -> None:
    """Several statements at once, as the driver takes them."""
    connection.exec_driver_sql(sql.replace("%", "%%"))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_and_said_once(connection: Connection, change: str) -> None:
    run(connection, BASE)
    before = read(connection)
    run(connection, change)
    after = read(connection)
    assert before != after
    changes = diff(before, after)
    said = [str(each) for each in changes]
    assert any(CHANGES[change] in line for line in said), said
    once = {(each.subject, each.name, each.before is None, each.after is None) for each in changes}
    assert len(once) == len(changes), said
    assert len(diff(after, before)) == len(changes)


@pytest.mark.parametrize("pair", SAME)
def test_two_ways_to_say_the_same_are_equal(connection: Connection, pair: str) -> None:
    found = []
    for sql in SAME[pair]:
        run(connection, sql)
        found.append(read(connection))
        connection.rollback()
    assert [str(each) for each in diff(*found)] == []
    assert found[0] == found[1]
