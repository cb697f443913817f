"""What all questions have in common, and what a judged answer looks like."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from migration_lab.ground.course import Strict
from migration_lab.ground.errors import LabError

Answer = str | float | list[str] | list[int]
Markdown = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


@dataclass(frozen=True)
class Remark:
    """One explanation, in Markdown.

    Args:
        about: the option, item or line that it explains; None for the whole answer.
        right: whether this part of the answer is right; shown as a colour, but never by colour alone.
        text: the explanation; may be empty.
        word: the same in words: `Right`, `Not right`; empty if the headline says it.
    """

    about: str | None
    right: bool
    text: str
    word: str = ""


@dataclass(frozen=True)
class Feedback:
    """A judged answer: whether all of it is right, with remarks about its parts."""

    right: bool
    remarks: tuple[Remark, ...]


class Question(Strict, ABC):
    """A question of `quiz.yaml`; docs/quiz-format.md explains the keys.

    An answer is plain JSON, so that it can be stored: an option's text, a list of texts, a number, a list of line
    numbers.
    """

    task: ClassVar[str]
    """What to do with this kind of question, in one sentence."""

    id: Annotated[str, StringConstraints(pattern=r"^\d\d-[a-z0-9]+(-[a-z0-9]+)*$")]
    prompt: Markdown
    prediction: bool = False
    explanation: Markdown | None = None
    computed_by: str | None = None

    @property
    @abstractmethod
    def right_answer(self) -> Answer:
        """The author's right answer, in the form that `judge` takes."""

    @abstractmethod
    def judge(self, answer: Answer) -> Feedback:
        """Say what is right and wrong about an answer, and why.

        Raises:
            LabError: this is not a possible answer to the question, or nothing has been chosen yet.
        """

    def said(self, answer: Answer) -> str:
        """The answer as a person would say it, in Markdown."""
        parts = answer if isinstance(answer, list) else [answer]
        return ", ".join(str(part) for part in parts)

    def agrees(self, computed: object) -> bool:
        """Whether a computed result (`computed_by`) equals the author's right answer."""
        return computed == self.right_answer


def unusable(question: Question, answer: object) -> LabError:
    """The error for an answer that the question cannot have, such as one stored before the question was rewritten."""
    return LabError(f"{answer!r} is not a possible answer to question {question.id}.", "Choose one of those shown.")


def nothing_chosen(what_to_do: str) -> LabError:
    """The error for a check without an answer."""
    return LabError("There is no answer yet.", what_to_do)
