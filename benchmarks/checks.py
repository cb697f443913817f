"""A check, from the click to the feedback: exercise 02.1 with its solution, in a kernel."""

from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.kernels import Cell, code_cells, kernel
from benchmarks.timing import median
from migration_lab.ground import engines, places

EXERCISE = "02.1"
NOTEBOOK = "02_first_migration.ipynb"
REPETITIONS = 9
NO_POSTGRES = {"LAB_POSTGRES_BIN": "no-such-folder", "LAB_POSTGRES_URL": ""}


def figures(repetitions: int = REPETITIONS) -> Iterator[Figure]:
    """On SQLite alone, as on a machine without Postgres, and on both engines."""
    first, later = measure(repetitions, **NO_POSTGRES)
    yield Figure(f"check {EXERCISE} on SQLite alone", later, at_most=1)
    yield Figure("the same, the first check in a kernel", first, at_most=1)
    if engines.why_no_postgres() is None:
        first, later = measure(repetitions)
        yield Figure(f"check {EXERCISE} on SQLite and Postgres", later, at_most=2)
        yield Figure("the same, the first check in a kernel", first, at_most=2)


def measure(repetitions: int, **environment: str) -> tuple[float, float]:
    """The seconds of the first check in a fresh kernel, and the median of those that follow."""
    solution = code_cells(places.course_root() / "solutions" / NOTEBOOK, exercise=EXERCISE, tag="solution")
    assert solution, f"solutions/{NOTEBOOK} has no solution of {EXERCISE}"
    with kernel("exercises", **environment) as running:
        running.run(Cell("from migration_lab.notebook import lab"))
        running.run(Cell(f"shop = lab.exercise({EXERCISE!r})"))
        for cell in solution:
            running.run(cell)
        click = Cell(f"lab.check({EXERCISE!r})")
        first = running.run(click)
        return first, median(lambda: running.run(click), repetitions)
