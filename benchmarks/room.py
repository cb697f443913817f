"""A room of learners on one machine: each opens exercise 02.1, works it out cell by cell, and checks it.

Each is a process of its own with a folder of its own, as a kernel is; they share the cache and the Postgres server.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.checks import EXERCISE, NOTEBOOK
from benchmarks.figure import Figure
from benchmarks.kernels import code_cells
from benchmarks.timing import seconds
from migration_lab.ground import places

AT_ONCE, WITH_PAUSES = 30, 40  # learners
PAUSE_SECONDS = 20.0  # for thought before each cell, in the mean
LONGEST = 900  # seconds


def figures(
    repetitions: int = 1, at_once: int = AT_ONCE, with_pauses: int = WITH_PAUSES, pause: float = PAUSE_SECONDS
) -> Iterator[Figure]:
    """How long the checks took: of learners who begin in the same second, and of those who think in between."""
    for what, learners, pauses in (
        (f"{at_once} in the same second", at_once, 0.0),
        (f"{with_pauses} with pauses of {pause:g} s in the mean", with_pauses, pause),
    ):
        rooms = [measure(learners, pauses) for _ in range(repetitions)]
        checks = sorted(took for room in rooms for took in room)
        yield Figure(f"{what}: p50 of the check", statistics.median(checks))
        yield Figure(f"{what}: p95 of the check", checks[int(0.95 * (len(checks) - 1))])
        yield Figure(f"{what}: errors", learners * repetitions - len(checks), "", at_most=0)


def measure(learners: int, pause: float) -> list[float]:
    """The seconds that each learner's check took; those whose check failed are left out.

    Args:
        pause: seconds before each cell, in the mean; at 0 all begin within a second and do not pause.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        room = [_start(Path(folder, str(number)), number, pause) for number in range(learners)]
        for each in room:
            assert each.stdout is not None
            each.stdout.readline()  # it has imported what a kernel has
        for each in room:
            assert each.stdin is not None
            each.stdin.write("begin\n")
            each.stdin.flush()
        said = [each.communicate(timeout=LONGEST)[0].splitlines() for each in room]
    return [took for lines in said if lines and (took := json.loads(lines[-1])) is not None]


def _start(home: Path, number: int, pause: float) -> "subprocess.Popen[str]":
    home.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.room", str(home), str(number), str(pause)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=places.course_root(),
    )


def learn(home: str, number: str, pause: str) -> None:
    """What one learner does; the last line printed is the seconds of the check, or null if it did not pass."""
    import os
    import time

    os.environ["LAB_WORK"] = home
    from IPython.core.interactiveshell import InteractiveShell

    from migration_lab.teaching.judging import check

    shell: Any = InteractiveShell.instance()
    cells = code_cells(places.course_root() / "solutions" / NOTEBOOK, exercise=EXERCISE, tag="solution")
    code = ["from migration_lab.notebook import lab", f"shop = lab.exercise({EXERCISE!r})"]
    code += [cell.code for cell in cells]
    choose = random.Random(int(number))
    print("here", flush=True)
    sys.stdin.readline()
    if not float(pause):
        time.sleep(choose.random())
    fine = True
    for cell in code:
        if float(pause):
            time.sleep(choose.expovariate(1 / float(pause)))
        fine = shell.run_cell(cell).success and fine
    if float(pause):
        time.sleep(choose.expovariate(1 / float(pause)))
    verdicts = []
    took = seconds(lambda: verdicts.append(check(EXERCISE, shell.user_ns["shop"].workspace)))
    unmet = [str(each.unmet) for each in verdicts[0].engines if each.unmet]
    if unmet or not fine:
        print(*unmet, sep="\n", file=sys.stderr)
    print(f"\n{json.dumps(took if fine and not unmet else None)}", flush=True)


if __name__ == "__main__":
    learn(*sys.argv[1:])
