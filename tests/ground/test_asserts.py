"""Where Python leaves out every assert, nothing counts as proved."""

import os
import subprocess
import sys

import pytest

from migration_lab.ground import installation, places
from migration_lab.making.solutions import kernel_environment

ROOT = places.course_root()
PROVES = ("from migration_lab.making import prove; prove.prove('02')", "from migration_lab.notebook import lab")


@pytest.mark.parametrize("code", PROVES)
def test_what_proves_refuses_to(code: str) -> None:
    done = subprocess.run([sys.executable, "-O", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "This Python skips every assert, so no cell proves anything" in done.stderr
    assert "Unset PYTHONOPTIMIZE" in done.stderr


def test_the_doctor_finds_it() -> None:
    env = {**os.environ, "PYTHONOPTIMIZE": "1"}
    code = "from migration_lab.teaching import doctor; print(doctor.examine('Python').verdict)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == "problem\n", done.stderr


def test_pytest_refuses_to_run() -> None:
    env = {**os.environ, "PYTHONOPTIMIZE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_floors.py"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "PYTHONOPTIMIZE removes asserts" in done.stderr


def test_the_kernels_that_prove_do_not_inherit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    assert "PYTHONOPTIMIZE" not in kernel_environment({})
    assert "PYTHONOPTIMIZE" not in installation.clean()
