"""A question in a notebook. What is right and wrong is decided in `migration_lab.teaching.quiz`."""

from collections.abc import Callable
from html import escape
from typing import Any, Literal

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from migration_lab.ground.errors import LabError
from migration_lab.notebook import quiz_twin
from migration_lab.notebook.browser_sent import BrowserSent
from migration_lab.notebook.quiz_form import form_for, html
from migration_lab.teaching import progress, quiz

Role = Literal["ask", "compare"]


class QuizWidget:
    """A question in a notebook cell.

    Every click reads the progress file first, so that two cells or two notebooks with the same question agree.

    Args:
        question: the question.
        role: `compare` for the cell after the run: it closes a noted prediction and shows the answer.
    """

    def __init__(self, question: quiz.Question, role: Role = "ask") -> None:
        self.question = question
        self.role = role
        self._twins: list[DisplayHandle] = []
        self._sent = BrowserSent()
        self.form = form_for(question, on_enter=lambda: self.check.click(), say=self._say)
        self.check = widgets.Button(description="Note my prediction" if question.prediction else "Check")
        self.compare = widgets.Button(description="Compare")
        self.show = widgets.Button(description="Show the answer")
        self.status = widgets.HTML()
        self.check.on_click(lambda _: self._act_on_all(lambda: self.sitting.submit(self.form.answer)))
        self.compare.on_click(lambda _: self._act_on_all(lambda: self.sitting.compare()))
        self.show.on_click(lambda _: self._act_on_all(lambda: self.sitting.show()))
        self.heading = widgets.HTML()
        buttons = widgets.HBox([self.check, self.compare, self.show])
        self.box = widgets.VBox([self.heading, self.form.box, buttons, self.status, self._sent.box])
        self.box.add_class("lab-quiz")
        self._notice = self._restore()
        if self.sitting.answer is not None:
            self.form.answer = self.sitting.answer
        if role == "compare" and self.sitting.state == "noted":
            self._act(lambda: self.sitting.compare())
        self._draw()

    @property
    def choice(self) -> Any:
        """The radio buttons or the line in which the learner answers."""
        return self.form.choice  # type: ignore[attr-defined]

    def as_text(self) -> str:
        """The question and the feedback so far, as plain text."""
        return quiz.as_text(self.sitting)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.box._repr_mimebundle_(**options)
        return bundle | {"text/plain": self.as_text()}

    def _ipython_display_(self, **_: Any) -> None:
        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        self._twins.append(display(self._twin(), raw=True, display_id=True))  # type: ignore[no-untyped-call]

    def _twin(self) -> dict[str, str]:
        return {"text/html": quiz_twin.as_html(self.sitting)}

    def _act_on_all(self, step: Callable[[], None]) -> None:
        """Act on the whole answer: a click overtakes a choice that the browser still keeps back."""
        self._sent.then(lambda: self._act(step))

    def _act(self, step: Callable[[], None]) -> None:
        self._notice = self._restore()
        try:
            step()
        except LabError as error:
            self._say(str(error))
            return
        try:
            self._notice = progress.record_quiz(self.question.id, self.sitting.record).notice or self._notice
        except LabError as error:
            self._notice = str(error)
        self._draw()

    def _restore(self) -> str | None:
        # An unreadable or unwritable file must not prevent an answer.
        try:
            stored = progress.load()
        except LabError as error:
            if not hasattr(self, "sitting"):
                self.sitting = quiz.Sitting(self.question)
            return str(error)
        self.sitting = quiz.Sitting(self.question, stored.quiz.get(self.question.id))
        return stored.notice

    def _draw(self) -> None:
        sitting, prediction = self.sitting, self.question.prediction
        if sitting.is_closed:
            if sitting.answer is not None:  # which may have been given in another cell
                self.form.answer = sitting.answer
            self.form.disable()
        task = quiz.task(sitting)
        shown = f"<p class='lab-quiz-task'>{escape(task)}</p>" if task else ""
        self.heading.value = f"<div class='lab-quiz-prompt'>{html(self.question.prompt)}</div>{shown}"
        _visible(self.check, not sitting.is_closed)
        _visible(
            self.compare, prediction and not sitting.is_closed and (sitting.state == "noted" or self.role == "compare")
        )
        _visible(self.show, not prediction and sitting.state == "wrong")
        report = sitting.report
        if report is None and self.role == "compare":
            self._say("You have not made a prediction. You can still make one, or compare now.")
        elif report is None:
            self._say(self._notice or "")
        else:
            self.status.value = self._report(report)
        for twin in self._twins:
            twin.update(self._twin(), raw=True)  # type: ignore[no-untyped-call]

    def _report(self, report: quiz.Report) -> str:
        look = {"right": "lab-right", "wrong": "lab-wrong"}.get(self.sitting.state, "")
        first = html(f"**{report.headline}** {report.said}")
        remarks = [html(quiz.remark_as_markdown(remark)) for remark in report.remarks]
        listed = (
            f"<ul>{''.join(f'<li>{remark}</li>' for remark in remarks)}</ul>" if len(remarks) > 1 else "".join(remarks)
        )
        notice = f"<p>{escape(self._notice)}</p>" if self._notice else ""
        explanation = html(report.explanation) if report.explanation else ""
        return _status(f"{notice}{first}{listed}{explanation}", look)

    def _say(self, text: str) -> None:
        self.status.value = _status(html(text) if text else "", "")


def show(question_id: str) -> QuizWidget:
    """The question with this id, as far as the learner has answered it.

    Raises:
        LabError: there is no such question, or the lesson's `quiz.yaml` is not right.
    """
    return QuizWidget(quiz.find(question_id))


def compare(question_id: str) -> QuizWidget:
    """For the cell after the run: shows the prediction and the answer."""
    return QuizWidget(quiz.find(question_id), "compare")


def _status(content: str, look: str) -> str:
    if not content:
        return '<div role="status" aria-live="polite"></div>'
    return f'<div role="status" aria-live="polite" class="lab-quiz-said {look}">{content}</div>'


def _visible(button: widgets.Button, visible: bool) -> None:
    button.layout.display = None if visible else "none"
