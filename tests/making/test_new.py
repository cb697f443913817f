"""What authors begin with: working files, with lines in them that never land."""

import re
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making import build, linter, new
from migration_lab.making.answers import answers_of
from migration_lab.making.giving import give

UNWRITTEN = re.compile(r"lessons/04_names_and_constraints/\S+, line \d+: this is to be written: \S")
FOLDER = "lessons/04_names_and_constraints"
pytestmark = pytest.mark.usefixtures("lesson_04_planned")


def faults(slug: str, only: str | None = None) -> list[str]:
    lesson = course.lesson(slug)
    lesson_cells, exercise_cells = build.cells_of(lesson)
    try:
        linter.refuse_faults(lesson, lesson_cells, exercise_cells, only=only)
    except LabError as error:
        return error.message.splitlines()
    return []


def write_all(folder: Path) -> None:
    """As if each line had been written."""
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        path.write_text(path.read_text(encoding="utf-8").replace("TO BE WRITTEN", "Written"), encoding="utf-8")


def test_a_new_lesson_has_no_fault_but_what_is_to_be_written(course_copy: Path) -> None:
    planned = {path: path.read_bytes() for path in (course_copy / FOLDER / "leaves").rglob("*") if path.is_file()}
    new.new_lesson("04", say=lambda _: None)
    found = faults("04")
    assert [each for each in found if not UNWRITTEN.match(each)] == []
    unwritten = {each.partition(",")[0] for each in found}
    made = {path for path in (course_copy / FOLDER).rglob("*") if path.is_file()} - set(planned)
    assert unwritten == {path.relative_to(course_copy).as_posix() for path in made}, "each file says what belongs there"
    assert all(path.read_bytes() == text for path, text in planned.items())
    write_all(course_copy / FOLDER)
    assert faults("04") == []


def test_a_new_exercise_is_looked_at_alone(course_copy: Path) -> None:
    new.new_lesson("04", say=lambda _: None)
    write_all(course_copy / FOLDER)
    new.new_exercise("04.2", say=lambda _: None)
    assert list(course.lesson("04").manifest.exercises) == ["04.1", "04.2"]
    assert faults("04", only="04.1") == []
    assert faults("04", only="04.2") == faults("04") != []


@pytest.mark.parametrize("number", ["03", "09", "13"])
def test_an_exercise_joins_those_that_a_lesson_has(number: str, course_copy: Path) -> None:
    lesson = course.lesson(number)
    before = list(lesson.manifest.exercises)
    new.new_exercise(f"{number}.{len(before) + 1}", say=lambda _: None)
    assert list(course.lesson(number).manifest.exercises) == [*before, f"{number}.{len(before) + 1}"]
    write_all(lesson.folder)
    assert faults(number) == []


@pytest.mark.usefixtures("home")
def test_the_answers_of_a_new_exercise_are_what_they_say(course_copy: Path) -> None:
    new.new_lesson("04", say=lambda _: None)
    for answer in answers_of(course.lesson("04")):
        (judged,) = give(answer, "sqlite", ["sqlite"]).engines
        found = judged.unmet.expectation.id if judged.unmet else ""
        assert found == {"stub": "column", "wrong": "column"}.get(answer.kind, ""), answer


def test_a_lesson_that_is_not_planned_gets_a_folder(course_copy: Path) -> None:
    new.new_lesson("18_many_databases", say=lambda _: None)
    assert course.lesson("18").manifest.title == "Many databases"
    assert all("this is to be written" in each for each in faults("18"))


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (new.new_lesson, "03", "Lesson 03 is there already: lessons/03_review_autogenerate/lesson.md. `lab new exer"),
        (new.new_lesson, "99", "There is no lesson '99'. For a new one give its whole name"),
        (new.new_lesson, "03_something_else", "Lesson 03 is there already. It is 03_review_autogenerate."),
        (new.new_exercise, "03.1", "Something of exercise 03.1 is there already in lessons/03_review_autogenerate: le"),
        (new.new_exercise, "03.9", "03.9 is not the next exercise of its lesson. Run `lab new exercise 03.4`."),
        (new.new_exercise, "04.1", "Lesson 04 is planned. Run `lab new lesson 04`"),
    ],
)
def test_what_is_there_is_left_alone(make: object, name: str, said: str, course_copy: Path) -> None:
    assert callable(make)
    files = sorted(course_copy.rglob("*"))
    with pytest.raises(LabError, match=re.escape(said)):
        make(name)
    assert sorted(course_copy.rglob("*")) == files


def test_a_file_of_an_exercise_that_nothing_names_is_left_alone(course_copy: Path) -> None:
    left = course_copy / "lessons/03_review_autogenerate/answers/03.4.md"
    left.write_text("mine", encoding="utf-8")
    with pytest.raises(LabError, match=r"there already .*: answers/03\.4\.md\. Delete it first"):
        new.new_exercise("03.4")
    assert left.read_text(encoding="utf-8") == "mine"
