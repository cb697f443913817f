"""Format, lint and types."""

import re
import subprocess
import sys

import pytest

from migration_lab.ground import course, places
from migration_lab.ground.layers import files_in

FILES = 35


@pytest.mark.parametrize("tool", [["ruff", "format", "--check"], ["ruff", "check"], ["mypy"]], ids=" ".join)
def test_the_code_is_clean(tool: list[str]) -> None:
    checked = subprocess.run([sys.executable, "-m", *tool], cwd=places.course_root(), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_lesson_is_few_files() -> None:
    """It had 47 to 172 when each answer was a file, and a change of a file of the shop a copy of it."""
    counts = {lesson.slug: len(files_in(lesson.folder)) for lesson in course.lessons()}
    assert {slug: count for slug, count in counts.items() if count >= FILES} == {}


def test_sessions_are_asked_about_in_one_database_only() -> None:
    """All notebooks share the server: who counts or ends sessions must not meet those of others."""
    root = places.course_root()
    asked = re.compile(r"(?:FROM|JOIN) pg_stat_activity\b.{0,400}", re.DOTALL)
    files = [path for folder in ("lessons", "migration_lab") for path in (root / folder).rglob("*.[pm][yd]")]
    found = [(path.name, sql) for path in files for sql in asked.findall(path.read_text(encoding="utf-8"))]
    assert len(found) > 5
    assert [each for each in found if "datname" not in each[1]] == []
