"""An index notebook for each track of lessons/tracks.yaml: an agenda with times, and links to the lessons."""

from dataclasses import dataclass
from pathlib import Path

from migration_lab.ground import places, way
from migration_lab.ground.course import InTheRoom, Lesson, Track
from migration_lab.ground.errors import LabError
from migration_lab.making.cells import read_cells
from migration_lab.making.minutes import minutes_of
from migration_lab.making.notebooks import METADATA, Notebook, as_json
from migration_lab.making.sections import sections_of
from migration_lab.teaching import quiz

EXERCISE_MINUTES = 15  # an allowance: how long an exercise takes depends on the learner
BREAK_MINUTES = 10
BLOCK_MINUTES = 75  # after which a break is due


@dataclass(frozen=True)
class Item:
    """A line of an agenda: the activity, when it begins and how long it takes, in minutes."""

    begin: int
    minutes: int
    words: str


def path(track: Track) -> Path:
    """The index notebook, among those of the lessons."""
    return places.course_root() / "notebooks" / f"{track.name}.ipynb"


def text(track: Track) -> str:
    """The notebook's file."""
    return as_json(notebook(track))


def notebook(track: Track) -> Notebook:
    """The index of a track: its description, its agenda, and what is left out."""
    items = agenda(track)
    end = items[-1].begin + items[-1].minutes if items else 0
    later = sorted(
        way.to_exercise(lesson, exercise).as_markdown()
        for lesson, chosen in written(track)
        for exercise in lesson.manifest.exercises
        if exercise not in chosen.exercises
    )
    planned = [each for each, _ in track.with_lessons() if not each.is_written]
    parts = [
        f"# {track.title}\n\n{track.summary}",
        f"## Agenda\n\n{table(items)}\n\n"
        f"In all {clock(end)} hours. The minutes of a lesson are those of one person who does it for the first time. "
        f"An exercise is given {EXERCISE_MINUTES} minutes. The times leave no room for discussion.",
        "## How it works\n\nOpen the first lesson, and come back here after each. Each notebook sets up its own shop, "
        "so if you missed a lesson, open the next one. `lab.progress()` in a cell shows what you have done, "
        "as `lab progress` does in a terminal.",
    ]
    if later:
        parts.append(
            "## For later\n\nWhat a lesson has after the section that the agenda names waits for you. So do these "
            "exercises, with the same help:\n\n" + "\n".join(f"- {each}" for each in later)
        )
    if planned:
        names = ", ".join(f"{each.number} {each.manifest.title}" for each in planned)
        parts.append(f"## Planned\n\nThese lessons belong to the track and are not written yet: {names}.")
    cells = [
        {"cell_type": "markdown", "id": f"{track.name}-{number:03}", "metadata": {}, "source": part.splitlines(True)}
        for number, part in enumerate(parts)
    ]
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def agenda(track: Track) -> list[Item]:
    """The lessons and exercises of a track with the minute at which each begins, and breaks between them."""
    items: list[Item] = []
    at = since_break = 0

    def add(minutes: int, words: str) -> None:
        nonlocal at
        items.append(Item(at, minutes, words))
        at += minutes

    for lesson, chosen in written(track):
        if since_break >= BLOCK_MINUTES:
            add(BREAK_MINUTES, "Break")
            since_break = 0
        before = at
        words = f"[{lesson.number} {lesson.manifest.title}]({lesson.slug}.ipynb)"
        if chosen.until:
            add(minutes_until(lesson, chosen.until), f"{words}, until you come to {as_link(lesson, chosen.until)}")
        elif minutes := lesson.manifest.minutes:
            add(minutes.reading + minutes.running, words)
        for name in chosen.exercises:
            add(EXERCISE_MINUTES, f"Exercise {way.to_exercise(lesson, name).as_markdown()}")
        since_break += at - before
    return items


def minutes_until(lesson: Lesson, heading: str) -> int:
    """How long the sections before a heading take.

    Raises:
        LabError: the lesson has no such section.
    """
    sections = sections_of(read_cells(lesson.folder / "lesson.md"))
    titles = [each.title for each in sections]
    if heading not in titles[1:]:
        what = f"lessons/tracks.yaml: lesson {lesson.number} has no section {heading!r}."
        raise LabError(what, f"It has {', '.join(map(repr, titles[1:]))}.")
    return minutes_of(sections[: titles.index(heading)], {each.id: each for each in quiz.load(lesson)})


def as_link(lesson: Lesson, heading: str) -> str:
    """A section of a lesson."""
    return f"[{heading}]({lesson.slug}.ipynb#{way.anchor(heading)})"


def written(track: Track) -> list[tuple[Lesson, InTheRoom]]:
    """The written lessons, each with what is done of it in the room."""
    return [(lesson, chosen) for lesson, chosen in track.with_lessons() if lesson.is_written]


def table(items: list[Item]) -> str:
    """The agenda as a Markdown table."""
    rows = ["| begins at | what | minutes |", "|---:|---|---:|"]
    return "\n".join(rows + [f"| {clock(each.begin)} | {each.words} | {each.minutes} |" for each in items])


def clock(minutes: int) -> str:
    """Hours and minutes from the beginning: `1:05`."""
    return f"{minutes // 60}:{minutes % 60:02}"
