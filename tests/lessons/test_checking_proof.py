"""The proof of all exercises (`test_exercises.py`) is proved: a sound course makes it green, a spoiled one red."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground import course, places
from migration_lab.ground.errors import LabError
from migration_lab.making.answers import answers_of
from tests import tiny_course
from tests.lessons import test_exercises as proof

EXERCISES = f"{tiny_course.FOLDER}/exercises.md"
CHECKS = f"{tiny_course.FOLDER}/checks.py"
NOT_NULL = f"{tiny_course.FOLDER}/wrong_answers/01.1_not_null.md"
NO_DOWNGRADE = f"{tiny_course.FOLDER}/wrong_answers/01.1_no_downgrade.md"


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAB_COURSE", str(tiny_course.make(tmp_path / "course")))
    course.lessons.cache_clear()
    yield tmp_path / "course"
    course.lessons.cache_clear()


def spoil(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text(encoding="utf-8")
    assert old in text, f"nothing to spoil in {file}"
    (root / file).write_text(text.replace(old, new), encoding="utf-8")


def prove_answer(name: str, engine: course.EngineName = "sqlite") -> None:
    """What the proof does with the tiny course's answer of this name."""
    answer = next(each for each in answers_of(course.lesson("01")) if each.name == name)
    proof.test_answer_is_judged_for_what_it_is(answer, engine, (engine,))


def prove_exercise() -> None:
    """What the proof does with the files of the tiny course's exercise."""
    proof.test_answer_files_say_what_they_are(course.lesson("01"))
    proof.test_exercise_has_answers_that_prove_its_check(course.lesson("01"), "01.1")


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "name", ["stub", "solution", "right-by_hand", "wrong-too_long", "wrong-not_null", "wrong-no_downgrade"]
)
def test_a_sound_answer_is_green(name: str, engine: course.EngineName, root: Path) -> None:
    prove_answer(name, engine)


def test_a_sound_exercise_is_green(root: Path) -> None:
    prove_exercise()


SPOILED_ANSWERS = {
    "a judge that accepts anything": (
        (CHECKS, "column.nullable, expected", "True, expected"),
        "wrong-not_null",
        "01.1_not_null.md, line 3: the wrong answer of exercise 01.1 must be rejected by 'nullable' on sqlite, but",
    ),
    "a judge whose expectation has no words": (
        (CHECKS, '"""`users.nickname` may be left empty"""', ""),
        "solution",
        "Nickname.nullable has no docstring",
    ),
    "a judge whose expectation takes a name that means something else": (
        (CHECKS, "def nullable", "def start"),
        "solution",
        "Nickname.start: this name has another meaning",
    ),
    "a wrong answer that is rejected for another reason": (
        (NOT_NULL, "rejected_by: nullable", "rejected_by: no_drift"),
        "wrong-not_null",
        "must be rejected by 'no_drift' on sqlite, but it is rejected by 'nullable'",
    ),
    "a wrong answer with a cell that breaks": (
        (NOT_NULL, "%%writefile migrations", "%%writefile nowhere"),
        "wrong-not_null",
        "the cell of lessons/01_tiny/wrong_answers/01.1_not_null.md, line 13, failed with LabError",
    ),
    "a solution that does not solve it": (
        (EXERCISES, "String(40)", "String(41)"),
        "solution",
        "exercises.md, line 3: the solution of exercise 01.1 must pass on sqlite, but it is rejected by 'column'",
    ),
    "a stub that is rejected for another reason": (
        (CHECKS, 'stub_fails = "column"', 'stub_fails = "nullable"'),
        "stub",
        "lessons/01_tiny/exercises.md, line 3: the stub of exercise 01.1 must be rejected by 'nullable' on sqlite, but",
    ),
}


@pytest.mark.parametrize("how", SPOILED_ANSWERS)
def test_a_spoiled_answer_is_red_and_says_why(how: str, root: Path) -> None:
    change, name, expected = SPOILED_ANSWERS[how]
    spoil(root, *change)
    with pytest.raises((AssertionError, LabError), match=re.compile(expected, re.DOTALL)):
        prove_answer(name)


SPOILED_EXERCISES = {
    "an expectation that nobody has seen fail": (
        NOT_NULL,
        "by: nullable",
        "by: column",
        "lessons/01_tiny/checks.py, line 21: nobody has seen 'nullable'",
    ),
    "an expectation that is not there": (NOT_NULL, "by: nullable", "by: nulable", "'nulable' is no expectation of"),
    "an answer without a reason": (NOT_NULL, "why: why", 'why: ""', "does not say why it is wrong"),
    "an answer with a word that means nothing": (NOT_NULL, "rejected_by", "rejectedby", "there is no such field"),
    "an answer with a block that means nothing": (NOT_NULL, "```python", "```text", "line 7: a block begins with"),
    "an edit of a cell that the solution does not have": (
        NOT_NULL,
        "```python\n%%writefile",
        "```diff order.py\n-%%writefile",
        "the solution has no cell 'order.py'",
    ),
    "an answer without a cell that is not there": (
        NOT_NULL,
        "why: why\n",
        "why: why\nwithout: [pass]\n",
        "has no cell 'pass'",
    ),
    "an answer that edits what it does not start from": (
        NOT_NULL,
        "why: why\n",
        "why: why\nstart: nothing\nwithout: [pass]\n",
        "it starts from nothing",
    ),
    "an answer to no exercise": (NO_DOWNGRADE, '"01.1"', '"01.7"', "the lesson has no exercise '01.7'"),
}


@pytest.mark.parametrize("how", SPOILED_EXERCISES)
def test_a_spoiled_exercise_is_red_and_says_why(how: str, root: Path) -> None:
    *change, expected = SPOILED_EXERCISES[how]
    spoil(root, *change)
    with pytest.raises(AssertionError, match=expected):
        prove_exercise()


def test_the_solution_itself_is_no_other_answer(root: Path) -> None:
    text = '---\nexercise: "01.1"\nwhy: why\nstart: solution\n---\n'
    (root / tiny_course.FOLDER / "right_answers" / "01.1_same.md").write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match="it is the solution and nothing else"):
        prove_exercise()


def test_a_file_that_is_not_right_is_reported_once(root: Path) -> None:
    spoil(root, NOT_NULL, "```python\n%%writefile", "```diff order.py\n-%%writefile")
    with pytest.raises(pytest.skip.Exception, match="`test_answer_files_say_what_they_are` reports it"):
        prove_answer("wrong-not_null")
    proof.test_exercise_has_answers_that_prove_its_check(course.lesson("01"), "01.1")


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("wrong_answers", "has 0 wrong answers; it needs 3"),
        ("right_answers", "has no right answer beside its solution"),
    ],
)
def test_missing_answers_are_red(folder: str, expected: str, root: Path) -> None:
    for path in (root / tiny_course.FOLDER / folder).iterdir():
        path.unlink()
    with pytest.raises(AssertionError, match=expected):
        prove_exercise()


def test_the_suite_itself_turns_red_for_a_weak_judge(root: Path) -> None:
    spoil(root, f"{tiny_course.FOLDER}/lesson.yaml", "    engines: [sqlite, postgres]", "    engines: [sqlite]")
    spoil(root, CHECKS, "column.nullable, expected", "True, expected")
    command = [sys.executable, "-m", "pytest", proof.__file__, "-p", "no:xdist", "-p", "no:cacheprovider", "-q", "-rf"]
    done = subprocess.run(
        command,
        cwd=places.course_root(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 7 passed" in done.stdout
    assert "test_answer_is_judged_for_what_it_is[01.1-sqlite-wrong-not_null]" in done.stdout
