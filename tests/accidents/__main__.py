"""The long run: many sessions, one after the other, each with its seed, so that a failure can be reproduced."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import migration_lab.ground.jupyter.lean  # noqa: F401  # before nbformat
from migration_lab.ground import course
from migration_lab.ground.engines import postgres
from tests.accidents.session import Session, left_running


def main() -> int:
    """Play the sessions that the command line asks for; 1 when something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.accidents", description=__doc__)
    parser.add_argument("--lesson", action="append", help="such as 02; may be given several times (default: all)")
    parser.add_argument("--sessions", type=int, default=10, help="for each lesson")
    parser.add_argument("--steps", type=int, default=30, help="in each session")
    parser.add_argument("--seed", type=int, default=0, help="of the first session")
    asked = parser.parse_args()
    lessons = [each for each in course.lessons() if each.is_written and each.number in (asked.lesson or [each.number])]
    folder = tempfile.mkdtemp(prefix="lab-")
    Path(folder).chmod(0o711)
    os.environ.update(LAB_STATE=f"{folder}/state", LAB_CACHE=f"{folder}/cache")
    failed = 0
    try:
        for lesson in lessons:
            for seed in range(asked.seed, asked.seed + asked.sessions):
                os.environ["LAB_WORK"] = f"{folder}/{lesson.number}-{seed}"
                began = time.time()
                session = Session(lesson, seed, asked.steps)
                session.play()
                session.findings += [f"left running: {words}" for words in left_running(began)]
                print(f"{lesson.number} seed {seed}: {len(session.happened)} steps, {len(session.findings)} findings")
                for finding in session.findings:
                    failed = 1
                    print("  after", "; ".join(session.happened), f"\n  {finding}", sep=" ")
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
