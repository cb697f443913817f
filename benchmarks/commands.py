"""`flask db current` as a cell runs it, against the same command as a terminal runs it."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.figure import Figure, compared
from benchmarks.timing import Comparison, seconds, side_by_side
from migration_lab.ground import course, engines
from migration_lab.ground.engines import Engine
from migration_lab.shops import workspace
from migration_lab.shops.flask_command import environment, run_flask

REPETITIONS = 15


def figures(repetitions: int = REPETITIONS) -> Iterator[Figure]:
    """One figure for each engine."""
    for engine in engines.available():
        pair = compare(engine, repetitions)
        yield compared(f"`%flask db current`, {engine.name}", pair, "a plain subprocess", at_least=10)


def compare(engine: Engine, repetitions: int) -> Comparison:
    """Both ways of running the command, in the shop of lesson 03."""
    opened = workspace.open_lesson(course.lesson("03"), engine).workspace
    command = [sys.executable, "-m", "flask", "db", "current"]
    env = environment(opened.folder)

    def ours() -> None:
        assert run_flask(opened, "db", "current").exit_code == 0

    def plain() -> None:
        subprocess.run(command, cwd=opened.folder, env=env, check=True, capture_output=True)

    ours()  # from here the forkserver is warm
    plain()
    return side_by_side(lambda: seconds(ours), lambda: seconds(plain), repetitions)
