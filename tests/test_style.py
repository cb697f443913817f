"""Format, lint and types."""

import subprocess
import sys

import pytest

from migration_lab import places


@pytest.mark.parametrize("tool", [["ruff", "format", "--check"], ["ruff", "check"], ["mypy"]], ids=" ".join)
def test_the_code_is_clean(tool: list[str]) -> None:
    checked = subprocess.run([sys.executable, "-m", *tool], cwd=places.course_root(), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
