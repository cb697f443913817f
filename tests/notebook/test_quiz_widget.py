"""The quiz in a notebook, driven like by a learner, without a browser."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_lab.ground import course, places
from migration_lab.notebook import quiz_widget
from migration_lab.notebook.quiz_form import ManyForm, OrderForm, ReviewForm, html
from migration_lab.teaching import progress, quiz

QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "02-one",
        "kind": "one",
        "prompt": "Which command reads `models`?",
        "options": [
            {"text": "`flask db migrate`", "right": True},
            {"text": "the `upgrade` command", "why": "It runs files."},
        ],
    },
    {
        "id": "02-many",
        "kind": "many",
        "prompt": "Which?",
        "options": [{"text": "a", "right": True}, {"text": "`b`", "right": True}, {"text": "c", "why": "Not c."}],
    },
    {
        "id": "02-order",
        "kind": "order",
        "prompt": "In which order?",
        "items": [{"text": "a"}, {"text": "b", "why": "a makes it."}, {"text": "c", "why": "b makes it."}],
    },
    {"id": "02-number", "kind": "number", "prompt": "How many?", "answer": 2, "unit": "rows", "otherwise": "Count."},
    {"id": "02-text", "kind": "text", "prompt": "Which table?", "answer": "users", "otherwise": "Look again."},
    {
        "id": "02-review",
        "kind": "review",
        "prompt": "Which lines would hurt?",
        "code": "def upgrade():\n    op.drop_table('users')\n",
        "bad": [{"lines": ["op.drop_table"], "why": "It drops the users."}],
        "otherwise": "Harmless.",
    },
    {
        "id": "02-prediction",
        "kind": "one",
        "prediction": True,
        "prompt": "What happens?",
        "options": [{"text": "it fails", "right": True, "why": "No table."}, {"text": "it works", "why": "It cannot."}],
    },
    {
        "id": "02-blocks",
        "kind": "one",
        "prompt": "Which file?",
        "options": [
            {"text": "```python\nop.add_column()\n```", "right": True},
            {"text": "```python\nop.drop_column()\n```", "why": "It drops."},
        ],
    },
]


@pytest.fixture(autouse=True)
def _quiz(course_copy: Path, home: Path) -> None:
    (course.lesson("02").folder / "quiz.yaml").write_text(yaml.safe_dump(QUESTIONS), encoding="utf-8")


def status(widget: quiz_widget.QuizWidget) -> str:
    return str(widget.status.value)


def test_wrong_then_right_then_restored() -> None:
    widget = quiz_widget.show("02-one")
    assert status(widget) == '<div role="status" aria-live="polite"></div>'
    widget.choice.value = "the `upgrade` command"
    widget.check.click()
    assert "<strong>Not yet.</strong>" in status(widget)
    assert "It runs files." in status(widget)
    assert 'role="status"' in status(widget)
    widget.choice.value = "`flask db migrate`"
    widget.check.click()
    assert "<strong>Right.</strong>" in status(widget)
    assert progress.load().quiz["02-one"] == quiz.Record(state="right", answer="`flask db migrate`", attempts=2)
    again = quiz_widget.show("02-one")
    assert again.choice.value == "`flask db migrate`"
    assert status(again) == status(widget)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_check_without_an_answer_says_so_or_judges(question: dict[str, Any]) -> None:
    widget = quiz_widget.show(question["id"])
    widget.check.click()
    if question["kind"] == "order":
        assert "too early" in status(widget)
    else:
        assert "There is no answer yet." in status(widget)
        assert progress.load().quiz == {}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_right_answer_set_in_the_form_comes_back_from_it(question: dict[str, Any]) -> None:
    widget = quiz_widget.show(question["id"])
    widget.form.answer = widget.question.right_answer
    widget.check.click()
    assert widget.sitting.state == ("noted" if question.get("prediction") else "right")
    again = quiz_widget.show(question["id"])
    assert again.form.answer == widget.form.answer


def test_labels_show_what_is_code() -> None:
    widget = quiz_widget.show("02-one")
    assert [label for label, _ in widget.choice.options] == ["flask db migrate", "the ‘upgrade’ command"]
    assert "lab-code-1" in widget.choice._dom_classes
    assert "lab-code-2" not in widget.choice._dom_classes
    form = quiz_widget.show("02-many").form
    assert isinstance(form, ManyForm)
    assert all(box.description_allow_html for box in form.boxes.values())
    assert "<code>" in [box.description for box in form.boxes.values()][1]
    assert "<p>" not in "".join(box.description for box in form.boxes.values())


def test_review_shows_every_line_with_its_number() -> None:
    form = quiz_widget.show("02-review").form
    assert isinstance(form, ReviewForm)
    assert [box.description for box in form.boxes.values()] == ["1  def upgrade():", "2      op.drop_table('users')"]


def test_options_that_are_code_blocks_get_letters() -> None:
    widget = quiz_widget.show("02-blocks")
    assert [label for label, _ in widget.choice.options] == ["Option A", "Option B"]
    assert "<pre>" in widget.form.box.children[0].value
    widget.choice.index = 1
    widget.check.click()
    assert "Option B: It drops." in status(widget)


def test_order_moves_by_buttons_and_says_where_a_step_went() -> None:
    widget = quiz_widget.show("02-order")
    form = widget.form
    assert isinstance(form, OrderForm)
    first, second, _ = form.order
    assert form.ups[0].disabled
    assert form.downs[2].disabled
    assert form.ups[1].tooltip == f"Move up: {second}"
    form.ups[1].click()
    assert form.order[:2] == [second, first]
    assert f"Step 1 of 3 is now: {second}" in status(widget)
    while form.order != ["a", "b", "c"]:
        place = next(place for place in range(2) if form.order[place] > form.order[place + 1])
        form.downs[place].click()
    widget.check.click()
    assert "Right." in status(widget)


def test_enter_in_a_line_checks() -> None:
    widget = quiz_widget.show("02-number")
    assert widget.choice.description == "Your answer (rows):"
    widget.choice.value = "2"
    widget.choice._handle_custom_msg({"event": "submit"}, [])
    assert "Right." in status(widget)


def test_showing_the_answer_is_offered_after_a_wrong_one_only() -> None:
    widget = quiz_widget.show("02-text")
    assert widget.show.layout.display == "none"
    widget.choice.value = "orders"
    widget.check.click()
    assert widget.show.layout.display is None
    widget.show.click()
    assert "The answer:" in status(widget)
    assert widget.choice.disabled
    assert widget.check.layout.display == "none"
    assert widget.show.layout.display == "none"


def test_prediction_is_noted_without_a_verdict_and_compared_in_a_later_cell() -> None:
    before = quiz_widget.show("02-prediction")
    assert before.check.description == "Note my prediction"
    assert before.compare.layout.display == "none"
    before.choice.value = "it works"
    before.check.click()
    assert "You said “it works”." in status(before)
    assert "It cannot" not in status(before) + before.as_text()
    after = quiz_widget.compare("02-prediction")
    assert "You said “it works”. The answer is “it fails”." in status(after)
    assert "It cannot." in status(after)
    assert after.compare.layout.display == "none"
    assert "answer before" not in after.heading.value + after.as_text()
    assert "answer before" in before.heading.value
    before.check.click()
    assert "already shown" in status(before), "a cell that is still open cannot change it afterwards"


def test_prediction_can_be_compared_in_its_own_cell() -> None:
    widget = quiz_widget.show("02-prediction")
    widget.choice.value = "it fails"
    widget.check.click()
    assert widget.compare.layout.display is None
    widget.compare.click()
    assert "Correct." in status(widget)


def test_run_all_without_a_prediction_blocks_and_reveals_nothing() -> None:
    after = quiz_widget.compare("02-prediction")
    assert "You have not made a prediction." in status(after)
    assert "No table" not in status(after) + after.as_text()
    before = quiz_widget.show("02-prediction")
    before.choice.value = "it works"
    before.check.click()
    after.compare.click()
    assert "You said “it works”. The answer is “it fails”." in status(after)
    assert after.choice.value == "it works", "what was said in the other cell is what is marked here"


def test_cell_has_a_text_twin_with_the_whole_question() -> None:
    widget = quiz_widget.show("02-review")
    bundle = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == widget.as_text()
    assert "op.drop_table('users')" in bundle["text/plain"]


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The outputs of a cell, as IPython would hand them on; the last one changes when it is updated."""
    outputs: list[dict[str, str]] = []

    class Handle:
        def update(self, data: dict[str, str], *, raw: bool) -> None:
            outputs[-1] = data

    def display(data: dict[str, str], *, raw: bool, display_id: bool = False) -> Handle | None:
        outputs.append(data)
        return Handle() if display_id else None

    monkeypatch.setattr(quiz_widget, "display", display)
    return outputs


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_the_cell_keeps_the_question_for_when_its_widget_is_dead(
    question: dict[str, Any], cell: list[dict[str, str]]
) -> None:
    quiz_widget.show(question["id"])._ipython_display_()
    view, twin = cell
    assert "application/vnd.jupyter.widget-view+json" in view
    for words in (html(question["prompt"]), "Run this cell to answer."):
        assert words in twin["text/html"]
    assert "You answered" not in twin["text/html"]


