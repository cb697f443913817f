"""Answers as files: an edit of the solution fits or is refused with its line, and little is repeated."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.answer_files import Written, read_answers
from migration_lab.ground.errors import LabError
from migration_lab.making.answers import answers_of
from migration_lab.making.cells import FAILS, Cell
from migration_lab.making.edits import expand, is_cell, refuse_unknown

MODEL = """%%writefile shop.py
class User:
    id = 1
    name = 2

    def first(self):
        return 1

    def second(self):
        return 1"""
UPGRADE = "%flask db upgrade"
SHOW = "shop.schema()"
SOLUTION = [Cell(0, True, source, (), Path("exercises.md"), 1) for source in (MODEL, UPGRADE, SHOW, SHOW)]

MOST_REPEATED = 0.25  # of the lines of all answers

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the blocks of an answer, or after `fields` the YAML too; the first one stands in line 5."""

    def written(body: str) -> Path:
        path = tmp_path / "lessons" / "02_counting" / "answers" / "02.1.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"## many: rejected by column\n\nToo many.\n\n{body}".encode())
        return path

    return written


def read(path: Path) -> Written:
    (answer,) = read_answers(path)
    return answer


def cells(path: Path) -> list[str]:
    answer = read(path)
    refuse_unknown(answer.blocks)
    answer.refuse_loose()
    return [cell.source for cell in expand(answer, SOLUTION)]


def diff(lines: str, name: str = "shop.py") -> str:
    return f"```diff {name}\n{lines}\n```\n"


@pytest.mark.parametrize(
    ("lines", "old", "new"),
    [
        pytest.param("-    name = 2\n+    name = 3", "name = 2", "name = 3", id="replaced"),
        pytest.param("-    name = 2", "    name = 2\n", "", id="removed"),
        pytest.param("     id = 1\n+    age = 7", "id = 1\n", "id = 1\n    age = 7\n", id="added"),
        pytest.param(
            "     def second(self):\n-        return 1\n+        return 2",
            "second(self):\n        return 1",
            "second(self):\n        return 2",
            id="told apart by the line before",
        ),
        pytest.param("-    name = 2\n\n-    def first", "    name = 2\n\n    def first", "", id="over an empty line"),
        pytest.param(
            "-    id = 1\n+    id = 9\n@@\n-    name = 2\n+    name = 9",
            "id = 1\n    name = 2",
            "id = 9\n    name = 9",
            id="two places",
        ),
        pytest.param(
            "-%%writefile shop.py\n+%%writefile store.py", "%%writefile shop.py", "%%writefile store.py", id="the path"
        ),
    ],
)
def test_an_edit_changes_the_lines_that_it_names(lines: str, old: str, new: str, write: Write) -> None:
    if "first" in lines:
        lines, old = lines + "(self):", old + "(self):"
    assert cells(write(diff(lines))) == [MODEL.replace(old, new), UPGRADE, SHOW, SHOW]


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        pytest.param(diff("-    nam = 2"), 6, "'shop.py' has no line '    nam = 2'", id="no match"),
        pytest.param(diff("+    x\n     return 1"), 6, "the white space differs", id="indented in another way"),
        pytest.param(diff("-\tname = 2"), 6, r"this says '\tname = 2': the white space differs", id="tab"),
        pytest.param(diff("-    name = 2  "), 6, "this says '    name = 2  ': the white", id="trailing spaces"),
        pytest.param(diff("-        return 1"), 6, "this fits 'shop.py' at lines 7, 10", id="two matches"),
        pytest.param(diff("-    name = 2\n-    id = 1"), 6, "but not one after the other", id="another order"),
        pytest.param(diff("     id = 1\n+    a\n@@\n-    b"), 9, "'shop.py' has no line '    b'", id="second hunk"),
        pytest.param(diff("+    x = 1"), 6, "nothing says where these lines go", id="no place"),
        pytest.param(diff("     id = 1"), 5, "this edit changes nothing", id="no change"),
        pytest.param(diff("-    id = 1\nname"), 7, "a line of an edit begins with a space", id="no sign"),
        pytest.param(diff("-x", "order.py"), 5, "the solution has no cell 'order.py'; its cells are", id="no cell"),
        pytest.param(diff("-x", SHOW), 5, "the solution has 2 cells 'shop.schema()'; add #1", id="two cells"),
        pytest.param(diff("-x", f"{SHOW} #3"), 5, "the solution has no cell 'shop.schema() #3'", id="no third cell"),
        pytest.param("```sql\nSELECT 1\n```\n", 5, "a block begins with", id="unknown block"),
        pytest.param("```diff\n-x\n```\n", 5, "a block begins with", id="no name"),
        pytest.param("```python after x\nx\n```\n", 5, "a block begins with", id="unknown place"),
        pytest.param("```python\nx\n", 5, "this block is never closed", id="not closed"),
        pytest.param("```python\nx\n```\nIt is so.\n", 8, "this is outside any block", id="prose"),
        pytest.param(
            diff("-    id = 1") + f"```python instead shop.py\n{UPGRADE}\n```\n",
            8,
            "is edited above",
            id="edited, gone",
        ),
        pytest.param(
            "```python instead shop.py\nx\n```\n" + diff("-    id = 1"), 8, "is left out already", id="gone, edited"
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(body: str, line: int, said: str, write: Write) -> None:
    path = write(body)
    with pytest.raises(LabError) as error:
        cells(path)
    assert error.value.message.startswith(f"lessons/02_counting/answers/02.1.md, line {line}: ")
    assert said in error.value.message


def test_a_cell_that_is_not_there_cannot_be_left_out(write: Write) -> None:
    with pytest.raises(LabError, match=r"02\.1\.md, line 8: the solution has no cell '%flask'"):
        cells(write('```yaml\nwithout:\n  - shop.py\n  - "%flask"\n```\n'))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("## many\n", 1, "an answer begins with `## NAME: right` or `## NAME: rejected by EXPECTATION`, not 'many'"),
        ("# Answers\n\n## many: wrong\n", 3, "an answer begins with"),
        ("## one: right\n\n## one: rejected by x\n\n## one: right\n", 5, "there is another answer 'one' above"),
        ("```python\nx\n```\n\n## one: right\n", 1, "a heading must say which answer this block belongs to"),
        ("## one: right\n\n```yaml\nengine: [sqlite]\n```\n", 3, "engine: there is no such field"),
        ("## one: right\n\n```yaml\nstart: a: b\n```\n", 4, "mapping values"),
        ("## one: right\n\n```yaml\nstart: solution\n```\n\n```yaml\n```\n", 7, "an answer has one block of YAML"),
        ("## one: right\n\nWhy.\n\n```python\nx\n", 5, "this block is never closed"),
    ],
)
def test_a_file_that_is_not_right_is_refused_with_its_line(text: str, line: int, said: str, write: Write) -> None:
    path = write("")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError) as error:
        read_answers(path)
    assert error.value.message.startswith(f"lessons/02_counting/answers/02.1.md, line {line}: {said}")


