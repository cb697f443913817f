"""From `lessons/NN_slug/quiz.yaml` to questions, with errors that an author can act on."""

from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from migration_lab import course
from migration_lab.errors import LabError
from migration_lab.quiz.base import Question
from migration_lab.quiz.choices import Many, One, Order
from migration_lab.quiz.review import Review
from migration_lab.quiz.typed import Number, Text

# Reads the same as the other one in a seventh of the time; not every build of PyYAML has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_any_question: TypeAdapter[Question] = TypeAdapter(
    Annotated[One | Many | Order | Number | Text | Review, Field(discriminator="kind")]
)


def load(lesson: course.Lesson) -> tuple[Question, ...]:
    """The lesson's questions, in the order of its `quiz.yaml`; none when there is no such file.

    Raises:
        LabError: the file is not right; it names the file, the question, the option and what is missing.
    """
    path = lesson.folder / "quiz.yaml"
    name = f"lessons/{lesson.slug}/quiz.yaml"
    if not path.exists():
        return ()
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) or []
    except yaml.YAMLError as error:
        raise _not_right(name, str(error)) from error
    if not isinstance(entries, list):
        raise _not_right(name, "it must be a list of questions")
    questions = tuple(_question(name, place, entry) for place, entry in enumerate(entries, 1))
    ids = [question.id for question in questions]
    for each in ids:
        if not each.startswith(f"{lesson.number}-"):
            raise _not_right(name, f"the id of question {each} must begin with the lesson's number, {lesson.number}-")
        if ids.count(each) > 1:
            raise _not_right(name, f"there are two questions with the id {each}")
    return questions


def find(question_id: str) -> Question:
    """The question with this id, of whatever lesson.

    Raises:
        LabError: there is none; it lists the ids of the lesson.
    """
    number = question_id[:2]
    for lesson in course.lessons():
        if lesson.number == number:
            questions = load(lesson)
            for question in questions:
                if question.id == question_id:
                    return question
            known = ", ".join(question.id for question in questions) or "none yet"
            raise LabError(
                f"Lesson {number} has no question {question_id!r}.", f"Correct the id. Its questions: {known}."
            )
    raise LabError(f"There is no question {question_id!r}.", "An id begins with a lesson's number, such as 02-.")


def _question(name: str, place: int, entry: Any) -> Question:
    try:
        return _any_question.validate_python(entry)
    except ValidationError as error:
        label = entry.get("id", f"number {place}") if isinstance(entry, dict) else f"number {place}"
        faults = "; ".join(_fault(each["loc"], each["msg"]) for each in error.errors())
        raise _not_right(name, f"question {label}: {faults}") from error


def _fault(loc: tuple[int | str, ...], message: str) -> str:
    # The first part of a location is the kind; places in a list are counted from 1, as people do.
    parts = [str(part + 1) if isinstance(part, int) else part for part in loc[1:]]
    text = message.removeprefix("Value error, ")
    return f"{' '.join(parts)}: {text}" if parts else text


def _not_right(name: str, what: str) -> LabError:
    return LabError(f"{name}: {what}.", "Mend the file; docs/quiz-format.md explains it.")
