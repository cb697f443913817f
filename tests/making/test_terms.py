"""Words are explained where they are first used, and lesson 00 has all of them in its glossary."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.course import Lesson, Manifest
from migration_lab.ground.errors import LabError
from migration_lab.making import terms
from migration_lab.making.cells import read_cells
from migration_lab.making.sections import sections_of

WRITTEN = """\
- {term: head, means: The last revision., explained: 02_second}
- {term: scene, means: A prepared situation., explained: 00_first, code: true}
- {term: batch mode, means: A copy., forms: "batch mode|batch_alter_table", explained: 02_second}
"""
GLOSSARY = """\
- **head** (lesson 02): The last revision.
- **scene**: A prepared situation.
- **batch mode** (lesson 02): A copy.
"""
FIRST = f"""\
A scene is promised.

```python tags=["start"]
shop = 1
```

## What is there?

Another *scene*:

```python
lab.open("01", scene="ready")
```

## Words

{GLOSSARY}
"""
SECOND = """\
```python tags=["start"]
shop = 1
```

## Where?

The last one is the *head*. In *batch mode* a table is copied.

## Further reading

Of heads.
"""

Faults = Callable[[str, str], list[str]]


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons/terms.yaml").write_text(WRITTEN, encoding="utf-8")
    monkeypatch.setenv("LAB_COURSE", str(tmp_path))

    def found(slug: str, text: str) -> list[str]:
        folder = tmp_path / "lessons" / slug
        folder.mkdir(exist_ok=True)
        (folder / "lesson.md").write_text(text, encoding="utf-8")
        manifest = Manifest(title="A", summary="B")
        lesson = Lesson(folder=folder, manifest=manifest)
        return list(terms.term_faults(lesson, sections_of(read_cells(folder / "lesson.md"))))

    return found


def test_lessons_that_explain_their_words_have_no_faults(faults: Faults) -> None:
    assert faults("00_first", FIRST) == []
    assert faults("02_second", SECOND) == []
    assert faults("03_third", "## Heads\n\nThe head of a batch_alter_table.") == []


@pytest.mark.parametrize(
    ("slug", "text", "complaint"),
    [
        ("00_first", FIRST.replace("*scene*", "one"), "line 12 (cell 4): the word 'scene' is used first here: explain"),
        (
            "00_first",
            FIRST.replace("Another *scene*", "The HEAD of a *scene*"),
            "'head' is explained later, in 02_second",
        ),
        ("00_first", FIRST.replace("A copy.", "A table."), "the section 'Words' does not have what lessons/terms.yaml"),
        ("00_first", FIRST.replace("## Words", "## Terms"), "is explained later"),
        ("01_other", "## Where?\n\nWith `op.batch_alter_table`.", "'batch mode' is explained later, in 02_second"),
        ("02_second", SECOND.replace("*head*", "head"), "lesson.md, line 5 (cell 2): the word 'head' is used first"),
        ("02_second", SECOND.replace("*head*", "end"), "lessons/terms.yaml says that it explains 'head'"),
        ("02_second", SECOND.replace("## Where?", "## The head\n\nIt is.\n\n## Where?"), "'head' is used first here"),
    ],
)
def test_a_word_that_comes_too_early_is_named(faults: Faults, slug: str, text: str, complaint: str) -> None:
    found = faults(slug, text)
    assert any(complaint in fault for fault in found), found


def test_other_words_that_hold_a_term_are_not_meant(faults: Faults) -> None:
    assert faults("01_other", "## What is ahead?\n\nNothing is overhead, in obscene batches or modes.") == []


def test_a_file_that_cannot_be_read_is_named(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "lessons/terms.yaml").write_text("- {term: head}", encoding="utf-8")
    with pytest.raises(LabError, match=r"lessons/terms\.yaml: means: Field required"):
        faults("00_first", FIRST)


def test_a_course_without_the_file_has_no_words(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "lessons/terms.yaml").unlink()
    assert faults("01_other", "## The head\n\nOf a scene.") == []


def test_each_word_names_a_lesson_of_the_course() -> None:
    slugs = {each.slug for each in course.lessons()}
    assert [term.term for term in terms.terms() if term.explained not in slugs] == []
