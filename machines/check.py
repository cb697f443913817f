"""Set up the course with this Python as a learner does, try each part of it, and run lesson 00.

`python machines/check.py`, in a clean clone: it makes `.venv` and `my_work/`. On Windows Postgres may be missing.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAY_FAIL = {"Postgres"} if os.name == "nt" else set()
SCRIPTS = ROOT / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def problems(examination: str) -> set[str]:
    """The subjects that `lab doctor` calls a problem."""
    return {line.split()[1] for line in examination.splitlines() if line.startswith("problem ")}


def main() -> int:
    """Returns the exit code: 0 if a learner can work on this machine."""
    subprocess.run([sys.executable, "run.py", "lab", "--version"], cwd=ROOT, check=True)
    doctor = subprocess.run([SCRIPTS / "lab", "doctor"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    print(doctor.stdout, flush=True)
    found = problems(doctor.stdout)
    if (doctor.returncode and not found) or found - MAY_FAIL:
        return 1
    if not found:
        notebook = ROOT / "my_work/notebooks/00_start_here.ipynb"
        return subprocess.run([SCRIPTS / "jupyter", "execute", notebook], cwd=ROOT).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
