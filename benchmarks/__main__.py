"""`python -m benchmarks [PART ...] [--repetitions N] [--dry-run]`."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import checks, commands, instruments, lessons, live, memory, opening, report, room, start
from benchmarks.figure import HEAD, Figure
from migration_lab.ground import engines
from migration_lab.ground.engines import postgres

# The parts of the page, in its order.
PARTS: dict[str, Callable[..., Iterator[Figure]]] = {
    "commands": commands.figures,
    "opening": opening.figures,
    "checks": checks.figures,
    "start": start.figures,
    "memory": memory.figures,
    "instruments": instruments.figures,
    "lessons": lessons.figures,
    "live": live.figures,
    "room": room.figures,
}


def main(arguments: list[str]) -> int:
    """Measure, and rewrite the page; the exit code is 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure how fast the course is.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default all")
    parser.add_argument("--repetitions", type=int, help="how often each is measured; by default it depends on the part")
    parser.add_argument("--dry-run", action="store_true", help="print the tables and leave the page as it is")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"There is no part {', '.join(sorted(unknown))}. The parts are {', '.join(PARTS)}.")
    options = {"repetitions": chosen.repetitions} if chosen.repetitions else {}
    page = report.PAGE.read_text(encoding="utf-8")
    missed = 0
    with home():
        page = report.written(page, "machine", say(report.machine()))
        engines.available()  # starts Postgres, which is no part of what is measured
        for name in chosen.parts or PARTS:
            say(f"\n{name}\n\n{HEAD}")
            figures = [noted(figure) for figure in PARTS[name](**options)]
            missed += sum(figure.met is False for figure in figures)
            page = report.written(page, name, report.table(figures))
    if not chosen.dry_run:
        report.PAGE.write_text(page, encoding="utf-8")
    say("\nAll targets are met." if not missed else f"\nTargets missed: {missed}.")
    return 1 if missed else 0


@contextmanager
def home() -> Iterator[None]:
    """Folders and a Postgres server for this run alone; the learner's own are left as they are."""
    folder = tempfile.mkdtemp(prefix="lab-")
    before = dict(os.environ)
    os.environ.update(LAB_WORK=f"{folder}/my_work", LAB_CACHE=f"{folder}/cache", LAB_STATE=f"{folder}/state")
    try:
        yield
    finally:
        postgres.stop()
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def noted(figure: Figure) -> Figure:
    """Show a figure as soon as it is there."""
    say(figure.row())
    return figure


def say(text: str) -> str:
    """Print without delay."""
    print(text, flush=True)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
