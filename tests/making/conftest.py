"""A course of two small lessons of prose, so that the build is tested without the real ones, and without a shop."""

import shutil
from pathlib import Path

import pytest

LINK = "[A ticket](../exercises/02_exercises.ipynb#02.1-A-ticket), after [lesson 01](01_alone.ipynb)."


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a whole course with two written lessons, the second with one exercise, and a planned third."""
    root = tmp_path / "small"
    shutil.copytree(Path(__file__).with_name("small_course"), root, ignore=shutil.ignore_patterns("__pycache__"))
    alone = root / "lessons/01_alone"
    alone.mkdir()
    for path in (root / "lessons/02_counting").iterdir():
        if path.name in ("lesson.yaml", "lesson.md", "quiz.yaml"):
            text = path.read_text(encoding="utf-8").replace("Counting", "Alone").replace("02-", "01-")
            text = text.replace(LINK, "None.").partition('  "02.1":')[0]
            (alone / path.name).write_text(text.replace("exercises:\n", "exercises: {}\n"), encoding="utf-8")
    monkeypatch.setenv("LAB_COURSE", str(root))
    return root
