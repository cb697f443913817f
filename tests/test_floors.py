"""Imports go only down the floors of the package."""

import ast
import subprocess
import sys

from migration_lab.ground import places

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]


def test_imports_go_down_only() -> None:
    linted = subprocess.run(LINT, cwd=places.course_root(), capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "0 broken" in linted.stdout


def test_what_a_package_does_stands_in_its_modules() -> None:
    """An `__init__.py` says what the package is, and hands on names."""
    for path in (places.course_root() / "migration_lab").rglob("__init__.py"):
        said, *rest = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(said, ast.Expr), path
        assert all(isinstance(each, ast.ImportFrom | ast.Assign) for each in rest), path
