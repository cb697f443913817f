"""Questions: what an author may write, the feedback for a learner, and what is stored."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.teaching import quiz

ONE: dict[str, Any] = {
    "id": "02-one",
    "kind": "one",
    "prompt": "Which command reads your models?",
    "options": [
        {"text": "`flask db upgrade`", "why": "It runs files that are there already."},
        {"text": "`flask db migrate`", "right": True, "value": 2},
    ],
    "explanation": "Only `migrate` and `check` load the models.",
}
MANY: dict[str, Any] = {
    "id": "02-many",
    "kind": "many",
    "prompt": "Which of these stand in a revision file?",
    "options": [
        {"text": "revision", "right": True},
        {"text": "down_revision", "right": True},
        {"text": "the models", "why": "They stay in the shop's code."},
        {"text": "the password", "why": "It stays in the environment."},
    ],
}
ORDER: dict[str, Any] = {
    "id": "02-order",
    "kind": "order",
    "prompt": "In which order?",
    "items": [
        {"text": "change the model"},
        {"text": "migrate", "why": "There would be nothing to find."},
        {"text": "read the file", "why": "There is no file yet."},
        {"text": "upgrade", "why": "Nobody has read what would run."},
    ],
}
NUMBER: dict[str, Any] = {
    "id": "02-number",
    "kind": "number",
    "prompt": "How many?",
    "answer": 2,
    "unit": "operations",
    "wrong": [{"answer": 1, "why": "A rename is not seen as one."}],
    "otherwise": "Count the lines that begin with `op.`",
}
TEXT: dict[str, Any] = {
    "id": "02-text",
    "kind": "text",
    "prompt": "Which table?",
    "answer": "alembic_version",
    "also": ["alembic version"],
    "wrong": [{"answer": "migrations", "why": "That is a folder."}],
    "otherwise": "Look at the schema.",
}
CODE = """
def upgrade():
    op.add_column("users", sa.Column("display_name", sa.String(80)))
    op.drop_column(
        "users",
        "nickname",
    )
    op.execute("UPDATE orders SET note = ''")
"""
REVIEW: dict[str, Any] = {
    "id": "02-review",
    "kind": "review",
    "prompt": "Which lines would hurt?",
    "code": CODE,
    "bad": [
        {"lines": ["op.drop_column(", '"nickname",'], "why": "Every nickname is lost."},
        {"lines": ["UPDATE orders"], "why": "It touches every row."},
    ],
    "harmless": [{"lines": ["op.add_column("], "why": "A nullable column harms nobody."}],
    "otherwise": "This line does nothing by itself.",
}
ALL = (ONE, MANY, ORDER, NUMBER, TEXT, REVIEW)


@pytest.fixture
def write(course_copy: Path) -> Any:
    """Write lesson 02's quiz.yaml and give back its lesson."""

    def write_quiz(*questions: dict[str, Any]) -> course.Lesson:
        lesson = course.lesson("02")
        (lesson.folder / "quiz.yaml").write_text(yaml.safe_dump(list(questions)), encoding="utf-8")
        return lesson

    return write_quiz


@pytest.fixture
def sit(write: Any) -> Any:
    """A sitting at one question."""
    return lambda question: quiz.Sitting(quiz.load(write(question))[0])


def told(sitting: quiz.Sitting) -> str:
    assert sitting.report is not None
    return quiz.report_as_text(sitting.report)


