"""Answers to exercises: finds them in the lessons' folders and gives them as a learner would, cell by cell.

An answer in `right_answers/` or `wrong_answers/` is a Markdown file with front matter (`exercise`, `why`, in a wrong
one `rejected_by`, and `engines` where it does not concern all) and Python cells. The solution and the stub are the
cells with these tags in the exercise's section of `exercises.md`.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from IPython.core.interactiveshell import InteractiveShell

from migration_lab import workspace
from migration_lab.authored import as_model, front_matter
from migration_lab.build.cells import FAILS, Cell, read_cells
from migration_lab.checking import Verdict, check
from migration_lab.course import EngineName, Lesson, Strict
from migration_lab.engines import engine
from migration_lab.errors import LabError
from migration_lab.notebook import displays, magics

Kind = Literal["stub", "solution", "right", "wrong"]


@dataclass(frozen=True)
class Answer:
    """Cells that claim to solve an exercise, or, in a wrong answer, that people believe to solve it."""

    lesson: Lesson
    exercise: str
    kind: Kind
    file: Path
    engines: tuple[EngineName, ...]
    why: str = ""
    rejected_by: str = ""
    fault: str = ""

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """What is run, in order. Read when it is asked for: each worker collects all answers, and gives a few."""
        code = [each for each in _cells_of(self.file) if each.is_code]
        if self.kind in ("right", "wrong"):
            return tuple(code)
        own = [each for each in code if each.exercise == self.exercise]
        around = [each for each in own if not {*each.tags} - {FAILS} and "lab." not in each.source]
        shown = around if self.kind == "solution" else []
        return tuple(each for each in own if self.kind in each.tags or each in shown)

    @property
    def name(self) -> str:
        """Short and readable, part of a test's id: `wrong-not_null`."""
        return self.kind if self.kind in ("stub", "solution") else f"{self.kind}-{self.file.stem.partition('_')[2]}"

    def __str__(self) -> str:
        file = "/".join(self.file.parts[self.file.parts.index(self.lesson.slug) :])
        return f"exercise {self.exercise}, {self.kind} answer of lessons/{file}"


def answers_of(lesson: Lesson) -> list[Answer]:
    """All answers of a lesson's exercises: stubs, solutions, right and wrong ones."""
    found = []
    for exercise_id in lesson.manifest.exercises:
        found += [_section(lesson, exercise_id, "stub"), _section(lesson, exercise_id, "solution")]
    found += [_file(lesson, "right", path) for path in sorted(lesson.folder.glob("right_answers/*.md"))]
    return found + [_file(lesson, "wrong", path) for path in sorted(lesson.folder.glob("wrong_answers/*.md"))]


def give(answer: Answer, on: EngineName, judged_on: Collection[EngineName]) -> Verdict:
    """Open the exercise on an engine, run the answer's cells as a notebook does, and check on these engines.

    Raises:
        AssertionError: a cell failed; the message says which.
    """
    before = Path.cwd()
    shell: Any = InteractiveShell.instance()
    shell.user_ns.clear()  # `shell.reset()` would also collect garbage, which takes longer than the answer
    shell.init_user_ns()
    magics.register(shell)  # the import below does it once for all, and this may be another shell by now
    displays.register(shell)
    opened = None
    try:
        _run(shell, answer, 0, "from migration_lab.notebook import lab")
        _run(shell, answer, 0, f"shop = lab.exercise({answer.exercise!r}, engine={on!r})")
        opened = workspace.find(f"exercise-{answer.exercise}", engine(on))
        for number, cell in enumerate(answer.cells, start=1):
            _run(shell, answer, number, cell.source, fails=FAILS in cell.tags)
        return check(answer.exercise, opened, only=judged_on)
    finally:
        os.chdir(before)
        if opened:
            engine(on).drop(opened.folder)


def _run(shell: Any, answer: Answer, number: int, cell: str, *, fails: bool = False) -> None:
    result = shell.run_cell(cell, store_history=False)
    error = result.error_before_exec or result.error_in_exec
    if fails:
        assert error is not None, f"{answer}: cell {number} is tagged {FAILS!r} and goes well\n{cell}"
    else:
        assert error is None, f"{answer}: cell {number} failed with {type(error).__name__}: {error}\n{cell}"


def _section(lesson: Lesson, exercise_id: str, kind: Kind) -> Answer:
    engines = lesson.manifest.exercises[exercise_id].engines
    return Answer(lesson, exercise_id, kind, lesson.folder / "exercises.md", engines)


class FrontMatter(Strict):
    """What stands at the beginning of an answer's file."""

    exercise: str
    why: str
    rejected_by: str = ""
    engines: tuple[EngineName, ...] = ()


def _file(lesson: Lesson, kind: Kind, path: Path) -> Answer:
    """The answer in a file; one with a fault has no engine, so that it is given to nobody."""
    try:
        matter = as_model(FrontMatter, front_matter(path), path)
    except LabError as error:
        return Answer(lesson, "", kind, path, (), fault=error.message)
    exercise = lesson.manifest.exercises.get(matter.exercise)
    engines = (matter.engines or exercise.engines) if exercise else ()
    return Answer(lesson, matter.exercise, kind, path, engines, matter.why.strip(), matter.rejected_by)


_cells_of = cache(read_cells)
