"""Reads a lesson's Markdown into cells, and refuses what the course does not know."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

from migration_lab.ground.blocks import FENCE
from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError

FAILS = "raises-exception"  # the name that Jupyter, nbclient and nbval know: the cells after it still run
TAGS = frozenset({"start", "proof", "solution", "stub", FAILS})
EXERCISE_TAGS = frozenset({"solution", "stub"})
WITH_TAGS = re.compile(r'tags=\[("[\w-]+"(, *)?)+\]')
REGION = re.compile(r"^<!--\s*#region\b")
END_OF_REGION = re.compile(r"^<!--\s*#endregion\b")
EXERCISE_HEADING = re.compile(r"^## (\d\d\.\d+) (.+)$", re.MULTILINE)

# jupytext makes cells of fences in these languages; in the course only Python runs, and the others are shown.
SHOWN = "shown-"


@dataclass(frozen=True)
class Cell:
    """One cell of a lesson, and where it came from.

    Attributes:
        position: its place in the file, from 1; the same in every notebook made from the file.
        line: the line of the file at which it begins, from 1.
        exercise: the id of the exercise whose section it is in, or None.
    """

    position: int
    is_code: bool
    source: str
    tags: tuple[str, ...]
    path: Path
    line: int
    exercise: str | None = None

    def refuse(self, why: str, next_step: str) -> LabError:
        """An error about this cell that names the file, the line and the cell."""
        place = "/".join(self.path.parts[-2:])
        return LabError(f"lessons/{place}, line {self.line} (cell {self.position}): {why}", next_step)


def read_cells(path: Path) -> list[Cell]:
    """The cells of a Markdown file, in order.

    Raises:
        LabError: a fence or a region is not closed, or a cell has a tag or an attribute that the course does not know.
    """
    jupytext = _jupytext()
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    read = jupytext.reads(_prepared(path, text), fmt="md")
    cells: list[Cell] = []
    searched, exercise = 0, None
    # Extra blank lines make empty cells, which the author did not write.
    written = [node for node in read.cells if node.cell_type == "code" or node.source.strip()]
    for position, node in enumerate(written, start=1):
        is_code = node.cell_type == "code"
        source = node.source.replace(SHOWN, "") if not is_code else node.source
        found = text.find(source, searched)
        line = text.count("\n", 0, found) + 1 if found >= 0 else 1
        searched = max(found, searched)
        if not is_code and source.startswith("## "):
            heading = EXERCISE_HEADING.match(source)
            exercise = heading[1] if heading else None
        cell = Cell(position, is_code, source, tuple(node.metadata.get("tags", ())), path, line, exercise)
        _refuse_unknown(cell, set(node.metadata) - {"tags", "lines_to_next_cell"})
        cells.append(cell)
    return cells


def refuse_unbalanced(lesson: Lesson, lesson_cells: list[Cell], exercise_cells: list[Cell]) -> None:
    """Refuse solution and stub cells that could leak a solution or leave a learner without a place to write.

    Raises:
        LabError: it names the file and the line.
    """
    for cell in lesson_cells:
        if EXERCISE_TAGS.intersection(cell.tags):
            raise cell.refuse("A lesson has no solution or stub.", "Move the cell to exercises.md, or drop its tag.")
    for cell in exercise_cells:
        if EXERCISE_TAGS.issubset(cell.tags):
            raise cell.refuse("A cell is a solution or a stub, not both.", "Drop one of its two tags.")
        if EXERCISE_TAGS.intersection(cell.tags) and cell.exercise is None:
            raise cell.refuse("This cell belongs to no exercise.", "Put it under a heading like `## 02.1 Title`.")
        if cell.exercise and cell.exercise not in lesson.manifest.exercises:
            raise cell.refuse(f"Exercise {cell.exercise} is not in lesson.yaml.", "Add it there, with its hints.")
    for exercise_id, exercise in lesson.manifest.exercises.items():
        section = [cell for cell in exercise_cells if cell.exercise == exercise_id]
        file = f"lessons/{lesson.slug}/exercises.md"
        if not section:
            raise LabError(
                f"{file} has no section for exercise {exercise_id} of lesson.yaml.",
                f"Write one under the heading `## {exercise_id} {exercise.title}`.",
            )
        for tag in sorted(EXERCISE_TAGS):
            if not any(tag in cell.tags for cell in section):
                raise section[0].refuse(
                    f"Exercise {exercise_id} has no cell tagged {tag!r}.",
                    "Each exercise has at least one stub, where learners write, and one solution.",
                )


def _prepared(path: Path, text: str) -> str:
    """The text prepared for jupytext: only Python fences run, and each `## ` section begins a cell of its own."""
    lines: list[str] = []
    closing, opened, region = "", 0, 0
    for number, line in enumerate(text.split("\n"), start=1):
        fence = FENCE.match(line)
        if closing:
            if fence and fence["marks"].startswith(closing) and not fence["info"].strip():
                closing = ""
        elif fence:
            closing, opened = fence["marks"], number
            if "tags=" in fence["info"] and not WITH_TAGS.search(fence["info"]):
                raise LabError(
                    f"lessons/{'/'.join(path.parts[-2:])}, line {number}: these tags cannot be read.",
                    'Write them as in ```python tags=["proof"]',
                )
            if fence["info"] and not re.match(r"python\b", fence["info"]):
                line = fence["marks"] + SHOWN + fence["info"]
        elif line.startswith("## "):
            lines += ["", ""]
        elif REGION.match(line):
            region = number
        elif END_OF_REGION.match(line):
            region = 0
        lines.append(line)
    if closing:
        raise LabError(
            f"lessons/{'/'.join(path.parts[-2:])}, line {opened}: this fence is never closed.",
            f"Add a line with {closing} after the block.",
        )
    if region:
        raise LabError(
            f"lessons/{'/'.join(path.parts[-2:])}, line {region}: this region is never closed.",
            "Add a line with <!-- #endregion --> after it.",
        )
    return "\n".join(lines)


def _refuse_unknown(cell: Cell, attributes: set[str]) -> None:
    if attributes:
        names = ", ".join(sorted(attributes))
        raise cell.refuse(f"The attribute {names} means nothing.", 'Write tags as in ```python tags=["solution"]')
    unknown = set(cell.tags) - TAGS
    if unknown:
        names = ", ".join(sorted(unknown))
        raise cell.refuse(f"The tag {names} is unknown.", f"The tags are {', '.join(sorted(TAGS))}.")
    if cell.is_code and not cell.source.strip():
        raise cell.refuse("The cell is empty.", "Fill it or delete it.")


def _jupytext() -> ModuleType:
    """jupytext, which only maintainers have."""
    try:
        import jupytext
    except ImportError as error:
        raise LabError(
            "Building the notebooks needs jupytext, which learners do not get.",
            "Run it as `make build` or `python run.py build`.",
        ) from error
    return cast(ModuleType, jupytext)
