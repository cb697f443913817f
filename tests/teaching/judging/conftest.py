"""The tiny course whose exercise is checked."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import tiny_course


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_COURSE", str(tiny_course.make(tmp_path / "course")))
    # Trials in a place of this test alone: other workers check at the same time.
    monkeypatch.setattr(
        "migration_lab.teaching.judging.copies.places", SimpleNamespace(trials=lambda: tmp_path / "state/trials")
    )
    return tmp_path / "course"
