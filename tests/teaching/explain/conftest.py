"""The projects that the tests of `explain` break."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground import engines
from tests.teaching.explain.project import APP, Project


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a project after `flask db init`."""
    folder = tmp_path_factory.mktemp("blank")
    (folder / "app.py").write_text(APP)
    project = Project(folder, "sqlite:///shop.db")
    project.settings()
    project.models()
    project.good("init")
    return folder


@pytest.fixture
def project(tmp_path: Path, blank: Path) -> Project:
    """A project on SQLite."""
    folder = shutil.copytree(blank, tmp_path / "project")
    made = Project(folder, f"sqlite:///{folder / 'shop.db'}?timeout=0.1")
    made.settings()
    return made


@pytest.fixture
def on_postgres(project: Project) -> Iterator[Project]:
    """The same project on Postgres."""
    engine = engines.engine("postgres")
    engine.create(project.folder)
    project.url = engine.sqlalchemy_url(project.folder)
    project.settings()
    yield project
    engine.drop(project.folder)
