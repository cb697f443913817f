"""Minutes are estimated by one formula, and lessons in parts give the minutes of each."""

from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making import agenda, build, linter, readme
from migration_lab.making.cells import read_cells
from migration_lab.making.minutes import counted, minutes_for
from migration_lab.making.parts import cells_of_part
from migration_lab.teaching import quiz
from tests.making.changing import change
from tests.making.test_linter import faults

# Words, lines of code and questions of nine lessons, and how many minutes they took people who worked through them for
# the first time.
TAKEN = [
    (1512, 35, 8, 16.5),
    (1557, 69, 9, 18),
    (2624, 94, 13, 30),
    (2923, 245, 12, 45),
    (4215, 422, 17, 82),
    (4122, 276, 16, 65),
    (3843, 292, 16, 60),
    (3561, 271, 15, 50),
    (3287, 229, 13, 45),
]

PARTS = """\
parts:
- {title: One, section: How many are one and one?, minutes: {reading: 1, running: 1}}
- {title: More, section: How many are two and two?, minutes: {reading: 2, running: 0}}
"""
SECOND = """\
## How many are two and two?

```python tags=["start"]
from migration_lab.notebook import lab
two = 2
```

```python
lab.quiz("02-how-many")
```

```python
four = two + two
```

```python tags=["proof"]
assert four == 4
```

## In practice
"""


@pytest.mark.parametrize(("words", "lines", "questions", "taken"), TAKEN)
def test_the_formula_gives_the_time_that_people_took(words: int, lines: int, questions: int, taken: float) -> None:
    assert minutes_for(words, lines, questions) == pytest.approx(taken, rel=0.12)


def test_words_code_and_questions_count(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_text("word " * 1500 + "\n\n```python\n" + "x = 1\n" * 100 + "```\n", encoding="utf-8")
    cells = read_cells(path)
    assert counted(cells, []) == 20
    questions = [quiz.find("06-crash-on-postgres")] * 8
    assert counted(cells, questions) > 22


def in_parts(root: Path) -> None:
    change(root, "lesson.yaml", "minutes: {reading: 3, running: 1}\n", PARTS)
    change(root, "lesson.md", "## In practice\n", SECOND)
    change(root, "lesson.md", "3 minutes reading, 1 minute running", "3 minutes reading (1 and 2) and 1 running")


def test_the_minutes_of_a_lesson_in_parts_are_their_sum(small_course: Path) -> None:
    in_parts(small_course)
    assert faults() == []
    assert course.lesson("02").manifest.minutes == course.Minutes(reading=3, running=1)
    assert "| 4 min in 2 parts |" in readme.table()
    assert "| 02 Counting, in 2 parts | 3 | 1 |" in agenda.table()
    change(small_course, "lesson.yaml", "parts:", "minutes: {reading: 3, running: 1}\nparts:")
    with pytest.raises(LabError, match="minutes: leave it out where there are `parts`"):
        course.lessons()


def test_more_than_45_minutes_are_for_two_evenings(small_course: Path) -> None:
    in_parts(small_course)
    change(small_course, "lesson.yaml", "minutes: {reading: 2,", "minutes: {reading: 46,")
    assert any("of the part 'More' say 46 reading, which is more than 45. Divide it" in each for each in faults())


def test_a_later_part_begins_with_its_own_start(small_course: Path) -> None:
    in_parts(small_course)
    lesson = course.lesson("02")
    own = cells_of_part(lesson, build.cells_of(lesson)[0], lesson.manifest.parts[1])
    assert own[0].source.startswith("## How many are two and two?")
    assert own[1].tags == ("start",)
    assert own[-1].source.startswith("## Further reading")


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("lesson.yaml", "How many are two and two?", "How many?", "begins at no section of lesson.md: 'How many?'"),
        ("lesson.yaml", "section: How many are one and one?", "section: How many are two and two?", "in the order of"),
        ("lesson.yaml", "reading: 2", "reading: 20", "`minutes` of the part 'More' say 20 reading and 0 running"),
        ("lesson.yaml", "reading: 2", "reading: 4", "does not say 4 minutes for the part 'More'"),
        ("lesson.md", ' tags=["start"]\nfrom', "\nfrom", "a part begins with one cell tagged `start`"),
        ("lesson.md", "from migration_lab.notebook import lab\ntwo", "two", "which has `from migration_lab.notebook"),
        ("lesson.md", "```python\ntwo = one", '```python tags=["start"]\ntwo = one', "or where a part begins"),
    ],
)
def test_a_part_that_breaks_a_rule_is_named(
    small_course: Path, file: str, before: str, after: str, complaint: str
) -> None:
    in_parts(small_course)
    change(small_course, file, before, after)
    assert any(complaint in fault for fault in faults()), faults()


def test_a_lesson_without_parts_has_one_start(small_course: Path) -> None:
    change(small_course, "lesson.md", "## In practice\n", SECOND)
    lesson = course.lesson("02")
    assert any("or where a part begins" in fault for fault in linter.lesson_faults(lesson, build.cells_of(lesson)[0]))
