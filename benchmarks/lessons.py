"""The running time of each lesson: all its cells, from the start of the kernel to the last answer."""

import json
import statistics
import time
from collections.abc import Iterator

from benchmarks.figure import Figure
from migration_lab.ground import course, places
from migration_lab.making.solutions import executed

MOST_SECONDS = 60.0


def figures(repetitions: int = 3) -> Iterator[Figure]:
    """Each lesson alone, each time in a fresh home, where its shops have to be made."""
    for lesson in (each for each in course.lessons() if each.is_written):
        path = places.course_root() / "notebooks" / f"{lesson.slug}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        took = []
        for _ in range(repetitions):
            begun = time.perf_counter()
            executed(notebook, title=f"notebooks/{path.name}")
            took.append(time.perf_counter() - begun)
        yield Figure(f"lesson {lesson.number}, all cells", statistics.median(took), at_most=MOST_SECONDS)
