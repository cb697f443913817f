"""A revision file in which the learner marks harmful lines."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from migration_lab.ground.course import Strict
from migration_lab.teaching.quiz.base import Answer, Feedback, Markdown, Question, Remark, nothing_chosen, unusable


class Lines(Strict):
    """Lines that do one thing, each named by a piece of its text, and the remark about them."""

    lines: Annotated[tuple[str, ...], Field(min_length=1)]
    why: Markdown


class Review(Question):
    """The answer is the list of marked lines, counted from 1. Of each group in `bad`, one marked line is enough."""

    task = "Mark the lines that you would reject."
    kind: Literal["review"]
    code: str
    bad: Annotated[tuple[Lines, ...], Field(min_length=1)]
    harmless: tuple[Lines, ...] = ()
    otherwise: Markdown

    @model_validator(mode="after")
    def _lines_are_there(self) -> "Review":
        known: dict[int, str] = {}
        for piece in (piece for group in (*self.bad, *self.harmless) for piece in group.lines):
            number = self._number(piece)
            if number in known:
                raise ValueError(f"line {number} is named twice: by {known[number]!r} and by {piece!r}")
            known[number] = piece
        return self

    @property
    def code_lines(self) -> list[str]:
        """The file, line by line, without trailing spaces."""
        return [line.rstrip() for line in self.code.strip("\n").splitlines()]

    @property
    def right_answer(self) -> list[int]:
        return sorted(self._number(group.lines[0]) for group in self.bad)

    def judge(self, answer: Answer) -> Feedback:
        if not isinstance(answer, list) or not set(answer) <= set(range(1, len(self.code_lines) + 1)):
            raise unusable(self, answer)
        if not answer:
            raise nothing_chosen("Mark at least one line first.")
        remarks, found = [], set()
        for number in sorted(int(each) for each in answer):
            bad = self._group(self.bad, number)
            harmless = self._group(self.harmless, number)
            if bad is not None:
                if bad.lines not in found:
                    remarks.append(self._remark(number, True, bad.why))
                found.add(bad.lines)
            else:
                remarks.append(self._remark(number, False, harmless.why if harmless else self.otherwise))
        if len(found) < len(self.bad):
            text = f"You have found {len(found)} of {len(self.bad)} things that you should reject."
            remarks.append(Remark(None, False, text))
        return Feedback(all(remark.right for remark in remarks), tuple(remarks))

    def said(self, answer: Answer) -> str:
        numbers = [str(number) for number in answer] if isinstance(answer, list) else [str(answer)]
        return ("line " if len(numbers) == 1 else "lines ") + ", ".join(numbers)

    def agrees(self, computed: object) -> bool:
        if not isinstance(computed, (set, list, tuple)) or not computed:
            return False
        return self.judge([int(number) for number in computed]).right

    def _group(self, groups: tuple[Lines, ...], number: int) -> Lines | None:
        return next((group for group in groups if number in map(self._number, group.lines)), None)

    def _number(self, piece: str) -> int:
        numbers = [number for number, line in enumerate(self.code_lines, 1) if piece in line]
        if len(numbers) != 1:
            raise ValueError(f"{piece!r} must occur in exactly one line of `code`; it occurs in {len(numbers)}")
        return numbers[0]

    def _remark(self, number: int, right: bool, why: str) -> Remark:
        return Remark(f"Line {number}", right, why, "Harmful" if right else "Harmless")
