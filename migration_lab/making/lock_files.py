"""The lock files: every package with its version and hashes, without the address of an index."""

import subprocess
import sys
from pathlib import Path

from migration_lab.ground import places
from migration_lab.ground.errors import LabError
from migration_lab.ground.installation import find_uv, for_packages

LOCKS = {"requirements.lock": ["--extra", "setup"], "requirements-dev.lock": ["--all-extras"]}


def make(*, upgrade: bool = False) -> None:
    """Update both lock files from pyproject.toml: the learners' first, which then constrains the maintainers'.

    Args:
        upgrade: take the newest versions that pyproject.toml allows; by default locked versions stay.

    Raises:
        LabError: uv is missing, or it finds no compatible versions.
    """
    uv = find_uv()
    if uv is None:
        raise LabError("Lock files need uv, which is missing.", "Run `python run.py build --locks`, which installs it.")
    command = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-emit-index-url",
    ]
    command += ["--python-version", "3.11", *(["--upgrade"] if upgrade else []), "pyproject.toml"]
    for name, extras in LOCKS.items():
        bound = ["--constraint", "requirements.lock"] if name != "requirements.lock" else []
        made = subprocess.run(
            [*command, *extras, *bound, "--output-file", name],
            cwd=places.course_root(),
            env=for_packages(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if made.returncode != 0:
            print(made.stderr, file=sys.stderr)
            raise LabError(f"{name} could not be made.", "Read what uv says above, then correct pyproject.toml.")
        path = Path(places.course_root() / name)
        print(f"{path.name} is up to date.")