@pytest.mark.parametrize("question", ALL, ids=lambda question: question["kind"])
def test_right_answer_is_right_and_is_restored(sit: Any, question: dict[str, Any]) -> None:
    sitting = sit(question)
    sitting.submit(sitting.question.right_answer)
    assert sitting.state == "right"
    assert told(sitting).startswith("Right.")
    again = quiz.Sitting(sitting.question, quiz.Record.model_validate_json(sitting.record.model_dump_json()))
    assert (again.state, again.answer, again.attempts) == ("right", sitting.answer, 1)
    assert quiz.as_text(again) == quiz.as_text(sitting)


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (ONE, "`flask db upgrade`", ["Not yet.", "It runs files that are there already."]),
        (MANY, ["revision"], ["Not yet.", "revision: Right.", "1 more option belongs to the answer."]),
        (MANY, ["the models"], ["the models: Not right. They stay", "2 more options belong to the answer."]),
        (MANY, ["revision", "down_revision", "the models"], ["Not yet.", "revision: Right.", "the models: Not right."]),
        (ORDER, ["change the model", "read the file", "migrate", "upgrade"],
         ["The first step is right.", "read the file: This comes too early, as step 2. There is no file yet."]),
        (ORDER, ["upgrade", "change the model", "migrate", "read the file"], ["as step 1. Nobody has read"]),
        (NUMBER, "1", ["A rename is not seen as one."]),
        (NUMBER, "7", ["Count the lines"]),
        (TEXT, " `Migrations` ", ["That is a folder."]),
        (TEXT, "users", ["Look at the schema."]),
        (REVIEW, [3], ["Line 3: Harmful. Every nickname is lost.", "You have found 1 of 2 things"]),
        (REVIEW, [2, 3, 7], ["Line 2: Harmless. A nullable column harms nobody.", "Line 7: Harmful."]),
        (REVIEW, [1], ["Line 1: Harmless. This line does nothing by itself.", "0 of 2"]),
    ],
)  # fmt: skip
def test_wrong_answer_is_told_why(sit: Any, question: dict[str, Any], answer: Any, expected: list[str]) -> None:
    sitting = sit(question)
    sitting.submit(answer)
    assert sitting.state == "wrong"
    for part in expected:
        assert part in told(sitting)


@pytest.mark.parametrize(
    ("question", "answer"),
    [(NUMBER, "2,0"), (NUMBER, " 2 "), (TEXT, "ALEMBIC_VERSION "), (TEXT, "alembic  version"), (REVIEW, [5, 7]),
     (REVIEW, [3, 5, 7]), (MANY, ["down_revision", "revision"])],
)  # fmt: skip
def test_other_ways_to_say_it_are_right(sit: Any, question: dict[str, Any], answer: Any) -> None:
    sitting = sit(question)
    sitting.submit(answer)
    assert sitting.state == "right"


def test_right_many_also_explains_what_was_left_out(sit: Any) -> None:
    sitting = sit(MANY)
    sitting.submit(["revision", "down_revision"])
    assert "the models: Correctly left out. They stay in the shop's code." in told(sitting)


@pytest.mark.parametrize("ending", ["compare", "show"])
def test_what_was_not_chosen_is_told_as_missed(sit: Any, ending: str) -> None:
    sitting = sit(MANY | {"prediction": ending == "compare"})
    sitting.submit(["revision", "the models"])
    getattr(sitting, ending)()
    for words in (
        "revision: Right.",
        "the models: Not right.",
        "You missed: down_revision",
        "password: Correctly left",
    ):
        assert words in told(sitting)
    assert "down_revision: Right" not in told(sitting)
    assert "more option" not in told(sitting)
    assert "the models: Rightly" not in told(sitting)


def test_feedback_does_not_give_the_missing_options_away(sit: Any) -> None:
    sitting = sit(MANY)
    sitting.submit(["revision"])
    assert "down_revision" not in told(sitting)


def test_trying_again_counts_and_the_same_answer_does_not(sit: Any) -> None:
    sitting = sit(NUMBER)
    for answer in ("1", "1", "3"):
        sitting.submit(answer)
    assert (sitting.state, sitting.attempts) == ("wrong", 2)
    sitting.submit("2")
    assert (sitting.state, sitting.attempts) == ("right", 3)
    assert "explanation" not in told(sitting)


@pytest.mark.parametrize(
    ("question", "answer"),
    [(ONE, ""), (MANY, []), (NUMBER, ""), (NUMBER, "two"), (TEXT, "  "), (REVIEW, []), (ONE, "gone"), (MANY, ["gone"]),
     (ORDER, ["migrate"]), (REVIEW, [99])],
)  # fmt: skip
def test_nothing_to_check_is_said_and_not_counted(sit: Any, question: dict[str, Any], answer: Any) -> None:
    sitting = sit(question)
    with pytest.raises(LabError):
        sitting.submit(answer)
    assert (sitting.state, sitting.attempts) == ("open", 0)


