"""Questions whose answer is typed: a number or a short text."""

from typing import Annotated, Literal

from pydantic import Field

from migration_lab.ground.course import Strict
from migration_lab.teaching.quiz.base import Answer, Feedback, Markdown, Question, Remark, nothing_chosen


class WrongNumber(Strict):
    """A likely wrong number, and why it is wrong."""

    answer: float
    why: Markdown


class Number(Question):
    """A number, right within `tolerance` (in the number's own unit). The answer is a number, or a text with one.

    The unit is a word in the plural: `orders`.
    """

    task = "Type a number."
    kind: Literal["number"]
    answer: float
    tolerance: Annotated[float, Field(ge=0)] = 0
    unit: str = ""
    why: Markdown | None = None
    wrong: tuple[WrongNumber, ...] = ()
    otherwise: Markdown

    @property
    def right_answer(self) -> float:
        return self.answer

    def judge(self, answer: Answer) -> Feedback:
        number = self._read(answer)
        if abs(number - self.answer) <= self.tolerance:
            return Feedback(True, (Remark(None, True, self.why),) if self.why else ())
        why = next((wrong.why for wrong in self.wrong if wrong.answer == number), self.otherwise)
        return Feedback(False, (Remark(None, False, why),))

    def said(self, answer: Answer) -> str:
        number = self._read(answer)
        return f"{number:g} {self.unit.removesuffix('s') if number == 1 else self.unit}".strip()

    def agrees(self, computed: object) -> bool:
        return isinstance(computed, (int, float)) and abs(computed - self.answer) <= self.tolerance

    @staticmethod
    def _read(answer: Answer) -> float:
        text = str(answer).strip().replace(",", ".")
        if not text:
            raise nothing_chosen("Type a number first.")
        try:
            return float(text)
        except ValueError:
            raise nothing_chosen(f"Type a number, such as 3 or 0.5; {text!r} is not one.") from None


class WrongText(Strict):
    """A likely wrong text, and why it is wrong."""

    answer: Markdown
    why: Markdown


class Text(Question):
    """A short text, compared without case, surrounding or repeated spaces, and backticks."""

    task = "Type a short answer."
    kind: Literal["text"]
    answer: Markdown
    also: tuple[Markdown, ...] = ()
    why: Markdown | None = None
    wrong: tuple[WrongText, ...] = ()
    otherwise: Markdown

    @property
    def right_answer(self) -> str:
        return self.answer

    def judge(self, answer: Answer) -> Feedback:
        text = _plain(str(answer))
        if not text:
            raise nothing_chosen("Type your answer first.")
        if text in {_plain(accepted) for accepted in (self.answer, *self.also)}:
            return Feedback(True, (Remark(None, True, self.why),) if self.why else ())
        why = next((wrong.why for wrong in self.wrong if _plain(wrong.answer) == text), self.otherwise)
        return Feedback(False, (Remark(None, False, why),))

    def said(self, answer: Answer) -> str:
        # What a learner typed is shown as text: it must not turn into Markdown.
        return "`" + str(answer).replace("`", "").strip() + "`"

    def agrees(self, computed: object) -> bool:
        return isinstance(computed, str) and bool(computed.strip()) and self.judge(computed).right


def _plain(text: str) -> str:
    return " ".join(text.replace("`", " ").split()).casefold()
