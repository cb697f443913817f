"""Answers to exercises: the solution and the stub in `exercises.md`, and those in `answers/`, right or wrong.

A written answer is either whole, or the solution with an edit: see `making/edits.py`.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from migration_lab.ground.answer_files import Written, read_answers
from migration_lab.ground.course import EngineName, Lesson
from migration_lab.ground.errors import LabError, meant, mistake, shown
from migration_lab.making.cells import FAILS, Cell, read_cells
from migration_lab.making.edits import as_cell, expand, names_a_cell, refuse_unknown
from migration_lab.teaching.judging import judge_of

Kind = Literal["stub", "solution", "right", "wrong"]


@dataclass(frozen=True)
class Answer:
    """Cells that solve an exercise or, in a wrong answer, that people might believe to solve it."""

    lesson: Lesson
    exercise: str
    kind: Kind
    file: Path
    engines: tuple[EngineName, ...]
    written: Written | None = None
    unreadable: str = ""

    @property
    def why(self) -> str:
        """Why it is wrong, or what is different about it; empty for the solution and the stub."""
        return self.written.why if self.written else ""

    @property
    def rejected_by(self) -> str:
        """The id of the expectation that rejects a wrong answer."""
        return self.written.rejected_by if self.written else ""

    @cached_property
    def fault(self) -> str:
        """What is wrong in its file; empty if nothing is."""
        try:
            return self.unreadable or self._unknown_expectation or ("" if self.cells else f"{self} has no cells")
        except LabError as error:
            return error.message

    @property
    def _unknown_expectation(self) -> str:
        """What is wrong if no expectation of the judge has the name in the heading; empty if one has it."""
        if not self.rejected_by:
            return ""
        try:
            names = [each.id for each in judge_of(self.lesson, self.exercise).expectations()]
        except LabError:
            return ""  # the judge is at fault, not the answer
        if self.rejected_by in names:
            return ""
        what = f"exercise {self.exercise} has no expectation {self.rejected_by!r}"
        return mistake(
            self.file, self._line, f"{what}. {meant(self.rejected_by, names)}Its expectations are {', '.join(names)}"
        ).message

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells to run, in order. Read on demand: each worker collects all answers, and gives only a few.

        Raises:
            LabError: an edit does not fit the solution, or a block is malformed.
        """
        if self.written:
            return self._of_file(self.written)
        file = self.lesson.folder / "exercises.md"
        own = [each for each in _cells_of(file) if each.is_code and each.exercise == self.exercise]
        around = [each for each in own if not {*each.tags} - {FAILS} and "lab." not in each.source]
        shown = around if self.kind == "solution" else []
        return tuple(each for each in own if self.kind in each.tags or each in shown)

    def _of_file(self, written: Written) -> tuple[Cell, ...]:
        refuse_unknown(written.blocks)
        written.refuse_loose()
        start, without = written.fields.start, written.fields.without
        first = next((block.line for block in written.blocks if names_a_cell(block)), written.section.line)
        edits = bool(without) or any(names_a_cell(block) for block in written.blocks)
        if start == "nothing" and edits:
            raise mistake(self.file, first, "it starts from nothing, so it cannot change a cell of the solution")
        if start != "solution" and not edits:
            return tuple(as_cell(block) for block in written.blocks)
        solution = Answer(self.lesson, self.exercise, "solution", self.file, self.engines).cells
        cells = expand(written, solution)
        if cells == solution:
            raise mistake(self.file, self._line, "it is the solution and nothing else")
        return cells

    @property
    def name(self) -> str:
        """Short and readable, part of a test's id: `wrong-not_null`."""
        return f"{self.kind}-{self.written.name}" if self.written else self.kind

    def __str__(self) -> str:
        name = self.kind if self.kind in ("stub", "solution") else f"{self.kind} answer"
        return f"{shown(self.file)}, line {self._line}: the {name} of exercise {self.exercise}"

    @property
    def _line(self) -> int:
        """The line of its heading, or of the exercise's in `exercises.md`."""
        if self.written:
            return self.written.section.line
        lines = self.file.read_text(encoding="utf-8").splitlines()
        mark = f"## {self.exercise} "
        return next((number for number, line in enumerate(lines, start=1) if line.startswith(mark)), 1)


def answers_of(lesson: Lesson) -> list[Answer]:
    """All answers of a lesson's exercises: stubs, solutions, right and wrong ones."""
    found = []
    for exercise_id in lesson.manifest.exercises:
        found += [_section(lesson, exercise_id, "stub"), _section(lesson, exercise_id, "solution")]
    written = [each for path in sorted(lesson.folder.glob("answers/*.md")) for each in _in_file(lesson, path)]
    return found + sorted(written, key=lambda each: each.kind)  # the right ones first, as they are in their files


def _section(lesson: Lesson, exercise_id: str, kind: Kind) -> Answer:
    engines = lesson.manifest.exercises[exercise_id].engines
    return Answer(lesson, exercise_id, kind, lesson.folder / "exercises.md", engines)


def _in_file(lesson: Lesson, path: Path) -> list[Answer]:
    """The answers in a file; of one that cannot be read, a wrong one without an engine."""
    exercise = lesson.manifest.exercises.get(path.stem)
    try:
        written = read_answers(path)
    except LabError as error:
        return [Answer(lesson, path.stem, "wrong", path, (), unreadable=error.message)]
    return [
        Answer(
            lesson,
            path.stem,
            "wrong" if each.rejected_by else "right",
            path,
            (each.fields.engines or exercise.engines) if exercise else (),
            each,
        )
        for each in written
    ]


_cells_of = cache(read_cells)