def test_a_file_has_answers_with_their_reasons(write: Write) -> None:
    path = write("")
    text = "# Answers\n\nOf two kinds.\n\n## one: right\n\nThe\nfirst.\n\n```python\n## no heading\n```\n"
    path.write_text(f"{text}\n## one: rejected by x\n\n```yaml\nengines: [sqlite]\n```\n\nWhy.\n", encoding="utf-8")
    right, wrong = read_answers(path)
    assert (right.name, right.rejected_by, right.why, right.fields.engines) == ("one", "", "The first.", ())
    assert [block.lines for block in right.blocks] == [("## no heading",)]
    assert (wrong.name, wrong.rejected_by, wrong.why, wrong.fields.engines) == ("one", "x", "Why.", ("sqlite",))
    assert wrong.blocks == ()


def test_a_file_with_the_line_ends_of_windows_is_read_the_same(write: Write) -> None:
    body = diff("-    name = 2\n+    name = 3")
    assert cells(write(body.replace("\n", "\r\n"))) == cells(write(body))


def test_cells_are_left_out_replaced_and_added_where_it_is_said(write: Write) -> None:
    path = write(
        f"```yaml\nwithout: [shop.py, '{SHOW} #2']\n```\n\n"
        f"```python\nlast\n```\n\n```python before {UPGRADE}\nfirst\n```\n"
        f'\n```python tags=["{FAILS}"] instead {UPGRADE}\nsecond\n```\n'
    )
    expanded = expand(read(path), SOLUTION)
    assert [(cell.source, cell.tags) for cell in expanded] == [
        ("first", ()),
        ("second", (FAILS,)),
        (SHOW, ()),
        ("last", ()),
    ]


def said_twice(lesson: course.Lesson) -> tuple[list[str], int]:
    """The lines of the lesson's answers that stand in its exercises too, and how many lines the answers have.

    Empty lines do not count. In an edit, only a line that comes can be said twice, without its sign: the others quote
    the solution, and are refused when they no longer do.
    """
    exercises = set((lesson.folder / "exercises.md").read_text(encoding="utf-8").split("\n"))
    found, count = [], 0
    for answer in [each for each in answers_of(lesson) if each.kind in ("right", "wrong")]:
        assert answer.written
        for block in answer.written.blocks:
            lines = [line for line in block.lines if line.strip(" +-")]
            own = lines if is_cell(block) else [line[1:] for line in lines if line[0] == "+"]
            found += [f"{answer}: {line}" for line in own if line in exercises]
            count += len(lines)
    return found, count


def test_answers_say_what_is_different_and_little_else() -> None:
    """Three lines in four stood in the exercises too, when every answer was whole."""
    lessons = [each for each in course.lessons() if each.is_written and each.manifest.exercises]
    repeated, counts = zip(*(said_twice(lesson) for lesson in lessons), strict=True)
    assert sum(map(len, repeated)) < MOST_REPEATED * sum(counts), "\n".join(line for each in repeated for line in each)
