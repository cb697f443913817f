"""The live parts of the lessons, run many times: what each run showed, and how often an assertion was wrong."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from benchmarks.figure import Figure
from migration_lab.ground import course, places
from migration_lab.ground.errors import LabError
from migration_lab.making.solutions import executed

RUNS = 20
LAST_CELL = "import json\nfrom migration_lab.notebook import under_way\nprint(json.dumps(under_way.finished))"


def figures(repetitions: int = RUNS) -> Iterator[Figure]:
    """Of every lesson that measures requests: the longest wait in each of its runs, and the false alarms."""
    for lesson in course.lessons():
        path = places.course_root() / "notebooks" / f"{lesson.slug}.ipynb"
        if not lesson.is_written or "traffic(" not in path.read_text(encoding="utf-8"):
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"].append(
            {"cell_type": "code", "execution_count": None, "id": "last", "metadata": {}, "outputs": []}
            | {"source": [LAST_CELL]}
        )
        waits: dict[str, list[float]] = defaultdict(list)
        alarms = 0
        for _ in range(repetitions):
            try:
                ran = executed(notebook, title=f"notebooks/{path.name}")
            except LabError as error:
                alarms += 1
                print(error)
                continue
            for title, longest, _, _ in seen(ran):
                waits[title].append(longest)
        for title, found in waits.items():
            yield Figure(f"lesson {lesson.number}, {title}: the longest wait of a request", statistics.median(found))
        yield Figure(f"lesson {lesson.number}: false alarms in {repetitions} runs", alarms, "", at_most=0)


def seen(ran: dict[str, Any]) -> list[tuple[str, float, float, float]]:
    """What the last cell printed."""
    text = "".join(ran["cells"][-1]["outputs"][0]["text"])
    return [(title, longest, blocked, took) for title, longest, blocked, took in json.loads(text)]