def test_giving_up_shows_the_answer_and_closes_the_question(sit: Any) -> None:
    sitting = sit(ONE)
    sitting.submit("`flask db upgrade`")
    assert "Only `migrate`" not in told(sitting)
    sitting.show()
    assert "The answer: `flask db migrate`" in told(sitting)
    assert "Only `migrate`" in told(sitting)
    with pytest.raises(LabError, match="already shown"):
        sitting.submit("`flask db migrate`")
    assert quiz.Sitting(sitting.question, sitting.record).state == "shown"


def test_prediction_is_noted_then_compared(sit: Any) -> None:
    sitting = sit(ONE | {"prediction": True})
    sitting.submit("`flask db migrate`")
    assert sitting.state == "noted"
    sitting.submit("`flask db upgrade`")
    assert sitting.state == "noted"
    assert "Noted. You said “`flask db upgrade`”." in told(sitting)
    for spoiler in ("Right", "Not yet", "It runs files", "Only `migrate`", "flask db migrate"):
        assert spoiler not in told(sitting)
    sitting.compare()
    assert "Compared. You said “`flask db upgrade`”. The answer is “`flask db migrate`”." in told(sitting)
    assert "It runs files that are there already." in told(sitting)
    assert "Only `migrate`" in told(sitting)
    assert sitting.is_closed


def test_an_option_that_is_a_sentence_ends_once(sit: Any) -> None:
    options = [{"text": "It fails.", "why": "It ran before."}, {"text": "Nothing.", "right": True}]
    sitting = sit(ONE | {"prediction": True, "options": options})
    sitting.submit("It fails.")
    assert "Noted. You said “It fails.”\n" in told(sitting)
    sitting.compare()
    assert "Compared. You said “It fails.” The answer is “Nothing.”\n" in told(sitting)
    assert "“It fails.” It ran before." in told(sitting)
    assert ".:" not in told(sitting)


@pytest.mark.parametrize("answer", ["1", "7"])
def test_a_typed_prediction_that_is_wrong_is_told_why(sit: Any, answer: str) -> None:
    sitting = sit(NUMBER | {"prediction": True})
    sitting.submit(answer)
    (why,) = sitting.question.judge(answer).remarks
    assert why.text not in told(sitting)
    sitting.compare()
    assert why.text in told(sitting)


def test_sentences_that_were_chosen_are_listed_without_their_full_stops(sit: Any) -> None:
    options = [
        {"text": "It fails.", "right": True},
        {"text": "It waits.", "right": True},
        {"text": "It ends.", "why": "No."},
    ]
    question = sit(MANY | {"options": options}).question
    assert question.said(["It fails.", "It waits."]) == "It fails; It waits."


def test_one_of_a_unit_is_said_in_the_singular(sit: Any) -> None:
    question = sit(NUMBER).question
    assert [question.said(each) for each in (0, "1", 2)] == ["0 operations", "1 operation", "2 operations"]


def test_comparing_without_a_prediction_shows_what_is_so(sit: Any) -> None:
    sitting = sit(ONE | {"prediction": True})
    sitting.compare()
    assert "The answer: `flask db migrate`" in told(sitting)


def test_record_of_a_rewritten_question_is_no_answer(sit: Any) -> None:
    question = sit(ONE).question
    sitting = quiz.Sitting(question, quiz.Record(state="right", answer="an option of last year", attempts=4))
    assert (sitting.state, sitting.answer, sitting.attempts) == ("open", None, 4)
    outdated = quiz.Sitting(question, quiz.Record(state="right", answer="`flask db upgrade`", attempts=1))
    assert outdated.state == "wrong"


@pytest.mark.parametrize("question", ALL, ids=lambda question: question["kind"])
def test_text_view_shows_question_and_task(sit: Any, question: dict[str, Any]) -> None:
    sitting = sit(question)
    text = quiz.as_text(sitting)
    assert text.startswith(question["prompt"])
    for option in question.get("options", question.get("items", ())):
        assert option["text"] in text
    assert "Right" not in text
    assert "It runs files" not in text


