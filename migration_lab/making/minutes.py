"""Estimates how long a lesson takes; docs/lessons.md describes the formula.

It was fitted to the time that people took for nine lessons at the first attempt: between 16 and 82
minutes. It is within 12 % of each.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from migration_lab.ground.course import Lesson
from migration_lab.making.cells import Cell
from migration_lab.making.parts import sections_by_part
from migration_lab.making.sections import COMPARE, QUIZ, Section
from migration_lab.teaching import quiz

WORDS_A_MINUTE = 150
LINES_A_MINUTE = 10  # of code and of files: to read them, run them, and look at their output
QUESTIONS_A_MINUTE = 4  # in addition to their words: to choose an answer
LONGEST = 45  # minutes of reading for one evening
TOLERANCE = 0.2  # of the minutes: a sentence more or less is not a fault
NOT_READ = {"id", "kind", "prediction", "computed_by", "right", "value"}


def counted(cells: Iterable[Cell], questions: Collection[quiz.Question]) -> int:
    """The minutes for these cells and these questions, reading and running together."""
    words = lines = 0
    for cell in cells:
        if not cell.is_code:
            words += len(cell.source.split())
        elif "proof" not in cell.tags and not QUIZ.search(cell.source) and not COMPARE.search(cell.source):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    words += sum(_words(question.model_dump(exclude_defaults=True)) for question in questions)
    return minutes_for(words, lines, len(questions))


def minutes_of(sections: Iterable[Section], questions: Mapping[str, quiz.Question]) -> int:
    """The minutes for these sections, with those of the questions, by their ids, that they ask."""
    sections = list(sections)
    asked = [questions[name] for section in sections for name in section.questions if name in questions]
    return counted([cell for section in sections for cell in section.cells], asked)


def minutes_for(words: int, lines: int, questions: int) -> int:
    """The formula: the rounded minutes for words of prose, lines of code, and questions."""
    return max(1, round(words / WORDS_A_MINUTE + lines / LINES_A_MINUTE + questions / QUESTIONS_A_MINUTE))


def minutes_faults(lesson: Lesson, sections: list[Section], questions: Mapping[str, quiz.Question]) -> Iterator[str]:
    """Faults where the minutes of lesson.yaml differ from the estimate, on which an agenda relies, or are too many.

    Args:
        sections: all of the lesson's, with its opening first.
        questions: those of the lesson by their ids.
    """
    file = f"lessons/{lesson.slug}/lesson.yaml"
    if lesson.manifest.minutes is None:
        yield f"{file}: `minutes` is missing."
        return
    parts = [(f" of the part {part.title!r}", part.minutes, own) for part, own in sections_by_part(lesson, sections)]
    for title, said, own in parts or [("", lesson.manifest.minutes, sections)]:
        found = minutes_of(own, questions)
        if abs(said.reading + said.running - found) > max(2, found * TOLERANCE):
            yield (
                f"{file}: `minutes`{title} say {said.reading} reading and {said.running} running; "
                f"reading and running take about {found} together."
            )
        if said.reading > LONGEST:
            yield (
                f"{file}: `minutes`{title} say {said.reading} reading, which is more than {LONGEST}. Divide it into "
                "parts; docs/lessons.md says how."
            )


def _words(written: Any) -> int:
    """The words that a learner reads in a question, with the explanations of its options."""
    if isinstance(written, dict):
        return sum(_words(value) for key, value in written.items() if key not in NOT_READ)
    if isinstance(written, (list, tuple)):
        return sum(map(_words, written))
    return len(str(written).split())
