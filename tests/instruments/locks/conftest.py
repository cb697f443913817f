"""The database that the tests of `locks` watch."""

from collections.abc import Iterator

import pytest

from migration_lab.ground import connect
from migration_lab.instruments import locks
from migration_lab.instruments.query import execute
from tests.instruments.locks.parts import PATIENCE, TABLES


@pytest.fixture
def url(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its sessions wait for each other until a test lets them go on, however slow the machine."""
    monkeypatch.setattr(connect, "LOCK_SECONDS", PATIENCE)
    execute(database, TABLES)
    yield database
    locks.close_all()
