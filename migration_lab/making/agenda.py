"""The agenda in docs/teaching.md, from the manifests of the written lessons."""

import re
from pathlib import Path

from migration_lab.ground import course, places
from migration_lab.ground.errors import LabError

BEGIN = "<!-- agenda: made by `make build` -->"
END = "<!-- end of agenda -->"


def path() -> Path:
    """The page for instructors."""
    return places.course_root() / "docs" / "teaching.md"


def with_table() -> str:
    """The current page, with a fresh table between its two markers.

    Raises:
        LabError: the markers are not there exactly once each, in order.
    """
    text = path().read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise LabError("docs/teaching.md has no place for the agenda.", f"Put {BEGIN} and {END} on lines of their own.")
    return pattern.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", text)


def table() -> str:
    """One row for each written lesson, in minutes; `so far` adds up reading and running."""
    rows = ["| lesson | reading | running | so far | exercises |", "|---|---:|---:|---:|---|"]
    so_far = 0
    for lesson in course.lessons():
        minutes = lesson.manifest.minutes
        if lesson.is_written and minutes:
            so_far += minutes.reading + minutes.running
            exercises = ", ".join(lesson.manifest.exercises)
            parts = f", in {len(lesson.manifest.parts)} parts" if lesson.manifest.parts else ""
            name = f"{lesson.number} {lesson.manifest.title}{parts}"
            rows.append(f"| {name} | {minutes.reading} | {minutes.running} | {so_far} | {exercises} |")
    return "\n".join(rows)
