"""Answers that can be computed are: the code in `computed_by` runs, and the file's right answer must be its result."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.teaching import quiz
from tests.lessons.computed import computed_answer

COMPUTED = [question for lesson in course.lessons() for question in quiz.load(lesson) if question.computed_by]


def number(code: str, answer: float = 2) -> quiz.Question:
    return quiz.Number(id="02-x", kind="number", prompt="?", answer=answer, otherwise="-", computed_by=code)


@pytest.mark.parametrize("question", COMPUTED, ids=lambda question: question.id)
def test_the_files_answer_is_the_computed_one(question: quiz.Question, home: Any) -> None:
    computed = computed_answer(question)
    assert question.agrees(computed), (
        f"{question.id}: computed {computed!r}, but the file says {question.right_answer!r}"
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_code_has_a_shop_of_its_own(engine: str, home: Any) -> None:
    code = f"""
shop = shop_at("02_first_migration", "{engine}")
before = shop.flask("db current")
shop.write("notes/a.txt", "two")
shop.execute("CREATE TABLE made (id integer)")
shop.execute("INSERT INTO made VALUES (1), (2)")
answer = shop.sql("SELECT count(*) FROM made").scalar
assert before.exit_code != 0, before.output
assert "notes/a.txt" in shop.files() and shop.read("notes/a.txt") == "two" and shop.path.is_dir()
other = shop_at("02", "{engine}")
assert other.files() and "notes/a.txt" not in other.files()
"""
    question = number(code)
    assert question.agrees(computed_answer(question))
    assert not number(code, answer=3).agrees(computed_answer(question))


def test_faults_of_the_code_are_seen() -> None:
    with pytest.raises(LabError, match="sets no `answer`"):
        computed_answer(number("x = 1"))
    with pytest.raises(ZeroDivisionError):
        computed_answer(number("answer = 1 / 0"))
    plain = quiz.Number(id="02-x", kind="number", prompt="?", answer=2, otherwise="-")
    with pytest.raises(LabError, match="no computed_by"):
        computed_answer(plain)


@pytest.mark.parametrize(
    ("kind", "computed", "agrees"),
    [
        ({"kind": "one", "options": [{"text": "a", "right": True}, {"text": "b", "why": "-"}]}, "a", True),
        ({"kind": "one", "options": [{"text": "a", "right": True}, {"text": "b", "why": "-"}]}, "b", False),
        ({"kind": "one", "options": [{"text": "a", "right": True, "value": 0}, {"text": "b", "why": "-"}]}, 0, True),
        ({"kind": "one", "options": [{"text": "a", "right": True, "value": 0}, {"text": "b", "why": "-"}]}, "a", False),
        ({"kind": "many", "options": [{"text": "a", "right": True}, {"text": "b", "why": "-"}]}, {"a"}, True),
        ({"kind": "many", "options": [{"text": "a", "right": True}, {"text": "b", "why": "-"}]}, ["a", "b"], False),
        ({"kind": "many", "options": [{"text": "a", "right": True}, {"text": "b", "why": "-"}]}, "a", False),
        ({"kind": "order", "items": [{"text": "a"}, {"text": "b", "why": "-"}, {"text": "c", "why": "-"}]},
         ["a", "b", "c"], True),
        ({"kind": "order", "items": [{"text": "a"}, {"text": "b", "why": "-"}, {"text": "c", "why": "-"}]},
         ["b", "a", "c"], False),
        ({"kind": "number", "answer": 2, "tolerance": 0.5, "otherwise": "-"}, 2.4, True),
        ({"kind": "number", "answer": 2, "otherwise": "-"}, "2", False),
        ({"kind": "number", "answer": 1, "otherwise": "-"}, None, False),
        ({"kind": "text", "answer": "users", "also": ["the users"], "otherwise": "-"}, "The Users", True),
        ({"kind": "text", "answer": "users", "otherwise": "-"}, "", False),
        ({"kind": "review", "code": "a\nb\n", "bad": [{"lines": ["b"], "why": "-"}], "otherwise": "-"}, [2], True),
        ({"kind": "review", "code": "a\nb\n", "bad": [{"lines": ["b"], "why": "-"}], "otherwise": "-"}, [1, 2], False),
        ({"kind": "review", "code": "a\nb\n", "bad": [{"lines": ["b"], "why": "-"}], "otherwise": "-"}, [], False),
    ],
)  # fmt: skip
def test_agreement_of_every_kind(kind: dict[str, Any], computed: Any, agrees: bool) -> None:
    kinds: TypeAdapter[quiz.Question] = TypeAdapter(
        quiz.One | quiz.Many | quiz.Order | quiz.Number | quiz.Text | quiz.Review
    )
    question = kinds.validate_python({"id": "02-x", "prompt": "?"} | kind)
    assert question.agrees(computed) is agrees
