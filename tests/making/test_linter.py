"""The template of a lesson: each rule is broken once, and the message says where and why."""

from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making import build, linter
from tests.making.changing import change


def faults(slug: str = "02_counting") -> list[str]:
    lesson = course.lesson(slug)
    lesson_cells, exercise_cells = build.cells_of(lesson)
    return [*linter.lesson_faults(lesson, lesson_cells), *linter.exercise_faults(lesson, exercise_cells)]


def test_a_lesson_that_keeps_the_template_has_no_faults(small_course: Path) -> None:
    assert faults("01_alone") == []
    assert faults("02_counting") == []


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("lesson.md", "# Counting", "# Adding", "its title is not that of lesson.yaml, `# Counting`"),
        ("lesson.md", "have counted.", "have counted. And more.", "after the title comes one sentence"),
        ("lesson.md", "**You need**", "You need", "no paragraph **You need**"),
        (
            "lesson.md",
            "**You need** nothing",
            "**You need** [it](01_alone.ipynb)",
            "**You need** links to 01_alone, and",
        ),
        ("lesson.yaml", "minutes:", "needs: [01_alone]\nminutes:", "`needs` of lesson.yaml names 01_alone"),
        ("lesson.md", "**Not here**", "Not here", "no paragraph **Not here**"),
        ("lesson.md", "- to count\n", "", "two to four bullets; it has 1"),
        ("lesson.md", "3 minutes", "5 minutes", "does not say 3 minutes reading"),
        ("lesson.md", ' tags=["start"]', "", "one cell tagged `start`"),
        ("lesson.md", "one and one?", "one and one.", "section 'How many are one and one.': it asks no question"),
        ("lesson.md", 'lab.quiz("02-how-many")', "1", "the reader commits to no prediction"),
        ("lesson.md", 'lab.quiz("02-how-many")', 'lab.quiz("02-no-such")', "quiz.yaml has no question '02-no-such'"),
        ("lesson.md", 'lab.quiz("02-c")', "print(3)", "quiz.yaml: no cell asks '02-c'"),
        ("lesson.md", "assert two == 2", "assert two == 2; lab.compare('02-b2')", "has no question '02-b2'"),
        ("lesson.md", ' tags=["proof"]', "", "nothing is proven"),
        ("lesson.md", "assert two == 2", "two == 2", "line 40 (cell 7): a proof cell has an `assert`"),
        ("lesson.md", "## In practice", "## Monday", "it must end with the sections In practice, Keypoints"),
        ("lesson.md", "- one\n", "", "*Keypoints* has three to six points; it has 2"),
        ("lesson.md", '\nlab.quiz("02-c")', "", "*Quiz* asks three to six questions; it asks 2"),
        ("lesson.md", "../exercises/02_exercises.ipynb#02.1-A-ticket", "01_alone.ipynb", "*Exercises* has no link"),
        ("lesson.md", "Count twice.", "", "*In practice* is empty"),
        ("lesson.md", "print(two)", "!flask db upgrade", "cells do not use a shell; use %flask"),
        ("lesson.md", "print(two)", "%%bash\nflask db upgrade", "cells do not use a shell"),
        ("lesson.md", "print(two)", "import subprocess", "cells do not use a subprocess"),
        ("lesson.md", "print(two)", "import os; os.chdir('x')", "cells do not use os.chdir"),
        ("lesson.md", "print(two)", "from psycopg import connect", "cells do not use a database driver"),
        ("lesson.md", "print(two)", "\n".join(["print(two)"] * 11), "12 lines are too many for one cell"),
        ("lesson.md", "Guess first.", "![](picture.png)", "an image has no alt text"),
        ("lesson.md", "Guess first.", '<img src="picture.png">', "an image has no alt text"),
        ("lesson.yaml", "minutes: {reading: 3, running: 1}\n", "", "`minutes` is missing"),
        ("lesson.yaml", "reading: 3,", "reading: 30,", "`minutes` say 30 reading and 1 running; reading and"),
        ("lesson.yaml", "minutes:", "engines: [postgres, sqlite]\nminutes:", "`engines` ends with postgres"),
        ("lesson.yaml", "minutes:", "failures: [F99]\nminutes:", "the field guide has no card F99"),
        ("quiz.yaml", "answer: 2, ", "", "question 02-how-many: answer: Field required"),
        ("quiz.yaml", "id: 02-a", "id: 01-a", "the id of question 01-a must begin with the lesson's number"),
        ("checks.py", '"02.1"', '"02.2"', "exercise 02.1 cannot be used: lessons/02_counting/checks.py holds 0 judges"),
        ("checks.py", '"02.1"', '"02.2"', "of it, beside those of 02.2"),
        (
            "checks.py",
            "class Ticket",
            "unheard_of\n\n\nclass Ticket",
            "is not defined (checks.py, line",
        ),
        ("checks.py", "import FilesJudge", "import FileJudge", "exercise 02.1 cannot be used: ImportError"),
        (
            "checks.py",
            "    stub_fails",
            '    changes = ("users.timezone.default",)\n    stub_fails',
            "put `users.timezone` in `defaults`",
        ),
        ("checks.py", "    stub_fails", '    changes = ("users.email.length",)\n    stub_fails', "email` in `changes`"),
        ("exercises.md", "migration_lab.notebook import lab", "lab", "its first code cell has `from migration_lab"),
        ("exercises.md", "lab.exercise(", "lab.open(", "exercise 02.1: no cell calls lab.exercise('02.1')"),
        ("exercises.md", 'lab.check("02.1")', 'lab.check("02.2")', "no cell calls lab.check('02.1')"),
        ("exercises.md", "# Write here.", "!ls", "exercises.md, line 18 (cell 5): cells do not use a shell"),
    ],
)
def test_a_broken_rule_is_named(small_course: Path, file: str, before: str, after: str, complaint: str) -> None:
    change(small_course, file, before, after)
    found = faults()
    assert any(complaint in fault for fault in found), found
    assert all(fault.startswith("lessons/02_counting/") for fault in found)


