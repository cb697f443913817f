"""Notebooks from lessons: the right cells, the same bytes, and a refusal of everything that is out of date."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making import build, notebooks, solutions
from migration_lab.teaching import hints
from tests.making.changing import change

ANSWER = """\
# Answers to 02.1

## only_one: rejected by upgrade

One is too few.

```python
print(1)
```
"""
START = 'start = 1  # lab.exercise("02.1")'

LESSON, EXERCISES, SOLUTIONS = (
    "notebooks/02_counting.ipynb",
    "exercises/02_exercises.ipynb",
    "solutions/02_counting.ipynb",
)


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solutions count as run, so that a test of something else need not wait for a kernel."""

    def ran(notebook: dict[str, Any], *, title: str) -> dict[str, Any]:
        cells = [{**cell, "execution_count": 1} if "outputs" in cell else cell for cell in notebook["cells"]]
        return {**notebook, "cells": cells}

    monkeypatch.setattr(solutions, "executed", ran)


def notebook(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook(path)["cells"]]


@pytest.mark.usefixtures("no_kernel")
def test_each_lesson_becomes_its_notebooks(small_course: Path) -> None:
    said: list[str] = []
    build.build(say=said.append)
    made = sorted(path.relative_to(small_course).as_posix() for path in small_course.glob("*/*.ipynb"))
    assert made == [
        "exercises/02_exercises.ipynb",
        "notebooks/01_alone.ipynb",
        "notebooks/02_counting.ipynb",
        "notebooks/contents.ipynb",
        "solutions/02_counting.ipynb",
    ]
    assert said[0] == "Running solutions/02_counting.ipynb."
    heading, *files = said[-1].splitlines()
    assert heading == f"Wrote {len(files)} files:"
    assert {f"  {each}" for each in made} < set(files), "the pages with tables, too"
    for path in small_course.glob("*/*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.usefixtures("no_kernel")
def test_exercises_have_stubs_and_no_solutions_and_solutions_the_reverse(small_course: Path) -> None:
    build.build()
    exercises, solved = sources(small_course / EXERCISES), sources(small_course / SOLUTIONS)
    assert "# Write here." in exercises
    assert "print(start + 1)" not in exercises
    assert "print(start + 1)" in solved
    assert "# Write here." not in solved


def test_outputs_are_kept_in_solutions_only(small_course: Path) -> None:
    build.build()
    for name, expected in ((LESSON, []), (EXERCISES, []), (SOLUTIONS, [["2\n"], ["1"]])):
        cells = notebook(small_course / name)["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert [output.get("text") or output["data"]["text/plain"] for output in outputs] == expected


def test_a_second_build_writes_nothing_and_the_check_agrees(small_course: Path) -> None:
    build.build()
    before = {path: path.read_bytes() for path in small_course.rglob("*") if path.is_file()}
    said: list[str] = []
    build.build(say=said.append)
    assert said == ["Running solutions/02_counting.ipynb.", "Every file was up to date."]
    said.clear()
    build.build(check=True, say=said.append)
    build.build("02", check=True, say=said.append)
    assert said == ["All is as it should be.", "Lesson 02 is as it should be."]
    assert {path: path.read_bytes() for path in small_course.rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("no_kernel")
def test_the_build_of_one_lesson_writes_the_tables_too(small_course: Path) -> None:
    said: list[str] = []
    build.build("01", say=said.append)
    assert {"  README.md", "  docs/teaching.md"} <= set(said[-1].splitlines())
    build.build("02")
    said.clear()
    build.build("02", check=True, say=said.append)
    assert "| 02 Counting | 3 | 1 |" in (small_course / "docs/teaching.md").read_text(encoding="utf-8")
    readme = small_course / "README.md"
    written = readme.read_text(encoding="utf-8")
    assert "[02 Counting](notebooks/02_counting.ipynb)" in written
    readme.write_text(written.replace("02 Counting", "02 Counted"), encoding="utf-8")
    with pytest.raises(LabError, match=r"README\.md is not what a fresh build makes"):
        build.build("02", check=True, say=said.append)


def test_what_a_command_says_about_the_time_is_stored_as_always_the_same(small_course: Path) -> None:
    change(small_course, "exercises.md", "print(start + 1)", 'print("Create Date: 2031-02-03 04:05:06.789")')
    build.build("02")
    cells = notebook(small_course / "solutions/02_counting.ipynb")["cells"]
    texts = [output["text"] for cell in cells for output in cell.get("outputs", []) if "text" in output]
    assert texts == [["Create Date: 2026-01-05 09:00:00.000000\n"]]


@pytest.mark.usefixtures("no_kernel")
def test_cells_carry_their_exercise_and_an_id_that_both_notebooks_share(small_course: Path) -> None:
    build.build()
    by_source = {}
    for name in (EXERCISES, SOLUTIONS):
        cells = [cell for cell in notebook(small_course / name)["cells"] if not cell["id"].endswith("-next")]
        assert [cell["metadata"].get("exercise") for cell in cells] == [None, None, *["02.1"] * (len(cells) - 2)]
        by_source[name] = {"".join(cell["source"]): cell["id"] for cell in cells}
    assert by_source[EXERCISES][START] == by_source[SOLUTIONS][START] == "02-exercises-004"


@pytest.mark.usefixtures("no_kernel")
def test_only_python_runs_and_other_fences_are_shown_as_they_are(small_course: Path) -> None:
    build.build()
    cells = notebook(small_course / "notebooks/02_counting.ipynb")["cells"]
    shown = next(cell for cell in cells if "SELECT" in "".join(cell["source"]))
    assert shown["cell_type"] == "markdown"
    assert "```sql\nSELECT 1 + 1\n```" in "".join(shown["source"])


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("exercises.md", '["solution"]', '["soluton"]', "line 22 (cell 6): The tag soluton is unknown."),
        ("exercises.md", 'tags=["stub"]', 'tag=["stub"]', "line 18 (cell 5): The attribute tag means nothing."),
        ("exercises.md", '["stub"]', '["stub", "solution"]', "A cell is a solution or a stub, not both."),
        (
            "exercises.md",
            'tags=["stub"]',
            'tags="stub"',
            "02_counting/exercises.md, line 17: these tags cannot be read",
        ),
        (
            "exercises.md",
            'tags=["stub"]',
            "tags=[stub]",
            "02_counting/exercises.md, line 17: these tags cannot be read",
        ),
        ("exercises.md", ' tags=["stub"]', "", "line 9 (cell 3): Exercise 02.1 has no cell tagged 'stub'."),
        ("exercises.md", ' tags=["solution"]', "", "Exercise 02.1 has no cell tagged 'solution'."),
        ("exercises.md", "## 02.1", "## 02.7", "Exercise 02.7 is not in lesson.yaml."),
        ("exercises.md", "## 02.1 A ticket", "## A ticket", "This cell belongs to no exercise."),
        ("exercises.md", 'start  # lab.check("02.1")\n```\n', "start\n", "line 25: this fence is never closed."),
        ("exercises.md", "## 02.1", "<!-- #region -->\n\n## 02.1", "this region is never closed."),
        ("lesson.md", '["proof"]', '["solution"]', "A lesson has no solution or stub."),
    ],
)
def test_what_could_leak_a_solution_is_refused(
    small_course: Path, file: str, before: str, after: str, complaint: str
) -> None:
    change(small_course, file, before, after)
    with pytest.raises(LabError) as error:
        build.build()
    assert f"lessons/02_counting/{file}" in error.value.message
    assert complaint in error.value.message


def test_a_solution_that_fails_is_refused_with_its_cell(small_course: Path) -> None:
    change(small_course, "exercises.md", "print(start + 1)", "print(absent)")
    ends = r"solutions/02_counting.ipynb does not run\. It ends in cell 6, lessons/02_counting/exercises\.md, line 22:"
    with pytest.raises(LabError, match=rf"{ends}(.|\n)*NameError"):
        build.build()


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("notebooks/02_counting.ipynb", "notebooks/02_counting.ipynb is not what a fresh build makes"),
        ("exercises/02_exercises.ipynb", "exercises/02_exercises.ipynb is not what a fresh build makes"),
        ("solutions/02_counting.ipynb", "does not have the cells of lessons/02_counting/exercises.md"),
        ("README.md", "README.md is not what a fresh build makes"),
        ("environment.yml", "environment.yml is not what a fresh build makes"),
    ],
)
@pytest.mark.usefixtures("no_kernel")
def test_the_check_finds_an_edit_by_hand(small_course: Path, file: str, complaint: str) -> None:
    build.build()
    path = small_course / file
    changed = path.read_text(encoding="utf-8")
    for word, other in (("ticket", "task"), ("one = 1", "one = 2"), ("Planned", "Soon"), ("flask", "django")):
        changed = changed.replace(word, other)
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(LabError, match=complaint):
        build.build(check=True)
    assert path.read_text(encoding="utf-8") == changed, "a check writes nothing"


