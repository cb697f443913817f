"""Fixtures that every test may use: a home of its own, and one Postgres server for the whole session."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab import course


@pytest.fixture(scope="session", autouse=True)
def _lab_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the learner's own server, cache and work.

    All pytest-xdist workers share one server and one cache, as several notebooks do. The folder is short because a
    Unix socket's path may have 107 bytes at most.
    """
    shared = os.environ.get("LAB_TESTS_SHARED")
    folder = Path(shared) if shared else Path(tempfile.mkdtemp(prefix="lab-"))
    patch = pytest.MonkeyPatch()
    patch.setenv("LAB_STATE", str(folder / "state"))
    patch.setenv("LAB_CACHE", str(folder / "cache"))
    patch.setenv("LAB_WORK", str(tmp_path_factory.mktemp("my_work")))
    for name in ("DATABASE_URL", "FLASK_APP", "LAB_ENGINE"):
        patch.delenv(name, raising=False)
    yield
    patch.undo()
    if not shared:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's folder of this test alone."""
    folder = tmp_path / "my_work"
    monkeypatch.setenv("LAB_WORK", str(folder))
    return folder


@pytest.fixture
def course_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the course that a test may change; the manifest is read afresh from it."""
    root = tmp_path / "course"
    for name in ("lessons", "sample_app"):
        shutil.copytree(course.course_root() / name, root / name)
    monkeypatch.setenv("LAB_COURSE", str(root))
    course.lessons.cache_clear()
    yield root
    course.lessons.cache_clear()
