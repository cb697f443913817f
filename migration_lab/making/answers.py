"""Answers to exercises: the solution and the stub in `exercises.md`, and the files that are right or wrong.

An answer in `right_answers/` or `wrong_answers/` is a Markdown file with front matter and blocks. It is either whole,
or the solution with an edit: see `making/edits.py`.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from migration_lab.ground.authored import as_model, front_matter, mistake, shown
from migration_lab.ground.course import EngineName, Lesson, Strict
from migration_lab.ground.errors import LabError
from migration_lab.making.cells import FAILS, Cell, read_cells
from migration_lab.making.edits import expand, read_blocks

Kind = Literal["stub", "solution", "right", "wrong"]


class FrontMatter(Strict):
    """The front matter of an answer's file.

    Attributes:
        why: why it is wrong, or how it differs.
        rejected_by: the expectation that rejects a wrong one.
        engines: the engines that it concerns; by default all of the exercise's.
        start: what the blocks are added to; by default the solution if a block or `without` names one of its cells,
            and nothing otherwise.
        without: cells of the solution that are left out.
    """

    exercise: str
    why: str
    rejected_by: str = ""
    engines: tuple[EngineName, ...] = ()
    start: Literal["solution", "nothing"] | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Cells that solve an exercise or, in a wrong answer, that people might believe to solve it."""

    lesson: Lesson
    exercise: str
    kind: Kind
    file: Path
    engines: tuple[EngineName, ...]
    matter: FrontMatter | None = None
    unreadable: str = ""

    @property
    def why(self) -> str:
        """Why it is wrong, or what is different about it; empty for the solution and the stub."""
        return self.matter.why.strip() if self.matter else ""

    @property
    def rejected_by(self) -> str:
        """The id of the expectation that rejects a wrong answer."""
        return self.matter.rejected_by if self.matter else ""

    @cached_property
    def fault(self) -> str:
        """What is wrong in its file; empty if nothing is."""
        try:
            return self.unreadable or ("" if self.cells else f"{self} has no cells")
        except LabError as error:
            return error.message

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells to run, in order. Read on demand: each worker collects all answers, and gives only a few.

        Raises:
            LabError: an edit does not fit the solution, or a block is malformed.
        """
        if self.matter:
            return self._of_file(self.matter)
        file = self.lesson.folder / "exercises.md"
        own = [each for each in _cells_of(file) if each.is_code and each.exercise == self.exercise]
        around = [each for each in own if not {*each.tags} - {FAILS} and "lab." not in each.source]
        shown = around if self.kind == "solution" else []
        return tuple(each for each in own if self.kind in each.tags or each in shown)

    def _of_file(self, matter: FrontMatter) -> tuple[Cell, ...]:
        blocks = read_blocks(self.file)
        first = next((block.line for block in blocks if block.names_a_cell), 1)
        edits = bool(matter.without) or any(block.names_a_cell for block in blocks)
        if matter.start == "nothing" and edits:
            raise mistake(self.file, first, "it starts from nothing, so it cannot change a cell of the solution")
        if matter.start != "solution" and not edits:
            return tuple(block.cell for block in blocks)
        solution = Answer(self.lesson, self.exercise, "solution", self.file, self.engines).cells
        cells = expand(self.file, blocks, matter.without, solution)
        if cells == solution:
            raise mistake(self.file, 1, "it is the solution and nothing else")
        return cells

    @property
    def name(self) -> str:
        """Short and readable, part of a test's id: `wrong-not_null`."""
        return self.kind if self.kind in ("stub", "solution") else f"{self.kind}-{self.file.stem.partition('_')[2]}"

    def __str__(self) -> str:
        name = self.kind if self.kind in ("stub", "solution") else f"{self.kind} answer"
        return f"{shown(self.file)}, line {self._line}: the {name} of exercise {self.exercise}"

    @property
    def _line(self) -> int:
        """Where it is declared: the line of `rejected_by`, or the exercise's heading in `exercises.md`."""
        marks = ("rejected_by:",) if self.matter else (f"## {self.exercise} ",)
        lines = self.file.read_text(encoding="utf-8").splitlines()
        return next((number for number, line in enumerate(lines, start=1) if line.startswith(marks)), 1)


def answers_of(lesson: Lesson) -> list[Answer]:
    """All answers of a lesson's exercises: stubs, solutions, right and wrong ones."""
    found = []
    for exercise_id in lesson.manifest.exercises:
        found += [_section(lesson, exercise_id, "stub"), _section(lesson, exercise_id, "solution")]
    found += [_file(lesson, "right", path) for path in sorted(lesson.folder.glob("right_answers/*.md"))]
    return found + [_file(lesson, "wrong", path) for path in sorted(lesson.folder.glob("wrong_answers/*.md"))]


def _section(lesson: Lesson, exercise_id: str, kind: Kind) -> Answer:
    engines = lesson.manifest.exercises[exercise_id].engines
    return Answer(lesson, exercise_id, kind, lesson.folder / "exercises.md", engines)


def _file(lesson: Lesson, kind: Kind, path: Path) -> Answer:
    """The answer in a file; one whose front matter cannot be read has no engine."""
    try:
        matter = as_model(FrontMatter, front_matter(path), path)
    except LabError as error:
        return Answer(lesson, "", kind, path, (), unreadable=error.message)
    exercise = lesson.manifest.exercises.get(matter.exercise)
    engines = (matter.engines or exercise.engines) if exercise else ()
    return Answer(lesson, matter.exercise, kind, path, engines, matter)


_cells_of = cache(read_cells)
