"""The code and its English: what runs before each commit, and rules for all files."""

import ast
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


PRIVATE = re.compile(r"_[^_]\w*(?<!_)")  # `_repr_html_` and the like are no names of ours


def trees(folder: str) -> dict[str, list[ast.AST]]:
    """The parts of each module in a folder, by its path."""
    root = places.course_root()
    paths = sorted((root / folder).rglob("*.py"))
    return {str(path.relative_to(root)): list(ast.walk(ast.parse(path.read_text("utf-8")))) for path in paths}


def defined(part: ast.AST) -> str:
    """The name that a definition or an assignment gives, if any."""
    if isinstance(part, ast.FunctionDef | ast.ClassDef):
        return part.name
    if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Store):
        return part.id if isinstance(part, ast.Name) else part.attr
    return ""


def named(part: ast.AST) -> list[str]:
    """The names by which it reaches into something else: attributes, imports, and texts as `setattr` takes them."""
    if isinstance(part, ast.Attribute):
        return [] if isinstance(part.value, ast.Name) and part.value.id == "self" else [part.attr]
    if isinstance(part, ast.ImportFrom):
        return [each.name for each in part.names]
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr.endswith("attr"):
        texts = [each.value for each in part.args if isinstance(each, ast.Constant)]
        return [text.rpartition(".")[2] for text in texts if isinstance(text, str)]
    return []


def test_tests_use_no_private_name_of_the_lab() -> None:
    """What deserves a test of its own deserves a public name."""
    ours = {
        name for parts in trees("migration_lab").values() for name in map(defined, parts) if PRIVATE.fullmatch(name)
    }
    assert len(ours) > 100
    reached = [(path, name) for path, parts in trees("tests").items() for part in parts for name in named(part)]
    assert [each for each in reached if each[1] in ours] == []


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
