"""The order of the course: links to its lessons, parts and exercises, and what comes after each of them.

Links lead from `notebooks/` and from `exercises/` alike, in JupyterLab as in the repository.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from migration_lab.ground import course
from migration_lab.ground.course import Lesson, Part


@dataclass(frozen=True)
class Stop:
    """A place in the course: its name, and the link to it from any notebook of the course."""

    words: str
    link: str

    def as_markdown(self) -> str:
        """The words as a link."""
        return f"[{self.words}]({self.link})"


CONTENTS = Stop("Contents", "../notebooks/contents.ipynb")


def to_lesson(lesson: Lesson) -> Stop:
    """A written lesson."""
    return Stop(f"{lesson.number} {lesson.manifest.title}", f"../notebooks/{lesson.slug}.ipynb")


def to_part(lesson: Lesson, part: Part) -> Stop:
    """A part of a lesson."""
    return Stop(part.title, f"{to_lesson(lesson).link}#{anchor(part.section)}")


def to_exercise(lesson: Lesson, exercise_id: str) -> Stop:
    """An exercise, in its own notebook."""
    words = f"{exercise_id} {lesson.manifest.exercises[exercise_id].title}"
    return Stop(words, f"../exercises/{lesson.exercises_file}#{anchor(words)}")


def lesson_after(lesson: Lesson) -> Lesson | None:
    """The next written lesson."""
    return next((each for each in course.lessons() if each.is_written and each.number > lesson.number), None)


def planned_before(following: Lesson, lesson: Lesson) -> list[Lesson]:
    """The planned lessons between the two."""
    return [each for each in course.lessons() if lesson.number < each.number < following.number]


def after_exercise(exercise_id: str) -> Stop:
    """The lesson's next exercise; after its last one, the next lesson; after the last lesson, the contents."""
    lesson, _ = course.exercise(exercise_id)
    names = list(lesson.manifest.exercises)
    later = names[names.index(exercise_id) + 1 :]
    if later:
        stop = to_exercise(lesson, later[0])
        return Stop(f"exercise {stop.words}", stop.link)
    following = lesson_after(lesson)
    return Stop(f"lesson {to_lesson(following).words}", to_lesson(following).link) if following else CONTENTS


def anchor(heading: str) -> str:
    """The id that JupyterLab gives to a heading: its text with hyphens for spaces; quoted for a link."""
    return quote(re.sub(r"[`*]", "", heading).replace(" ", "-"), safe="?,:;'!")
