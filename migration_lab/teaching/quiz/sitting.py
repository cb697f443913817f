"""One learner at one question: a state machine that is independent of widgets and files."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from migration_lab.ground.errors import LabError
from migration_lab.teaching.quiz.base import Answer, Feedback, Question, Remark
from migration_lab.teaching.quiz.choices import Many
from migration_lab.teaching.quiz.typed import Number, Text

State = Literal["open", "noted", "wrong", "right", "shown"]


class Record(BaseModel):
    """What is stored of a sitting: JSON that outlives the kernel."""

    state: State = "open"
    answer: str | float | list[int] | list[str] | None = None
    attempts: int = 0


@dataclass(frozen=True)
class Report:
    """What a view shows, in Markdown: a headline with the answer, remarks, and the explanation for every answer."""

    headline: str
    said: str = ""
    remarks: tuple[Remark, ...] = ()
    explanation: str | None = None


class Sitting:
    """States: `open`, then `right` or `wrong`; `wrong` may be tried again, or end in `shown`.

    A prediction goes from `open` to `noted`, where it can still be changed, and `compare` closes it.
    """

    def __init__(self, question: Question, record: Record | None = None) -> None:
        self.question = question
        self.state: State = "open"
        self.answer: Answer | None = None
        self.attempts = 0
        if record is not None:
            self._restore(record)

    @property
    def record(self) -> Record:
        """What to store; `Sitting(question, record)` continues from it."""
        return Record(state=self.state, answer=self.answer, attempts=self.attempts)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be answered: the answer has been shown, or a prediction compared."""
        return self.state == "shown" or (self.question.prediction and self.state in ("right", "wrong"))

    def submit(self, answer: Answer) -> None:
        """Give an answer. The same answer twice in a row counts as one attempt.

        Raises:
            LabError: there is nothing to check, it is not a possible answer, or the question is closed.
        """
        if self.is_closed:
            raise LabError("The answer to this question is already shown.", "Go on with the next one.")
        feedback = self.question.judge(answer)
        if answer != self.answer or self.state == "open":
            self.attempts += 1
        self.answer = answer
        self.state = "noted" if self.question.prediction else _outcome(feedback)

    def compare(self) -> None:
        """Close a prediction: show the learner's answer and the right one."""
        if self.state == "noted" and self.answer is not None:
            self.state = _outcome(self.question.judge(self.answer))
        elif self.state == "open":
            self.state = "shown"

    def show(self) -> None:
        """Give up: the right answer and its explanation."""
        self.state = "shown"

    @property
    def report(self) -> Report | None:
        """The feedback now; None before the first answer."""
        question = self.question
        if self.state == "open":
            return None
        right_answer = question.said(question.right_answer)
        in_full = question.judge(question.right_answer).remarks
        if self.state == "shown" or self.answer is None:
            remarks = in_full if self.answer is None or not isinstance(question, Many) else self._in_full()
            return Report("The answer:", right_answer, remarks, question.explanation)
        said = f"You said {_quoted(question.said(self.answer))}"
        if self.state == "noted":
            return Report("Noted.", said, (Remark(None, True, "Run what follows, then compare."),))
        remarks = question.judge(self.answer).remarks
        if question.prediction and self.state == "right":
            return Report("Compared.", f"{said} Correct.", remarks, question.explanation)
        if question.prediction:
            # For a question with many right options, the remarks say for each whether it is right.
            so = "" if isinstance(question, Many) else f" The answer is {_quoted(right_answer)}"
            return Report("Compared.", said + so, self._in_full(), question.explanation)
        if self.state == "right":
            return Report("Right.", "", remarks, question.explanation)
        return Report("Not yet.", "", remarks)

    def _in_full(self) -> tuple[Remark, ...]:
        """Remarks about the given answer, then about everything that it leaves out."""
        assert self.answer is not None
        given = self.question.judge(self.answer).remarks
        explained = {remark.about for remark in given if remark.about}
        right = self.question.judge(self.question.right_answer).remarks
        # No count of missing options, because they are named. For a typed answer, such a remark is the reason.
        is_typed = isinstance(self.question, (Number, Text))
        told = (remark for remark in given if remark.about or remark.right or is_typed)
        return (*told, *(_missed(remark) for remark in right if remark.about not in explained))

    def _restore(self, record: Record) -> None:
        self.attempts = record.attempts
        if record.answer is None:
            self.state = record.state if record.state == "shown" else "open"
            return
        try:
            feedback = self.question.judge(record.answer)
        except LabError:
            return  # The question was rewritten since; the old answer is not possible any more.
        self.answer = record.answer
        # The stored outcome may be outdated too: another answer may be right in the file now.
        self.state = record.state if record.state in ("noted", "shown") else _outcome(feedback)


def _quoted(said: str) -> str:
    # An option may be a whole sentence: quotation marks separate it from ours, which then ends with it.
    return f"“{said}”" if said.endswith(".") else f"“{said}”."


def _missed(remark: Remark) -> Remark:
    # An option that was not chosen is not "Right": that would praise an answer that was not given.
    if remark.about is None or remark.word != "Right":
        return remark
    return Remark("You missed", False, f"{remark.about.removesuffix('.')}. {remark.text}".strip())


def _outcome(feedback: Feedback) -> Literal["right", "wrong"]:
    return "right" if feedback.right else "wrong"
