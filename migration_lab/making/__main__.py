"""`python -m migration_lab.making [LESSON] [--check] [--locks]`."""

import argparse
import sys

from migration_lab.ground.errors import LabError
from migration_lab.making import build, lock_files


def main() -> int:
    """Build, and return the exit code for the shell."""
    parser = argparse.ArgumentParser(prog="run.py build", description="Make the derived files of the course.")
    parser.add_argument("lesson", nargs="?", help="a slug or number; by default all lessons")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    parser.add_argument("--locks", action="store_true", help="first bring the lock files up to pyproject.toml")
    parser.add_argument("--upgrade", action="store_true", help="with --locks: take the newest versions allowed")
    chosen = parser.parse_args()
    try:
        if chosen.locks:
            lock_files.make(upgrade=chosen.upgrade)
        build.build(chosen.lesson, check=chosen.check)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