def test_an_answer_that_names_no_expectation_is_named_with_the_nearest_one(small_course: Path) -> None:
    """Before any cell runs: the proof of a whole lesson comes to its answers after minutes."""
    path = small_course / "lessons/02_counting/answers/02.1.md"
    path.parent.mkdir()
    answer = "Why.\n\n```python\nprint(3)\n```\n"
    path.write_text(f"## one: rejected by upgrade\n\n{answer}\n## two: rejected by upgrad\n\n{answer}")
    (found,) = faults()
    assert found.startswith("lessons/02_counting/answers/02.1.md, line 9: exercise 02.1 has no expectation 'upgrad'. ")
    assert "Did you mean upgrade? Its expectations are upgrade, no_other_change, downgrade," in found


def test_words_that_the_house_style_refuses_are_named_with_plainer_ones(small_course: Path) -> None:
    word = "Ane" + "w"  # in two parts, because the rule is for this file as well
    change(small_course, "checks.py", "class Ticket", f"# {word} for `14-me{'nd'}-it`.\nclass Ticket")
    lesson = course.lesson("02_counting")
    with pytest.raises(LabError) as caught:
        linter.refuse_faults(lesson, *build.cells_of(lesson))
    place = "lessons/02_counting/checks.py, line 4"
    assert caught.value.message == f"{place}: “{word}” is against the house style; plainer: again."


def test_a_prediction_after_the_run_is_refused(small_course: Path) -> None:
    change(small_course, "lesson.md", 'lab.quiz("02-how-many")', "one")
    change(small_course, "lesson.md", "print(two)", 'print(two)\n```\n\n```python\nlab.quiz("02-how-many")')
    assert any("the prediction comes after the run" in fault for fault in faults())


def test_a_file_written_by_a_cell_may_be_longer(small_course: Path) -> None:
    change(small_course, "lesson.md", "two = one + one\nprint(two)", "%%writefile a.py\n" + "x = 1\n" * 40)
    assert faults() == []
    change(small_course, "lesson.md", "%%writefile a.py\n", "%%writefile a.py\ny = 2\n")
    assert any("41 lines are too many for one cell; the limit is 40" in fault for fault in faults())


def test_a_file_written_by_a_cell_may_import_a_driver(small_course: Path) -> None:
    change(small_course, "lesson.md", "two = one + one\nprint(two)", "%%writefile a.py\nimport sqlite3\n")
    assert faults() == []
    change(small_course, "lesson.md", "import sqlite3\n", "import subprocess\n")
    assert any("cells do not use a subprocess" in fault for fault in faults())


def test_words_inside_prose_are_not_code(small_course: Path) -> None:
    change(small_course, "lesson.md", "Guess first.", "`import psycopg` and `!ls` are not used here.")
    assert faults() == []


def test_an_exercise_without_a_judge_is_refused(small_course: Path) -> None:
    (small_course / "lessons/02_counting/checks.py").unlink()
    assert faults() == ["lessons/02_counting/checks.py is missing; it holds the judge of exercise 02.1."]