def test_the_kept_answer_follows_the_clicks(cell: list[dict[str, str]]) -> None:
    widget = quiz_widget.show("02-one")
    widget._ipython_display_()
    widget.choice.value = "the `upgrade` command"
    widget.check.click()
    assert "<strong>You answered:</strong> the <code>upgrade</code> command" in cell[-1]["text/html"]
    assert "It runs files." in cell[-1]["text/html"]


def test_markdown_is_rendered_and_html_is_not() -> None:
    assert html("`a < b` and **c**") == "<p><code>a &lt; b</code> and <strong>c</strong></p>\n"
    assert "<script>" not in html("<script>alert(1)</script>")
    assert "<img" not in html("see <img src=x onerror=alert(1)>")
    assert "javascript:" not in html("[x](javascript:alert(1))")


def test_what_a_learner_types_is_shown_as_text() -> None:
    widget = quiz_widget.show("02-number")
    widget.choice.value = "<img src=x onerror=alert(1)>"
    widget.check.click()
    assert "<img" not in status(widget)


def test_unreadable_progress_is_said_and_the_quiz_goes_on() -> None:
    places.my_work().mkdir()
    progress.path().write_text("{", encoding="utf-8")
    widget = quiz_widget.show("02-one")
    assert "could not be read" in status(widget)
    widget.choice.value = "`flask db migrate`"
    widget.check.click()
    assert "Right." in status(widget)
    assert progress.load().quiz["02-one"].state == "right"


def test_progress_that_cannot_be_written_is_said_and_the_quiz_goes_on() -> None:
    places.my_work().write_text("a file where the folder should be", encoding="utf-8")
    widget = quiz_widget.show("02-one")
    widget.choice.value = "`flask db migrate`"
    widget.check.click()
    assert "Right." in status(widget)
    assert "Your progress cannot be saved" in status(widget)
