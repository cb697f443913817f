"""Opening a lesson's workspace from its template, against replaying the lesson's migrations and rows."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from benchmarks.figure import Figure, compared
from benchmarks.timing import Comparison, seconds, side_by_side
from migration_lab.ground import course, engines
from migration_lab.ground.course import Lesson
from migration_lab.ground.engines import Engine
from migration_lab.shops import workspace
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.identity import Identity, Workspace
from migration_lab.shops.scenes import build_checkpoint

LESSONS = ("03", "17")  # the first that starts with a database, and the last
REPETITIONS = 9
LONGEST = 0.3  # seconds


def figures(repetitions: int = REPETITIONS, lessons: Sequence[str] = LESSONS) -> Iterator[Figure]:
    """For each of the lessons on each engine: opened, and reset with the earlier work kept, against both replays."""
    for engine in engines.available():
        for lesson in map(course.lesson, lessons):
            where = f"lesson {lesson.number}, {engine.name}"
            for what, compare in (
                (f"open {where}", compare_opening),
                (f"reset {where}, and keep the work in it", compare_reset),
            ):
                pair = compare(lesson, engine, repetitions)
                yield compared(what, pair, "a replay", at_least=5, at_most=LONGEST)
                pair = compare(lesson, engine, repetitions, warm=True)
                yield compared("the same", pair, "a replay by `%flask`")


def compare_opening(lesson: Lesson, engine: Engine, repetitions: int, *, warm: bool = False) -> Comparison:
    """Open the lesson where nobody has changed anything, as the first cell of a notebook does."""
    workspace.open_lesson(lesson, engine)  # builds the template and warms the forkserver
    return side_by_side(
        lambda: seconds(lambda: workspace.open_lesson(lesson, engine)),
        lambda: replay(lesson, engine, warm=warm),
        repetitions,
    )


def compare_reset(lesson: Lesson, engine: Engine, repetitions: int, *, warm: bool = False) -> Comparison:
    """Reset a workspace in which a file and the database were changed: both are kept aside."""

    def reset() -> float:
        opened = workspace.open_lesson(lesson, engine).workspace
        (opened.folder / "notes.txt").write_text("work", encoding="utf-8")
        assert run_flask(opened, "db", "downgrade").exit_code == 0
        return seconds(lambda: workspace.reset(lesson.number, engine))

    return side_by_side(reset, lambda: replay(lesson, engine, warm=warm), repetitions)


def replay(lesson: Lesson, engine: Engine, *, warm: bool) -> float:
    """Make the same from nothing: copy the files, run the migrations with the rows in between.

    Args:
        warm: whether the commands are forked as `%flask` is, or each an interpreter of its own as in a terminal.
    """
    forked = "1" if warm else "0"
    with tempfile.TemporaryDirectory(prefix="lab-") as temporary, patch.dict(os.environ, LAB_FORKSERVER=forked):
        folder = Path(temporary) / "shop"
        folder.mkdir()

        def from_nothing() -> None:
            engine.create(folder)
            build_checkpoint(lesson, Workspace(folder, Identity(lesson.slug, engine.name)))

        took = seconds(from_nothing)
        engine.drop(folder)
        return took
