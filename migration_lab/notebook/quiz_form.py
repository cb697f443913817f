"""The part of a quiz widget in which the learner answers: one small form per kind of question.

ipywidgets has no radio buttons with formatted labels, so these labels are plain text; an option that is only
code gets the code font by style.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import ipywidgets as widgets
import mistune

from migration_lab.teaching import quiz

_markdown = mistune.create_markdown(escape=True, hard_wrap=False)


def html(markdown: str) -> str:
    """Markdown as HTML; HTML in it is shown as text, and links that run scripts are disarmed."""
    return str(_markdown(markdown))


def inline_html(markdown: str) -> str:
    """The same for a single inline paragraph."""
    return html(markdown).strip().removeprefix("<p>").removesuffix("</p>")


class Form(ABC):
    """A form for an answer. `box` is shown; `answer` is read and set; `disable` ends it."""

    box: widgets.Widget

    @property
    @abstractmethod
    def answer(self) -> quiz.Answer:
        """The current answer, in the form that the question judges."""

    @answer.setter
    @abstractmethod
    def answer(self, answer: quiz.Answer) -> None: ...

    @abstractmethod
    def disable(self) -> None:
        """Accept no more answers."""


class OneForm(Form):
    """Radio buttons."""

    def __init__(self, question: quiz.One) -> None:
        called = quiz.names(question.options)
        self.choice = widgets.RadioButtons(
            options=[(quiz.plain(called[option.text]), option.text) for option in question.options], value=None
        )
        for place, option in enumerate(question.options, 1):
            if is_code(called[option.text]):
                self.choice.add_class(f"lab-code-{place}")
        self.box = with_blocks(question, self.choice)

    @property
    def answer(self) -> quiz.Answer:
        return self.choice.value or ""

    @answer.setter
    def answer(self, answer: quiz.Answer) -> None:
        self.choice.value = answer

    def disable(self) -> None:
        self.choice.disabled = True


class ManyForm(Form):
    """Checkboxes, one per option."""

    def __init__(self, question: quiz.Many) -> None:
        called = quiz.names(question.options)
        self.boxes = {option.text: checkbox(inline_html(called[option.text])) for option in question.options}
        for box in self.boxes.values():
            box.description_allow_html = True
        self.box = with_blocks(question, widgets.VBox(list(self.boxes.values())))

    @property
    def answer(self) -> quiz.Answer:
        return [text for text, box in self.boxes.items() if box.value]

    @answer.setter
    def answer(self, answer: quiz.Answer) -> None:
        for text, box in self.boxes.items():
            box.value = isinstance(answer, list) and text in answer

    def disable(self) -> None:
        for box in self.boxes.values():
            box.disabled = True


class ReviewForm(Form):
    """The lines of a file, each with a checkbox."""

    def __init__(self, question: quiz.Review) -> None:
        width = len(str(len(question.code_lines)))
        self.boxes = {
            number: checkbox(f"{number:{width}}  {line}") for number, line in enumerate(question.code_lines, 1)
        }
        self.box = widgets.VBox(list(self.boxes.values()))
        self.box.add_class("lab-review")

    @property
    def answer(self) -> quiz.Answer:
        return [number for number, box in self.boxes.items() if box.value]

    @answer.setter
    def answer(self, answer: quiz.Answer) -> None:
        for number, box in self.boxes.items():
            box.value = isinstance(answer, list) and number in answer

    def disable(self) -> None:
        for box in self.boxes.values():
            box.disabled = True


class TypedForm(Form):
    """One line of text; Enter checks."""

    def __init__(self, question: quiz.Number | quiz.Text, on_enter: Callable[[], None]) -> None:
        unit = f" ({question.unit})" if isinstance(question, quiz.Number) and question.unit else ""
        # Otherwise each key would be a message, and queued ones would reach the kernel after Enter.
        self.choice = widgets.Text(
            description=f"Your answer{unit}:", continuous_update=False, style={"description_width": "initial"}
        )
        self.choice.on_msg(lambda _, content, __: on_enter() if content.get("event") == "submit" else None)
        self.box = self.choice

    @property
    def answer(self) -> quiz.Answer:
        return str(self.choice.value)

    @answer.setter
    def answer(self, answer: quiz.Answer) -> None:
        self.choice.value = f"{answer:g}" if isinstance(answer, float) else str(answer)

    def disable(self) -> None:
        self.choice.disabled = True


class OrderForm(Form):
    """Numbered rows; two buttons move a step up or down, and the focus moves with it."""

    def __init__(self, question: quiz.Order, say: Callable[[str], None]) -> None:
        self._say = say
        self.order = question.shown
        self._closed = False
        self.texts = [widgets.HTML() for _ in self.order]
        self.ups = [widgets.Button(icon="arrow-up") for _ in self.order]
        self.downs = [widgets.Button(icon="arrow-down") for _ in self.order]
        for place, (up, down) in enumerate(zip(self.ups, self.downs, strict=True)):
            up.on_click(lambda _, place=place: self.move(place, place - 1))
            down.on_click(lambda _, place=place: self.move(place, place + 1))
        rows = zip(self.ups, self.downs, self.texts, strict=True)
        self.box = widgets.VBox([widgets.HBox(row) for row in rows])
        self.box.add_class("lab-order")
        self._draw()

    def move(self, place: int, to: int) -> None:
        """Exchange two neighbours, counted from 0."""
        self.order[place], self.order[to] = self.order[to], self.order[place]
        self._draw()
        buttons = self.ups if to < place else self.downs
        if buttons[to].disabled:
            buttons = self.downs if to < place else self.ups
        buttons[to].focus()
        self._say(f"Step {to + 1} of {len(self.order)} is now: {self.order[to]}")

    @property
    def answer(self) -> quiz.Answer:
        return list(self.order)

    @answer.setter
    def answer(self, answer: quiz.Answer) -> None:
        if isinstance(answer, list):
            self.order = [str(text) for text in answer]
            self._draw()

    def disable(self) -> None:
        self._closed = True
        self._draw()

    def _draw(self) -> None:
        last = len(self.order) - 1
        for place, text in enumerate(self.order):
            self.texts[place].value = html(f"{place + 1}\\. {text}")
            # A button without a description takes its accessible name from the tooltip.
            self.ups[place].tooltip = f"Move up: {quiz.plain(text)}"
            self.downs[place].tooltip = f"Move down: {quiz.plain(text)}"
            self.ups[place].disabled = self._closed or place == 0
            self.downs[place].disabled = self._closed or place == last


def form_for(question: quiz.Question, *, on_enter: Callable[[], None], say: Callable[[str], None]) -> Form:
    """The form for a question; `on_enter` is called when Enter is pressed in a line, `say` announces what moved."""
    match question:
        case quiz.One():
            return OneForm(question)
        case quiz.Many():
            return ManyForm(question)
        case quiz.Review():
            return ReviewForm(question)
        case quiz.Number() | quiz.Text():
            return TypedForm(question, on_enter)
        case quiz.Order():
            return OrderForm(question, say)
    raise TypeError(f"No form for {type(question).__name__}")


def checkbox(label: str) -> widgets.Checkbox:
    """A checkbox with a plain label beside it."""
    return widgets.Checkbox(description=label, indent=False)


def is_code(markdown: str) -> bool:
    """Whether it is one piece of inline code and nothing else."""
    return len(markdown) > 2 and markdown[0] == markdown[-1] == "`" and "`" not in markdown[1:-1]


def with_blocks(question: quiz.One | quiz.Many, choices: widgets.Widget) -> widgets.Widget:
    """Put the full options above the choices if they are too long for labels."""
    if not any("\n" in option.text for option in question.options):
        return choices
    blocks = "".join(
        f"<div><strong>Option {letter}</strong>{html(option.text)}</div>"
        for letter, option in quiz.lettered(question.options)
    )
    return widgets.VBox([widgets.HTML(blocks), choices])
