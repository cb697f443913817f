"""The proof of all exercises (`test_exercises.py`) is proved: a sound course makes it green, a spoiled one red."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from migration_lab.ground import course, places
from migration_lab.ground.errors import LabError
from migration_lab.making.answers import answers_of
from tests import tiny_course
from tests.lessons import test_exercises as proof

EXERCISES = f"{tiny_course.FOLDER}/exercises.md"
CHECKS = f"{tiny_course.FOLDER}/checks.py"
ANSWERS = tiny_course.ANSWERS
NOT_NULL = "## not_null: rejected by nullable"
REASON = "Why not_null.\n"


@pytest.fixture
def root(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_COURSE", str(tiny_course.make(tmp_path / "course")))
    return tmp_path / "course"


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
        r"answers/01.1.md, line \d+: the wrong answer of exercise 01.1 must be rejected by 'nullable' on sqlite, but",
    ),
    "a wrong answer that is right": (
        (ANSWERS, "    pass\n", '    op.drop_column("users", "nickname")\n'),
        "wrong-no_downgrade",
        r"but it passes\. It is wrong because: Why no_downgrade\. docs/checks\.md says which columns",
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
        (ANSWERS, NOT_NULL, NOT_NULL.replace("nullable", "no_drift")),
        "wrong-not_null",
        "must be rejected by 'no_drift' on sqlite, but it is rejected by 'nullable'",
    ),
    "an answer with a cell that breaks": (
        (ANSWERS, "%%writefile migrations", "%%writefile nowhere"),
        "right-by_hand",
        "the cell of lessons/01_tiny/answers/01.1.md, line 12, failed with LabError",
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
        ANSWERS,
        "by nullable",
        "by column",
        "lessons/01_tiny/checks.py, line 21: nobody has seen 'nullable'",
    ),
    "an expectation that is not there": (
        ANSWERS,
        "by nullable",
        "by nulable",
        "has no expectation 'nulable'. Did you mean nullable",
    ),
    "an answer without a reason": (ANSWERS, REASON, "", "does not say why it is wrong"),
    "an answer with a word that means nothing": (
        ANSWERS,
        REASON,
        "```yaml\nwhy: why\n```\n",
        "why: there is no such field",
    ),
    "an answer with a block that means nothing": (ANSWERS, "```python", "```text", "line 5: a block begins with"),
    "an answer without a heading": (ANSWERS, NOT_NULL, "## not_null", "an answer begins with `## NAME: right` or"),
    "an edit of a cell that the solution does not have": (
        ANSWERS,
        "```python\n%%writefile",
        "```diff order.py\n-%%writefile",
        "the solution has no cell 'order.py'",
    ),
    "an answer without a cell that is not there": (
        ANSWERS,
        REASON,
        f"{REASON}\n```yaml\nwithout: [pass]\n```\n",
        "has no cell 'pass'",
    ),
    "an answer that edits what it does not start from": (
        ANSWERS,
        REASON,
        f"{REASON}\n```yaml\nstart: nothing\nwithout: [pass]\n```\n",
        "it starts from nothing",
    ),
}


@pytest.mark.parametrize("how", SPOILED_EXERCISES)
def test_a_spoiled_exercise_is_red_and_says_why(how: str, root: Path) -> None:
    *change, expected = SPOILED_EXERCISES[how]
    spoil(root, *change)
    with pytest.raises(AssertionError, match=expected):
        prove_exercise()


def test_the_solution_itself_is_no_other_answer(root: Path) -> None:
    with (root / ANSWERS).open("a", encoding="utf-8") as file:
        file.write("\n## same: right\n\n```yaml\nstart: solution\n```\n\nWhy.\n")
    with pytest.raises(AssertionError, match="it is the solution and nothing else"):
        prove_exercise()


def test_an_answer_to_no_exercise_is_red(root: Path) -> None:
    (root / ANSWERS).rename((root / ANSWERS).with_name("01.7.md"))
    with pytest.raises(AssertionError, match=r"the lesson has no exercise '01\.7'"):
        prove_exercise()


def test_a_file_that_is_not_right_is_reported_once(root: Path) -> None:
    spoil(root, ANSWERS, REASON, f"{REASON}\n```diff order.py\n-x\n```\n")
    with pytest.raises(pytest.skip.Exception, match="`test_answer_files_say_what_they_are` reports it"):
        prove_answer("wrong-not_null")
    proof.test_exercise_has_answers_that_prove_its_check(course.lesson("01"), "01.1")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (": right", "has 0 wrong answers; it needs 3"),
        (": rejected by", "has no right answer beside its solution"),
    ],
)
def test_missing_answers_are_red(kept: str, expected: str, root: Path) -> None:
    answers = re.split(r"^(?=## )", (root / ANSWERS).read_text(encoding="utf-8"), flags=re.MULTILINE)
    (root / ANSWERS).write_text("".join(each for each in answers if kept in each), encoding="utf-8")
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
