"""Imports go down the floors of the house only."""

import subprocess
import sys
from pathlib import Path

from migration_lab.ground import places

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]


def test_imports_go_down_only() -> None:
    linted = subprocess.run(LINT, cwd=places.course_root(), capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "0 broken" in linted.stdout


def test_an_import_that_goes_up_is_found(tmp_path: Path) -> None:
    package = tmp_path / "house"
    package.mkdir()
    for name, text in (("__init__", ""), ("upper", ""), ("lower", "from house import upper\n")):
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = house\n\n"
        "[importlinter:contract:floors]\nname = floors\ntype = layers\nlayers =\n  house.upper\n  house.lower\n",
        encoding="utf-8",
    )
    linted = subprocess.run(LINT, cwd=tmp_path, capture_output=True, text=True)
    assert linted.returncode != 0
    assert "house.lower is not allowed to import house.upper" in linted.stdout
