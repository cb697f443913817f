"""Opening a lesson's workspace from its template, against replaying the lesson's migrations and rows."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, compared
from benchmarks.timing import Comparison, seconds, side_by_side
from migration_lab import course, engines, workspace
from migration_lab.course import Lesson
from migration_lab.engines import Engine
from migration_lab.flask_command import run_flask
from migration_lab.scenes import Site, build_checkpoint

LESSONS = ("03", "17")  # the first that starts with a database, and the last
REPETITIONS = 9
LONGEST = 0.3  # seconds


def figures(repetitions: int = REPETITIONS) -> Iterator[Figure]:
    """Two figures for each of the lessons on each engine: opened, and reset with the earlier work kept."""
    for engine in engines.available():
        for lesson in map(course.lesson, LESSONS):
            where = f"lesson {lesson.number}, {engine.name}"
            pair = compare_opening(lesson, engine, repetitions)
            yield compared(f"open {where}", pair, "replay", at_least=5, at_most=LONGEST)
            pair = compare_reset(lesson, engine, repetitions)
            yield compared(f"reset {where}, and keep the work in it", pair, "replay", at_least=5, at_most=LONGEST)


def compare_opening(lesson: Lesson, engine: Engine, repetitions: int) -> Comparison:
    """Open the lesson where nobody has changed anything, as the first cell of a notebook does."""
    workspace.open_lesson(lesson, engine)  # builds the template and warms the forkserver
    return side_by_side(
        lambda: seconds(lambda: workspace.open_lesson(lesson, engine)), lambda: replay(lesson, engine), repetitions
    )


def compare_reset(lesson: Lesson, engine: Engine, repetitions: int) -> Comparison:
    """Reset a workspace in which a file and the database were changed: both are kept aside."""

    def reset() -> float:
        opened = workspace.open_lesson(lesson, engine).workspace
        (opened.folder / "notes.txt").write_text("work", encoding="utf-8")
        assert run_flask(opened, "db", "downgrade").exit_code == 0
        return seconds(lambda: workspace.reset(lesson.number, engine))

    return side_by_side(reset, lambda: replay(lesson, engine), repetitions)


def replay(lesson: Lesson, engine: Engine) -> float:
    """Make the same from nothing: copy the files, run the migrations with the rows in between; warm commands too."""
    with tempfile.TemporaryDirectory(prefix="lab-") as temporary:
        folder = Path(temporary) / "shop"
        folder.mkdir()

        def from_nothing() -> None:
            engine.create(folder)
            build_checkpoint(lesson, Site(folder, engine))

        took = seconds(from_nothing)
        engine.drop(folder)
        return took
