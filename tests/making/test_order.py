"""The order of predictions: each rule is broken once in a small section, and the message says where and why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migration_lab.making.cells import read_cells
from migration_lab.making.order import order_faults
from migration_lab.making.sections import sections_of
from migration_lab.teaching import explain, quiz

Faults = Callable[[str], list[str]]

ASKED = """\
## What is left?

A machine stops in the middle.

```python
lab.quiz("06-what-is-left")
```

```python
%%writefile a.py
x = 1
```

Run it, and then look. It takes a second.

```python
%flask db upgrade
```

Ask the server:

```python
shop.changes()
```

```python
lab.compare("06-what-is-left")
```

The table is there without its row.

```python tags=["proof"]
assert True
```
"""

QUESTION = quiz.One.model_validate(
    {
        "id": "06-what-is-left",
        "kind": "one",
        "prediction": True,
        "prompt": "What is left?",
        "options": [
            {"text": "The table without its row.", "right": True},
            {"text": "Nothing.", "why": "No."},
            {"text": "The table with both of its rows.", "why": "No."},
        ],
    }
)


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    def found(text: str) -> list[str]:
        path = tmp_path / "lesson.md"
        path.write_text(text, encoding="utf-8")
        return list(order_faults(sections_of(read_cells(path)), {QUESTION.id: QUESTION}))

    return found


def test_a_section_in_order_has_no_faults(faults: Faults) -> None:
    assert faults(ASKED) == []


COMPARE = '```python\nlab.compare("06-what-is-left")\n```\n'
RUN = "```python\nshop.changes()\n```\n"
CARD = '```python\nlab.explain("F56")\n```\n'
NEXT = '```python\nlab.quiz("06-more")\n```\n'
PROOF = '```python tags=["proof"]\nassert True\n```\n'


@pytest.mark.parametrize(
    ("before", "after", "where", "complaint"),
    [
        (COMPARE, "", 'lab.quiz("06-what-is-left")', "no lab.compare follows it"),
        (COMPARE, f"Half of it.\n\n{COMPARE}", "Half of it.", "lab.compare follows the run directly"),
        (COMPARE, f"{PROOF}\n{COMPARE}", "assert True", "lab.compare follows the run directly"),
        (COMPARE, f"{CARD}\n{COMPARE}", 'lab.explain("F56")', "lab.compare follows the run directly"),
        ("Ask the server:", "Half is there.", "Half is there.", "one sentence that ends with `:` or `?`"),
        ("Ask the server:", "Half is there. Ask:", "Half is there. Ask:", "one sentence that ends with"),
        ("Ask the server:", "Half is there.\n\nAsk:", "Half is there.", "one sentence that ends with"),
        ("Ask the server:", PROOF, "assert True", "a proof gives the answer"),
        ("Ask the server:", CARD, 'lab.explain("F56")', "a card gives the answer"),
        ("Ask the server:", NEXT, 'lab.quiz("06-more")', "the next question comes before lab.compare"),
        ("A machine stops", "SQLite leaves the table without a row", "## What is left?", "this gives the right answer"),
    ],
)
def test_a_broken_rule_is_named(faults: Faults, before: str, after: str, where: str, complaint: str) -> None:
    assert before in ASKED
    text = ASKED.replace(before, after, 1)
    found = faults(text)
    assert len(found) == 1, found
    assert f"lesson.md, line {text.splitlines().index(where) + 1} (cell" in found[0]
    assert "prediction '06-what-is-left'" in found[0]
    assert complaint in found[0]


def test_a_question_that_nothing_answers_is_refused(faults: Faults) -> None:
    text = ASKED.replace("%flask db upgrade", "%%writefile b.py").replace("shop.changes()", "%%writefile c.py")
    assert ["nothing runs between" in fault for fault in faults(text)] == [True]


def test_a_sentence_that_has_a_wrong_answer_as_well_gives_nothing_away(faults: Faults) -> None:
    both = "Is it the table with both of its rows, or without one row?"
    assert faults(ASKED.replace("A machine stops in the middle.", both)) == []


def test_a_prediction_may_be_compared_in_a_later_section(faults: Faults) -> None:
    """What stands in between belongs to other questions, but the comparison follows a run there too."""
    other = f'{RUN}\nSo it is.\n\n```python\nlab.quiz("06-more")\n```\n\n{PROOF}\n## And then?\n\nLook:\n'
    later = ASKED.replace("Ask the server:", other)
    assert faults(later) == []
    assert len(faults(later.replace(COMPARE, f"Half of it.\n\n{COMPARE}"))) == 1


def test_a_question_that_is_judged_at_once_is_free(faults: Faults) -> None:
    assert faults(ASKED.replace("06-what-is-left", "06-another")) == []


FAILING = '```python tags=["raises-exception"]\n%flask db current\n```\n'


def test_a_card_that_comes_up_by_itself_must_not_answer_the_next_prediction(tmp_path: Path) -> None:
    """At an expected error before the question; at the run itself, and where no such card is shown, it may come up."""
    card = explain.card("F56")
    wrong = {"text": "All of it.", "why": "No."}
    told = QUESTION.model_copy(
        update={"options": tuple(map(quiz.Option.model_validate, [{"text": f"{card.says}.", "right": True}, wrong]))}
    )

    def found(text: str, *failures: str) -> list[str]:
        path = tmp_path / "lesson.md"
        path.write_text(text, encoding="utf-8")
        return list(order_faults(sections_of(read_cells(path)), {QUESTION.id: told}, failures))

    before = f"## What fails?\n\nThis:\n\n{FAILING}\n{ASKED}"
    (fault,) = found(before, "F20", "F56")
    assert "lesson.md, line 6 (cell" in fault
    assert "card F56 may come up here, and gives the right answer" in fault
    assert found(before, "F20") == []
    assert found(before.replace(' tags=["raises-exception"]', ""), "F56") == []
    assert (
        found(
            ASKED.replace("```python\n%flask db upgrade", FAILING.rpartition("\n%")[0] + "\n%flask db upgrade"), "F56"
        )
        == []
    )
