"""The live parts of the lessons, run many times: what each run showed, and how often an assertion was wrong."""

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from benchmarks.figure import Figure
from migration_lab.ground import course, places
from migration_lab.ground.errors import LabError
from migration_lab.making.solutions import executed

RUNS = 20
BUSY = "while True: pass"
LAST_CELL = "import json\nfrom migration_lab.notebook import under_way\nprint(json.dumps(under_way.finished))"


def figures(repetitions: int = RUNS) -> Iterator[Figure]:
    """Of every lesson that measures requests: the longest wait in each of its runs, and the false alarms.

    Every second run takes place beside other load. The waits are those of the others.
    """
    for lesson in live_lessons():
        path = places.course_root() / "notebooks" / f"{lesson.slug}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"].append(
            {"cell_type": "code", "execution_count": None, "id": "last", "metadata": {}, "outputs": []}
            | {"source": [LAST_CELL]}
        )
        waits: dict[str, list[float]] = defaultdict(list)
        alarms = {False: 0, True: 0}
        for number in range(repetitions):
            beside_load = number % 2 == 1
            try:
                with load() if beside_load else nullcontext():
                    ran = executed(notebook, title=f"notebooks/{path.name}")
            except LabError as error:
                alarms[beside_load] += 1
                print(error)
                continue
            for title, longest, _, _ in seen(ran):
                if not beside_load:
                    waits[title].append(longest)
        for title, found in waits.items():
            yield Figure(f"lesson {lesson.number}, {title}: the longest wait of a request", statistics.median(found))
        runs = {False: repetitions - repetitions // 2, True: repetitions // 2}
        for beside_load, count in alarms.items():
            where = "beside other load" if beside_load else "without other load"
            yield Figure(
                f"lesson {lesson.number}: false alarms in {runs[beside_load]} runs {where}", count, "", at_most=0
            )


def live_lessons() -> list[course.Lesson]:
    """The lessons that send requests while something else runs."""
    written = [each for each in course.lessons() if each.is_written]
    return [each for each in written if "traffic(" in (each.folder / "lesson.md").read_text(encoding="utf-8")]


@contextmanager
def load() -> Iterator[None]:
    """As many busy processes as there are processors, until the block ends."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def seen(ran: dict[str, Any]) -> list[tuple[str, float, float, float]]:
    """What the last cell printed."""
    text = "".join(ran["cells"][-1]["outputs"][0]["text"])
    return [(title, longest, blocked, took) for title, longest, blocked, took in json.loads(text)]
