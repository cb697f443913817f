"""Ask the package index whether each system can install the course without a compiler; nothing is installed.

`.venv/bin/python machines/wheels.py`, on any machine with a network.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SYSTEMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OPTIONS = "pip install --quiet --dry-run --no-deps --only-binary :all: --requirement requirements.lock"


def main() -> int:
    """Returns the exit code: 0 if all of them can."""
    from migration_lab.ground.installation import find_uv, for_packages

    uv, cannot = find_uv(), 0
    if uv is None:
        sys.exit("uv is missing. Run this with the Python in .venv.")
    with tempfile.TemporaryDirectory() as nowhere:
        for system in SYSTEMS:
            for python in PYTHONS:
                chosen = ["--python-platform", system, "--python-version", python, "--target", nowhere]
                done = subprocess.run(
                    [uv, *OPTIONS.split(), *chosen], cwd=ROOT, env=for_packages(), capture_output=True, text=True
                )
                cannot += done.returncode != 0
                print(f"{system} {python}: {'no' if done.returncode else 'ok'}\n{done.stderr.strip()}".strip())
    return min(cannot, 1)


if __name__ == "__main__":
    sys.exit(main())
