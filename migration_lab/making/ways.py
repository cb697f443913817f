"""Navigation that the build adds to the notebooks: a line at the top, what comes next, the contents."""

import re

from migration_lab.ground import course, way
from migration_lab.ground.course import Lesson

CONTENTS_CALL = "from migration_lab.notebook import lab\n\nlab.contents()"
NAMED = re.compile(r"\b[Ll]essons? \d\d\b(?:(?:, | and |, and )\d\d\b)*(?! is not written|, which is planned)")


def contents_words() -> str:
    """The text above the contents: how to update them, and the tracks."""
    words = (
        "# Contents\n\nAll lessons and exercises, and how far you are. Run the cell below with Shift+Enter to bring it "
        "up to date."
    )
    tracks = " or ".join(f"[{each.title}]({each.name}.ipynb)" for each in course.tracks())
    return f"{words} For a workshop, or in a hurry, take {tracks}." if tracks else words


def with_planned(prose: str) -> str:
    """The prose, with a note that a lesson is planned after each number of an unwritten lesson."""
    planned = {each.number for each in course.lessons() if not each.is_written}

    def marked(named: re.Match[str]) -> str:
        return re.sub(r"\d\d", lambda number: number[0] + " (planned)" * (number[0] in planned), named[0])

    return NAMED.sub(marked, prose)


def with_top(lesson: Lesson, opening: str) -> str:
    """The opening of a lesson with links to its exercises, its parts and the contents, below its promises."""
    paragraphs = opening.split("\n\n")
    promised = [place for place, text in enumerate(paragraphs) if text.startswith("**Not here**")]
    place = promised[0] + 1 if promised else len(paragraphs)
    return "\n\n".join([*paragraphs[:place], _top(lesson), *paragraphs[place:]])


def _top(lesson: Lesson) -> str:
    exercises = [way.to_exercise(lesson, name).as_markdown() for name in lesson.manifest.exercises]
    parts = [way.to_part(lesson, part).as_markdown() for part in lesson.manifest.parts]
    lines = [
        f"**Exercises** {' · '.join(exercises)}" if exercises else "",
        f"**Parts** {' · '.join(parts)}" if parts else "",
        f"**All lessons** {way.CONTENTS.as_markdown()}",
    ]
    return "\n\n".join(filter(None, lines))


def part_begins(lesson: Lesson, number: int) -> str:
    """The cell before a later part, counted from 1: a place to stop and to continue."""
    parts = lesson.manifest.parts
    part = parts[number - 1]
    minutes = part.minutes.reading + part.minutes.running
    return (
        f"**Part {number} of {len(parts)}: {part.title}** ({minutes} minutes). You can stop here and go on another "
        "day. Run the next start cell then: it makes all that this part needs."
    )


def ending(lesson: Lesson, *, exercises: bool) -> str:
    """The last cell of a lesson, and of its exercises: what comes next.

    Args:
        exercises: whether the lesson's exercises come first.
    """
    lines = []
    if exercises and lesson.manifest.exercises:
        stops = [way.to_exercise(lesson, name).as_markdown() for name in lesson.manifest.exercises]
        lines.append(f"- The exercises of this lesson: {', '.join(stops)}.")
    following = way.lesson_after(lesson)
    if following:
        planned = [each.number for each in way.planned_before(following, lesson)]
        not_yet = f" Not written yet: {', '.join(planned)}." if planned else ""
        lines.append(f"- The next lesson: {way.to_lesson(following).as_markdown()}.{not_yet}")
    lines.append(f"- {way.CONTENTS.as_markdown()}: all lessons, and how far you are.")
    return "\n".join(["## What comes next", "", *lines])
