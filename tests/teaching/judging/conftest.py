"""The tiny course whose exercise is checked."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from migration_lab.ground import course
from tests import tiny_course


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAB_COURSE", str(tiny_course.make(tmp_path / "course")))
    # Trials in a place of this test alone: other workers check at the same time.
    monkeypatch.setattr(
        "migration_lab.teaching.judging.copies.places", SimpleNamespace(state=lambda: tmp_path / "state")
    )
    course.lessons.cache_clear()
    yield tmp_path / "course"
    course.lessons.cache_clear()
