"""The lesson table of the README, from the manifests."""

import re
from pathlib import Path

from migration_lab.ground import course, places
from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError

BEGIN = "<!-- lessons: made by `make build` -->"
END = "<!-- end of lessons -->"


def path() -> Path:
    """The README of the course."""
    return places.course_root() / "README.md"


def with_table() -> str:
    """The current README, with a fresh table between its two markers.

    Raises:
        LabError: the markers are not there exactly once each, in order.
    """
    text = path().read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise LabError("README.md has no place for the lesson table.", f"Put {BEGIN} and {END} on lines of their own.")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", text)


def table() -> str:
    """One row for each lesson, in the order of the course."""
    rows = ["| lesson | what you will have done | time | exercises |", "|---|---|---|---|"]
    return "\n".join(rows + [_row(each) for each in course.lessons()])


def _row(lesson: Lesson) -> str:
    manifest = lesson.manifest
    name = f"{lesson.number} {manifest.title}"
    if not lesson.is_written:
        return f"| {name} | {manifest.summary} | planned | |"
    minutes = f"{manifest.minutes.reading + manifest.minutes.running} min" if manifest.minutes else ""
    minutes += f" in {len(manifest.parts)} parts" if manifest.parts else ""
    file = f"{lesson.slug}.ipynb"
    count = len(manifest.exercises)
    exercises = f" [{count}](exercises/{lesson.exercises_file})" if count else ""
    return f"| [{name}](notebooks/{file}) | {manifest.summary} | {minutes} |{exercises} |"
