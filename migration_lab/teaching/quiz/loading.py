"""From `lessons/NN_slug/quiz.yaml` to questions, with errors that an author can act on."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from migration_lab.ground import course
from migration_lab.ground.authored import fault, read_yaml
from migration_lab.ground.errors import LabError
from migration_lab.teaching.quiz.base import Question
from migration_lab.teaching.quiz.choices import Many, One, Order
from migration_lab.teaching.quiz.review import Review
from migration_lab.teaching.quiz.typed import Number, Text

_any_question: TypeAdapter[Question] = TypeAdapter(
    Annotated[One | Many | Order | Number | Text | Review, Field(discriminator="kind")]
)


def load(lesson: course.Lesson) -> tuple[Question, ...]:
    """The lesson's questions, in the order of its `quiz.yaml`; empty if there is no such file.

    Raises:
        LabError: the file has a mistake; it names the file, the question, the option and what is missing.
    """
    path = lesson.folder / "quiz.yaml"
    name = f"lessons/{lesson.slug}/quiz.yaml"
    if not path.exists():
        return ()
    entries = read_yaml(path) or []
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
    """The question with this id, from any lesson.

    Raises:
        LabError: there is no such question; it lists the ids of the lesson.
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
        faults = "; ".join(fault(each["loc"][1:], each["msg"]) for each in error.errors())
        raise _not_right(name, f"question {label}: {faults}") from error


def _not_right(name: str, what: str) -> LabError:
    return LabError(f"{name}: {what}.", "Correct the file; docs/quiz-format.md explains it.")
