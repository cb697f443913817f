"""What the tests of `locks` share."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from migration_lab.instruments import locks
from tests.instruments.test_traffic import command_of

on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, email text);
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer);
INSERT INTO users VALUES (1, 'ann@example.com'), (2, 'bo@example.com')"""
COUNT = "SELECT count(*) FROM users"
ALTER = "ALTER TABLE users ADD COLUMN timezone text"
PATIENCE = 30  # seconds
SECRET = "s3cret/with@odd"


@contextmanager
def meanwhile(url: str, sql: str, name: str) -> Iterator[None]:
    """Carry out SQL in a thread and commit it; it has ended when the block has."""

    def work() -> None:
        with closing(locks.holding(url, sql, name)):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        locks.close_all()  # whatever stands in its way
        thread.join(PATIENCE)
        assert not thread.is_alive()


def watchers() -> list[psutil.Process]:
    """The watching processes of this test."""
    return [each for each in psutil.Process().children() if "migration_lab.instruments.locks.child" in command_of(each)]


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
