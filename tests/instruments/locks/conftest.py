"""The database that the tests of `locks` watch."""

from collections.abc import Iterator

import pytest

from migration_lab.instruments import locks
from migration_lab.instruments.query import execute
from tests.instruments.locks.parts import TABLES


@pytest.fixture
def url(database: str) -> Iterator[str]:
    execute(database, TABLES)
    yield database
    locks.close_all()
