"""A course of two tiny lessons, so that the build is tested without the real ones."""

import textwrap
from pathlib import Path

import pytest

MANIFEST = """\
title: {title}
summary: You will have done a thing.
minutes: {{reading: 3, running: 1}}
exercises:
{exercises}"""

EXERCISE = """\
  "02.1":
    title: A ticket
    engines: [sqlite]
    hints: {question: "What is one more?", pointer: "Add."}
"""

LESSON = """\
# {title}

At the end you will have counted.

**You will learn**

- to count
- to check that you counted

**You need** nothing.

**Time** 3 minutes reading, 1 minute running.

**Not here** multiplication.

```python tags=["start"]
one = 1
```

## How many are one and one?

Guess first.

```python
lab.quiz("{number}-how-many")
```

```python
two = one + one
print(two)
```

It is shown like this:

```sql
SELECT 1 + 1
```

```python tags=["proof"]
assert two == 2
```

## In practice

Count twice.

## Keypoints

- one
- two
- three

## Quiz

```python
lab.quiz("{number}-a"); lab.quiz("{number}-b"); lab.quiz("{number}-c")
```

## Exercises

{exercises}

## Further reading

- A book about counting: it counts.
"""

EXERCISES = """\
# Exercises

Two tickets are one and one.

```python
# from migration_lab.notebook import lab
```

## 02.1 A ticket

Count on.

```python
start = 1  # lab.exercise("02.1")
```

```python tags=["stub"]
# Write here.
```

```python tags=["solution"]
print(start + 1)
```

```python
start  # lab.check("02.1")
```
"""

CHECKS = """\
from migration_lab.teaching.judging import FilesJudge


class Ticket(FilesJudge):
    exercise = "02.1"
    stub_fails = "upgrade"
"""

QUESTION = """\
- {{id: {number}-{name}, kind: number, prompt: "?", answer: 2, wrong: [], otherwise: Count.}}
"""
AGENDA = "# Teaching\n\n<!-- agenda: made by `make build` -->\n<!-- end of agenda -->\n"
README = "# Course\n\n<!-- lessons: made by `make build` -->\n<!-- end of lessons -->\n"


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a whole course with two written lessons, the second with one exercise, and a planned third."""
    root = tmp_path / "small"
    _lesson(root, "01_alone", "Alone", "", "None.")
    link = "[A ticket](../exercises/02_exercises.ipynb#02.1-A-ticket), after [lesson 01](01_alone.ipynb)."
    _lesson(root, "02_counting", "Counting", EXERCISE, link)
    (root / "lessons/02_counting/exercises.md").write_text(EXERCISES, encoding="utf-8")
    (root / "lessons/02_counting/checks.py").write_text(CHECKS, encoding="utf-8")
    planned = root / "lessons/03_later"
    planned.mkdir()
    (planned / "lesson.yaml").write_text("title: Later\nsummary: Planned.\n", encoding="utf-8")
    (root / "README.md").write_text(README, encoding="utf-8")
    (root / "docs").mkdir()
    (root / "docs/teaching.md").write_text(AGENDA, encoding="utf-8")
    (root / "pyproject.toml").write_text(
        textwrap.dedent("""\
            [project]
            name = "small"
            requires-python = ">=3.11"
            dependencies = ["flask>=3", "psycopg[binary]>=3; platform_machine != 'i686'"]
        """),
        encoding="utf-8",
    )
    monkeypatch.setenv("LAB_COURSE", str(root))
    return root


def _lesson(root: Path, slug: str, title: str, exercises: str, link: str) -> None:
    folder, number = root / "lessons" / slug, slug[:2]
    folder.mkdir(parents=True)
    manifest = MANIFEST.format(title=title, exercises=exercises or "  {}\n")
    (folder / "lesson.yaml").write_text(manifest, encoding="utf-8")
    (folder / "lesson.md").write_text(LESSON.format(title=title, number=number, exercises=link), encoding="utf-8")
    questions = "".join(QUESTION.format(number=number, name=name) for name in ("how-many", "a", "b", "c"))
    (folder / "quiz.yaml").write_text(questions, encoding="utf-8")