@pytest.mark.usefixtures("no_kernel")
def test_the_check_refuses_a_solution_that_was_never_run(small_course: Path) -> None:
    build.build()
    path = small_course / "solutions/02_counting.ipynb"
    unrun = notebooks.without_outputs(notebook(path))
    path.write_text(notebooks.as_json(unrun), encoding="utf-8")
    with pytest.raises(LabError, match="it was never run"):
        build.build(check=True)


def test_the_check_refuses_a_hint_with_an_earlier_reason(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third hint says why each wrong answer is wrong, and no cell of the exercise changes with a reason."""
    check = 'start  # lab.check("02.1")\n```'
    change(small_course, "exercises.md", check, f'{check}\n\n```python\nlab.hint("02.1")\n```')
    answers = small_course / "lessons/02_counting/answers/02.1.md"
    answers.parent.mkdir()
    answers.write_text(ANSWER, encoding="utf-8")

    def ran(notebook: dict[str, Any], *, title: str) -> dict[str, Any]:
        for cell in (each for each in notebook["cells"] if "outputs" in each):
            cell["execution_count"] = 1
            if "lab.hint" in cell["source"][0]:
                shown = hints.last(course.lesson("02"), "02.1").as_markdown()
                data = {"text/markdown": shown.splitlines(keepends=True)}
                cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data}]
        return notebook

    monkeypatch.setattr(solutions, "executed", ran)
    build.build()
    build.build(check=True)
    answers.write_text(ANSWER.replace("too few", "not enough"), encoding="utf-8")
    with pytest.raises(LabError, match=r"solutions/02_counting\.ipynb, cell .*: a reason has changed since it ran"):
        build.build(check=True)


@pytest.mark.usefixtures("no_kernel")
def test_a_notebook_of_no_lesson_is_refused(small_course: Path) -> None:
    build.build()
    (small_course / "notebooks/04_gone.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(LabError, match=r"notebooks/04_gone.ipynb belongs to no lesson"):
        build.build(check=True)


def test_a_lesson_of_exercises_without_their_file_is_refused(small_course: Path) -> None:
    (small_course / "lessons/02_counting/exercises.md").unlink()
    with pytest.raises(LabError, match=r"exercises\.md is missing"):
        build.build()


@pytest.mark.usefixtures("no_kernel")
def test_one_lesson_alone_can_be_built(small_course: Path) -> None:
    build.build("02")
    assert not (small_course / "notebooks/01_alone.ipynb").exists()
    assert (small_course / "notebooks/02_counting.ipynb").exists()


@pytest.mark.usefixtures("no_kernel")
def test_the_check_of_one_lesson_looks_at_its_links(small_course: Path) -> None:
    change(small_course, "lesson.md", "Count twice.", "[Count](03_no_such.ipynb) twice.")
    build.build("01")
    build.build("02")
    with pytest.raises(LabError, match=r"the link 03_no_such\.ipynb leads to no file"):
        build.build("02", check=True)


def test_a_planned_lesson_cannot_be_built(small_course: Path) -> None:
    (small_course / "lessons/02_counting/lesson.md").unlink()
    with pytest.raises(LabError, match="Lesson 02 is planned"):
        build.build("02")


def test_the_readme_table_has_a_row_for_each_lesson(small_course: Path) -> None:
    build.build()
    rows = [line for line in (small_course / "README.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    assert rows[2] == "| [01 Alone](notebooks/01_alone.ipynb) | You will have done a thing. | 4 min | |"
    assert rows[3].endswith("| 4 min | [1](exercises/02_exercises.ipynb) |")
    assert rows[4] == "| 03 Later | Planned. | planned | |"


@pytest.mark.usefixtures("no_kernel")
def test_a_readme_without_a_place_for_the_table_is_refused(small_course: Path) -> None:
    (small_course / "README.md").write_text("# Course\n", encoding="utf-8")
    with pytest.raises(LabError, match="no place for the lesson table"):
        build.build()


@pytest.mark.usefixtures("no_kernel")
def test_the_agenda_adds_up_the_minutes_of_the_lessons_that_are_written(small_course: Path) -> None:
    build.build()
    rows = [
        line for line in (small_course / "docs/teaching.md").read_text(encoding="utf-8").splitlines() if "|" in line
    ]
    assert rows[2:] == ["| 01 Alone | 3 | 1 | 4 |  |", "| 02 Counting | 3 | 1 | 8 | 02.1 |"]


@pytest.mark.usefixtures("no_kernel")
def test_a_page_without_a_place_for_the_agenda_is_refused(small_course: Path) -> None:
    (small_course / "docs/teaching.md").write_text("# Teaching\n", encoding="utf-8")
    with pytest.raises(LabError, match="no place for the agenda"):
        build.build()


def test_a_cell_that_must_fail_fails_and_those_after_it_run() -> None:
    ran = solutions.executed(_of_cells("1 / 0", "print('after it')"), title="solutions/tagged.ipynb")
    assert ran["cells"][0]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert ran["cells"][1]["outputs"][0]["text"] == ["after it\n"]


def test_a_cell_that_must_fail_and_does_not_is_refused() -> None:
    with pytest.raises(LabError, match="nothing fails in cell c0, which is tagged 'raises-exception'"):
        solutions.executed(_of_cells("1"), title="solutions/tagged.ipynb")


def _of_cells(must_fail: str, *others: str) -> dict[str, Any]:
    made = [
        nbformat.v4.new_code_cell(source, id=f"c{number}", metadata={"tags": [] if number else ["raises-exception"]})
        for number, source in enumerate((must_fail, *others))
    ]
    return dict(nbformat.v4.new_notebook(cells=made))


def solved(check: str, verdict: str) -> dict[str, Any]:
    shown = {"output_type": "display_data", "data": {"text/plain": f"Exercise 02.1: A ticket\n{verdict}\n\nSQLite"}}
    cell = {"cell_type": "code", "source": [check], "outputs": [shown], "metadata": {"exercise": "02.1"}}
    return {"cells": [{"cell_type": "markdown", "source": ["## 02.1"], "metadata": {"exercise": "02.1"}}, cell]}


def test_a_solution_that_does_not_pass_is_refused_with_what_the_check_said(small_course: Path) -> None:
    lesson = course.lesson("02")
    solutions.refuse_unpassed(lesson, solved('lab.check("02.1")', "Passed on SQLite and PostgreSQL."))
    solutions.refuse_unpassed(lesson, solved('print(1)  # lab.check("02.1")', "1"))
    with pytest.raises(LabError, match=r"(?s)exercise 02\.1 does not pass:.*Not there yet on SQLite"):
        solutions.refuse_unpassed(lesson, solved('lab.check("02.1")', "Not there yet on SQLite."))


def test_a_cell_that_fails_on_one_engine_is_told_with_the_engine() -> None:
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook["cells"] = [
        {"cell_type": "code", "id": "a", "source": ["1 / 0"], "outputs": [], "execution_count": None, "metadata": {}}
    ]
    with pytest.raises(LabError, match=r"On postgres: notebooks/a\.ipynb does not run") as error:
        solutions.executed(notebook, title="notebooks/a.ipynb", engine="postgres")
    assert "ZeroDivisionError" in error.value.message
