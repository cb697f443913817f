"""Three hints: a question, a pointer, and a solution that opens when it has been earned."""

import json
from pathlib import Path

import pytest
import yaml

from migration_lab.ground import answer_files, course
from migration_lab.ground.errors import LabError
from migration_lab.teaching import hints, progress
from migration_lab.teaching.judging import judge_of

EXERCISES = {
    name: {"title": "A ticket", "engines": ["sqlite"], "hints": {"question": f"{name}?", "pointer": f"{name}!"}}
    for name in ("02.1", "02.2", "02.3")
}
ANSWERS = """\
# Answers

## by_hand: right

The file was written by hand.

## by_sql: rejected by column

No file
tells others.

## not_null: rejected by column

```yaml
engines: [sqlite]
```

Rows have no name.

```python
pass
```
"""


@pytest.fixture(autouse=True)
def _solved(course_copy: Path, home: Path) -> None:
    """A built solution of lesson 02, and the wrong answers of its first exercise."""
    manifest = {"title": "First", "summary": "One.", "leaves": "0002", "exercises": EXERCISES}
    file = course_copy / "lessons" / "02_first_migration" / "lesson.yaml"
    file.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "The task."},
        {
            "cell_type": "markdown",
            "metadata": {"exercise": "02.1", "tags": ["solution"]},
            "source": ["Add the column.\n", "Then migrate."],
        },
        {"cell_type": "code", "metadata": {"exercise": "02.1", "tags": ["stub"]}, "source": "# your turn"},
        {"cell_type": "code", "metadata": {"exercise": "02.1", "tags": ["solution"]}, "source": "%flask db upgrade"},
        {"cell_type": "code", "metadata": {"exercise": "02.2", "tags": ["solution"]}, "source": "%flask db current"},
    ]
    folder = course_copy / "solutions"
    folder.mkdir(exist_ok=True)
    (folder / "02_first_migration.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    answers = answer_files.file_of(course.lesson("02"), "02.1")
    answers.parent.mkdir(exist_ok=True)
    answers.write_text(ANSWERS, encoding="utf-8")


def fail(content: str) -> None:
    progress.record_check("02.1", passed=False, fingerprint=content)


def test_question_then_pointer_then_closed() -> None:
    assert [hints.next_hint("02.1").text for _ in range(2)] == ["02.1?", "02.1!"]
    third = hints.next_hint("02.1")
    assert (third.step, third.tries_remaining) == (3, 3)
    assert "after 3 more real tries" in third.text
    assert '`lab.hint("02.1", 1)`' in third.text
    assert "flask db upgrade" not in third.text
    assert progress.load().exercise("02.1").hints == 2, "a closed solution has not been read"


def test_solution_opens_after_three_real_tries() -> None:
    for content in ("a", "a", "b"):
        fail(content)
    assert "after one more real try" in hints.hint("02.1", 3).text
    fail("c")
    text = hints.hint("02.1", 3).text
    assert "Add the column.\nThen migrate." in text
    assert "```python\n%flask db upgrade\n```" in text
    assert "- *by sql*: No file tells others.\n- *not null*: Rows have no name." in text
    for other in ("# your turn", "%flask db current", "The task."):
        assert other not in text
    assert progress.load().exercise("02.1").hints == 3


def test_wrong_ways_stand_in_the_order_of_the_check() -> None:
    lesson = course.lesson("02")
    more = {"z_table": "upgrade", "b_default": "column", "c_nothing": "unknown"}
    sections = [f"\n## {name}: rejected by {missed}\n\nIt is wrong.\n" for name, missed in more.items()]
    answer_files.file_of(lesson, "02.1").write_text(ANSWERS + "".join(sections), encoding="utf-8")
    looked_at = [each.id for each in judge_of(lesson, "02.1").expectations()]
    assert looked_at.index("upgrade") < looked_at.index("column")
    names = [each.split("*")[1] for each in hints.wrong_ways(lesson, "02.1")]
    assert names == ["z table", "by sql", "not null", "b default", "c nothing"]


def test_success_opens_the_solution_at_once() -> None:
    progress.record_check("02.1", passed=True, fingerprint="a")
    hint = hints.next_hint("02.1")
    assert (hint.step, hint.tries_remaining) == (3, 0)
    assert "%flask db upgrade" in hint.text
    assert progress.load().exercise("02.1").hints == 0, "reading after success is no help"


def test_tries_at_one_exercise_do_not_open_another() -> None:
    for content in "abc":
        fail(content)
    assert hints.tries_remaining("02.1") == 0
    assert hints.tries_remaining("02.2") == 3


def test_after_the_last_hint_the_solution_is_given_again() -> None:
    for content in "abc":
        fail(content)
    assert [hints.next_hint("02.1").step for _ in range(5)] == [1, 2, 3, 3, 3]


def test_views() -> None:
    hint = hints.next_hint("02.1")
    assert hint.as_text().startswith("Hint 1 of 3 for 02.1: a question\n\n")
    assert hint.as_markdown().startswith("**Hint 1 of 3 for 02.1: a question**\n\n")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(LabError, match=r"no exercise '99\.1'"):
        hints.next_hint("99.1")
    with pytest.raises(LabError, match="hints 1, 2 and 3"):
        hints.hint("02.1", 4)
    lesson = course.lesson("02")
    with pytest.raises(LabError, match=r"solution of 02\.3 has not been built"):
        hints.solution(lesson, "02.3")
    file = answer_files.file_of(lesson, "02.1")
    file.write_text("## by_sql\n", encoding="utf-8")
    with pytest.raises(LabError, match=r"answers/02\.1\.md, line 1: an answer begins with `## NAME: right` or"):
        hints.wrong_ways(lesson, "02.1")
    file.write_text("## by_sql: rejected by column\n\n```python\npass\n```\n", encoding="utf-8")
    with pytest.raises(LabError, match=r"answers/02\.1\.md, line 1: 'by_sql' does not say why it is wrong"):
        hints.wrong_ways(lesson, "02.1")
    file.unlink()
    assert hints.wrong_ways(lesson, "02.1") == []
