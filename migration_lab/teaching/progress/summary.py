"""Progress as a table: lessons, their exercises and their questions; for reading and for export."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from html import escape
from pathlib import Path
from typing import Literal

from migration_lab.ground import course, html
from migration_lab.ground.errors import LabError
from migration_lab.ground.text_table import text_table
from migration_lab.teaching import quiz
from migration_lab.teaching.progress.file import ExerciseRecord, Progress, forget, load

HEADINGS = ("lesson", "exercises", "quiz", "predictions")


@dataclass(frozen=True)
class Item:
    """One exercise or question. `result` is a word or two: `passed`, `2 tries`, `right`, `not yet`, `noted`, `open`."""

    lesson: str
    kind: Literal["exercise", "question", "prediction"]
    id: str
    title: str
    result: str
    attempts: int
    hints: int = 0

    @property
    def is_done(self) -> bool:
        """Whether it is passed or right; a prediction is done once it has been made."""
        return self.result in ("passed", "right", "noted", "compared")


@dataclass(frozen=True)
class Summary:
    """All items of the written lessons, in the order of the course."""

    items: tuple[Item, ...]
    notice: str | None = None

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """One row per lesson, under `HEADINGS`."""
        rows = []
        for lesson in dict.fromkeys(item.lesson for item in self.items):
            exercises = ", ".join(f"{item.id} {item.result}" for item in self._of(lesson, "exercise"))
            questions = _share(self._of(lesson, "question"), "right")
            rows.append((lesson, exercises or "–", questions, _share(self._of(lesson, "prediction"), "made")))
        return rows

    def as_text(self) -> str:
        """The rows as a table for a terminal."""
        return "\n".join([*([self.notice, ""] if self.notice else []), *text_table(HEADINGS, self.rows)])

    def as_html(self) -> str:
        """The rows as an HTML table with a caption; it is readable without styles."""
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
            for first, *rest in self.rows
        )
        table = f"<table><caption>Your progress</caption>{html.head(HEADINGS)}<tbody>{body}</tbody></table>"
        return html.notice(self.notice) + html.scrolling("Your progress", table)

    def as_markdown(self) -> str:
        """A readable report: the table, then every exercise and question that has been begun."""
        lines = ["# Progress", "", *_markdown_table(HEADINGS, self.rows)]
        begun = [item for item in self.items if item.attempts or item.hints]
        if begun:
            cells = [(item.id, item.title, item.result, str(item.attempts), str(item.hints)) for item in begun]
            lines += ["", "## In detail", "", *_markdown_table(("id", "title", "result", "attempts", "hints"), cells)]
        return "\n".join(lines) + "\n"

    def as_csv(self) -> str:
        """One line per exercise and question, begun or not."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(Item))
        writer.writerows(astuple(item) for item in self.items)
        return stream.getvalue()

    def _of(self, lesson: str, kind: str) -> list[Item]:
        return [item for item in self.items if item.lesson == lesson and item.kind == kind]


def summary() -> Summary:
    """The learner's progress, read from the file now."""
    progress = load()
    return Summary(
        tuple(item for lesson in course.lessons() if lesson.is_written for item in _items(lesson, progress)),
        progress.notice,
    )


def export(to: Path) -> Path:
    """Write the progress to a file for people, and return its path.

    Args:
        to: the file; `.md` gives a readable report, `.csv` a table for a spreadsheet. An existing file is replaced.
    """
    write = {".md": Summary.as_markdown, ".csv": Summary.as_csv}.get(to.suffix)
    if write is None:
        raise LabError(f"Progress cannot be exported as {to.name!r}.", "Give a name that ends in .md or .csv.")
    try:
        to.write_text(write(summary()), encoding="utf-8")
    except OSError as error:
        raise LabError(f"{to.name} cannot be written: {error.strerror or error}.", "Choose another place.") from error
    return to


def begin_anew(lesson: course.Lesson) -> str:
    """Reset the progress in a lesson, so that its predictions can be made again; return the result in words.

    Its shops stay as they are.
    """
    kept = forget(lesson.manifest.exercises, [each.id for each in quiz.load(lesson)] if lesson.is_written else [])
    if kept is None:
        return f"Your progress has no record of lesson {lesson.number}, so there is nothing to forget."
    return (
        f"Lesson {lesson.number} counts as not begun: its questions are asked again, and its exercises are open. "
        f"Run the cells with questions again. Your progress until now is kept as my_work/{kept.name}."
    )


def _items(lesson: course.Lesson, progress: Progress) -> Iterable[Item]:
    for exercise_id, exercise in lesson.manifest.exercises.items():
        record = progress.exercise(exercise_id)
        yield Item(lesson.slug, "exercise", exercise_id, exercise.title, _result(record), record.tries, record.hints)
    for question in quiz.load(lesson):
        answered = progress.quiz.get(question.id, quiz.Record())
        kind: Literal["question", "prediction"] = "prediction" if question.prediction else "question"
        result = {"wrong": "not yet", "right": "right"}.get(answered.state, answered.state)
        if question.prediction and answered.state in ("right", "wrong"):
            result = "compared"
        yield Item(lesson.slug, kind, question.id, quiz.plain(question.prompt), result, answered.attempts)


def _result(record: ExerciseRecord) -> str:
    if record.passed:
        return "passed"
    if not record.tries:
        return "open"
    return "1 try" if record.tries == 1 else f"{record.tries} tries"


def _share(items: list[Item], word: str) -> str:
    return f"{sum(item.is_done for item in items)} of {len(items)} {word}" if items else "–"


def _markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (headings, *rows)]
    return [lines[0], f"|{' --- |' * len(headings)}", *lines[1:]]