def test_order_is_shown_mixed_and_always_the_same(sit: Any) -> None:
    question = sit(ORDER).question
    assert question.shown != question.right_answer
    assert sorted(question.shown) == sorted(question.right_answer)
    assert question.shown == sit(ORDER).question.shown


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        (ONE | {"options": [{"text": "a", "right": True}, {"text": "b"}]},
         "question 02-one: options 2: the wrong option 'b' needs a `why`"),
        (MANY | {"options": [{"text": "a"}, {"text": "b", "right": True}]}, "question 02-many: options 1: the wrong"),
        (ONE | {"options": [{"text": "a", "right": True}, {"text": "b", "right": True}]}, "exactly one option"),
        (ONE | {"options": [{"text": "a", "right": True}, {"text": "a", "why": "?"}]}, "'a' is there twice"),
        (ORDER | {"items": [{"text": "a"}, {"text": "b"}, {"text": "c", "why": "?"}]}, "the item 'b' needs a `why`"),
        ({key: NUMBER[key] for key in NUMBER if key != "otherwise"}, "question 02-number: otherwise: Field required"),
        (REVIEW | {"bad": [{"lines": ["no such line"], "why": "?"}]}, "'no such line' must occur in exactly one line"),
        (REVIEW | {"bad": [{"lines": ["op."], "why": "?"}]}, "it occurs in 3"),
        (REVIEW | {"harmless": [{"lines": ["nickname"], "why": "?"}]}, "line 5 is named twice"),
        (REVIEW | {"bad": []}, "question 02-review: bad"),
        (ONE | {"kind": "essay"}, "essay"),
        (ONE | {"prompts": "?"}, "prompts: there is no such field"),
        (ONE | {"id": "03-one"}, "must begin with the lesson's number, 02-"),
        (ONE | {"id": "02 One"}, "question 02 One: id"),
        (TEXT | {"answer": 2}, "question 02-text: answer: Input should be a valid string"),
    ],
)  # fmt: skip
def test_author_is_told_file_question_and_option(write: Any, question: dict[str, Any], fault: str) -> None:
    with pytest.raises(LabError) as caught:
        quiz.load(write(question))
    assert caught.value.message.startswith("lessons/02_first_migration/quiz.yaml: ")
    assert fault in caught.value.message


def test_ids_are_unique(write: Any) -> None:
    with pytest.raises(LabError, match="two questions with the id 02-one"):
        quiz.load(write(ONE, ONE))


@pytest.mark.parametrize("text", ["- [", "id: 02-one", "- just words"])
def test_broken_file_is_a_lab_error(write: Any, text: str) -> None:
    lesson = write()
    (lesson.folder / "quiz.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=r"quiz\.yaml"):
        quiz.load(lesson)


def test_find(write: Any) -> None:
    write(*ALL)
    assert quiz.find("02-text").id == "02-text"
    with pytest.raises(LabError, match="Its questions: 02-one, 02-many"):
        quiz.find("02-nothing")
    with pytest.raises(LabError, match="no question 'x'"):
        quiz.find("x")


def test_every_question_of_the_course_loads_and_explains_itself() -> None:
    for lesson in course.lessons():
        for question in quiz.load(lesson):
            assert question.judge(question.right_answer).right, question.id
            assert quiz.as_text(quiz.Sitting(question))


def test_the_documented_examples_load(write: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "quiz-format.md").read_text(encoding="utf-8")
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ") or not line.strip()]
    blocks = "\n".join(lines).split("- id: ")[1:]
    examples = [yaml.safe_load("- id: " + block.split("\n\n\n")[0])[0] for block in blocks]
    assert examples
    for example in examples:
        quiz.load(write(example | {"id": "02-example"}))


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [("`flask db stamp`", "flask db stamp"), ("The `default` of **one** column", "The ‘default’ of one column")],
)
def test_plain(markdown: str, expected: str) -> None:
    assert quiz.plain(markdown) == expected
