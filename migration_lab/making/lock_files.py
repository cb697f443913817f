"""The lock files: every package with its version and hashes, and no address to fetch it from."""

import subprocess
import sys
from pathlib import Path

from migration_lab.ground import places
from migration_lab.ground.errors import LabError
from migration_lab.ground.installation import clean, find_uv

LOCKS = {"requirements.lock": ["--extra", "setup"], "requirements-dev.lock": ["--all-extras"]}


def make(*, upgrade: bool = False) -> None:
    """Bring both lock files up to pyproject.toml; the learner's first, which then binds the maintainer's.

    Args:
        upgrade: take the newest versions that pyproject.toml allows; by default what is locked stays where it is.

    Raises:
        LabError: uv is missing, or it finds no set of versions that fits.
    """
    uv = find_uv()
    if uv is None:
        raise LabError("Locks are made by uv, and there is none.", "Run `python run.py build --locks`, which gets it.")
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
            env=clean(),
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
