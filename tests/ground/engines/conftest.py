"""The engine of the tests with Postgres, and a folder with a database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground.engines import Engine, engine


@pytest.fixture
def server() -> Engine:
    return engine("postgres")


@pytest.fixture
def folder(tmp_path: Path, server: Engine) -> Iterator[Path]:
    path = tmp_path / "02_first_migration-postgres"
    path.mkdir()
    yield path
    server.drop(path)
