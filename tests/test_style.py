"""The code and its English: what runs before each commit, and rules for all files."""

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import yaml

from migration_lab.ground import course, places
from migration_lab.ground.layers import files_in
from migration_lab.making import house_style

FILES = 35

ROOT = places.course_root()
(LOCAL,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


@pytest.mark.parametrize("hook", LOCAL["hooks"], ids=lambda hook: hook["id"])
def test_what_runs_before_a_commit_passes(hook: dict[str, Any]) -> None:
    """Format, lint, types, the lessons' template and derived files. Nothing is downloaded for it."""
    python, *command = shlex.split(hook["entry"])
    assert (LOCAL["repo"], hook["language"], python) == ("local", "system", ".venv/bin/python")
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_uses_a_word_that_the_house_style_refuses() -> None:
    words = house_style.ALWAYS | house_style.OF_PROGRAMS
    code = [path for folder in ("migration_lab", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    cards = ROOT / "migration_lab/teaching/explain/guide.yaml"
    docs = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md", ROOT / "run.py", cards]
    faults = [
        fault
        for path in [*code, *docs]
        if path.name != "house_style.py"
        for fault in house_style.style_faults(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"), words)
    ]
    assert not faults, "\n".join(faults)


def test_a_lesson_is_few_files() -> None:
    """It had 47 to 172 when each answer was a file, and a change of a file of the shop a copy of it."""
    counts = {lesson.slug: len(files_in(lesson.folder)) for lesson in course.lessons()}
    assert {slug: count for slug, count in counts.items() if count >= FILES} == {}


def test_sessions_are_asked_about_in_one_database_only() -> None:
    """All notebooks share the server: who counts or ends sessions must not meet those of others."""
    asked = re.compile(r"(?:FROM|JOIN) pg_stat_activity\b.{0,400}", re.DOTALL)
    files = [path for folder in ("lessons", "migration_lab") for path in (ROOT / folder).rglob("*.[pm][yd]")]
    found = [(path.name, sql) for path in files for sql in asked.findall(path.read_text(encoding="utf-8"))]
    assert len(found) > 5
    assert [each for each in found if "datname" not in each[1]] == []
