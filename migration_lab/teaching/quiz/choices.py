"""Questions with options: one of them, many of them, or all of them in order."""

import hashlib
import string
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from migration_lab.ground.course import Strict
from migration_lab.teaching.quiz.base import Answer, Feedback, Markdown, Question, Remark, nothing_chosen, unusable


class Option(Strict):
    """An option, right or wrong. `value` is what `computed_by` may name instead of the text.

    Options are shown in the file's order, so put the right one in different places. An option that is only code
    gets the code font. If one is longer than a line, all are shown above the choices and get letters.
    """

    text: Markdown
    right: bool = False
    why: Markdown | None = None
    value: str | int | float | bool | None = None

    @model_validator(mode="after")
    def _wrong_says_why(self) -> "Option":
        if not self.right and self.why is None:
            raise ValueError(f"the wrong option {self.text!r} needs a `why`")
        return self


Options = Annotated[tuple[Option, ...], Field(min_length=2)]


def lettered(options: tuple[Option, ...]) -> list[tuple[str, Option]]:
    """The options with the letters A, B, C..."""
    return list(zip(string.ascii_uppercase, options, strict=False))


def names(options: tuple[Option, ...]) -> dict[str, str]:
    """The name of each option (by its text): its text, or `Option B` if one of them is longer than a line."""
    if any("\n" in option.text for option in options):
        return {option.text: f"Option {letter}" for letter, option in lettered(options)}
    return {option.text: option.text for option in options}


def _options_differ(texts: list[str]) -> None:
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is there twice")


class One(Question):
    """Exactly one option is right. The answer is the option's text."""

    task = "Choose one."
    kind: Literal["one"]
    options: Options

    @model_validator(mode="after")
    def _one_is_right(self) -> "One":
        _options_differ([option.text for option in self.options])
        count = sum(option.right for option in self.options)
        if count != 1:
            raise ValueError(f"exactly one option must be right, not {count}")
        return self

    @property
    def right_answer(self) -> str:
        return next(option.text for option in self.options if option.right)

    def judge(self, answer: Answer) -> Feedback:
        if answer == "":
            raise nothing_chosen("Choose one of the options first.")
        for option in self.options:
            if option.text == answer:
                name = names(self.options)[option.text]
                return Feedback(option.right, (Remark(name, option.right, option.why),) if option.why else ())
        raise unusable(self, answer)

    def said(self, answer: Answer) -> str:
        return names(self.options)[str(answer)]

    def agrees(self, computed: object) -> bool:
        right = next(option for option in self.options if option.right)
        return computed == (right.text if right.value is None else right.value)


class Many(Question):
    """Any number of options is right. The answer is a list of their texts."""

    task = "Choose all that are right."
    kind: Literal["many"]
    options: Options

    @model_validator(mode="after")
    def _texts_differ(self) -> "Many":
        _options_differ([option.text for option in self.options])
        return self

    @property
    def right_answer(self) -> list[str]:
        return [option.text for option in self.options if option.right]

    def judge(self, answer: Answer) -> Feedback:
        texts = [option.text for option in self.options]
        if not isinstance(answer, list) or not set(answer) <= set(texts):
            raise unusable(self, answer)
        if not answer and self.right_answer:
            raise nothing_chosen("Choose at least one of the options first.")
        chosen = [option for option in self.options if option.text in answer]
        remarks = [self._remark(option, "Right" if option.right else "Not right") for option in chosen]
        missing = len(self.right_answer) - sum(option.right for option in chosen)
        if missing:
            text = "1 more option belongs" if missing == 1 else f"{missing} more options belong"
            remarks.append(Remark(None, False, f"{text} to the answer."))
        if not all(remark.right for remark in remarks):
            return Feedback(False, tuple(remarks))
        left_out = [option for option in self.options if not option.right]
        return Feedback(True, (*remarks, *(self._remark(option, "Correctly left out") for option in left_out)))

    def said(self, answer: Answer) -> str:
        if not isinstance(answer, list) or not answer:
            return "none"
        called = [names(self.options)[str(text)] for text in answer]
        return "; ".join([*(each.removesuffix(".") for each in called[:-1]), called[-1]])

    def _remark(self, option: Option, word: str) -> Remark:
        return Remark(names(self.options)[option.text], option.right, option.why or "", word)

    def agrees(self, computed: object) -> bool:
        right = {option.text if option.value is None else option.value for option in self.options if option.right}
        return isinstance(computed, (set, frozenset, list, tuple)) and set(computed) == right


class Item(Strict):
    """A step. `why` says why it must not come earlier."""

    text: Markdown
    why: Markdown | None = None


class Order(Question):
    """Steps to put in order; `items` has the right order. The answer is the list of their texts."""

    task = "Put these in order."
    kind: Literal["order"]
    items: Annotated[tuple[Item, ...], Field(min_length=3)]

    @model_validator(mode="after")
    def _late_ones_say_why(self) -> "Order":
        _options_differ([item.text for item in self.items])
        for item in self.items[1:]:
            if item.why is None:
                raise ValueError(f"the item {item.text!r} needs a `why`: why must it not come earlier?")
        return self

    @property
    def right_answer(self) -> list[str]:
        return [item.text for item in self.items]

    @property
    def shown(self) -> list[str]:
        """The items as first shown: shuffled, the same each time, and never in the right order."""
        mixed = sorted(self.right_answer, key=lambda text: hashlib.sha256((self.id + text).encode()).hexdigest())
        return mixed if mixed != self.right_answer else mixed[::-1]

    def judge(self, answer: Answer) -> Feedback:
        right = self.right_answer
        if not isinstance(answer, list) or sorted(map(str, answer)) != sorted(right):
            raise unusable(self, answer)
        if answer == right:
            return Feedback(True, ())
        place = next(index for index, text in enumerate(right) if answer[index] != text)
        early = next(item for item in self.items if item.text == answer[place])
        too_early = Remark(early.text, False, f"This comes too early, as step {place + 1}. {early.why}")
        if place == 0:
            return Feedback(False, (too_early,))
        so_far = "The first step is right." if place == 1 else f"The first {place} steps are right."
        return Feedback(False, (Remark(None, True, so_far), too_early))

    def said(self, answer: Answer) -> str:
        return "; ".join(f"{place}. {text}" for place, text in enumerate(answer if isinstance(answer, list) else [], 1))

    def agrees(self, computed: object) -> bool:
        return isinstance(computed, (list, tuple)) and list(computed) == self.right_answer
