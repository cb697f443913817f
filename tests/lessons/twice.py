"""A lesson as a reader runs it who runs each section again, and each cell that edits a file once more."""

import re
from collections import Counter
from typing import Any

from migration_lab.making.cells import Cell
from migration_lab.making.sections import sections_of

EDIT = re.compile(r"^%%writefile|\.(?:replace|write_text|unlink)\(|\brmtree\(", re.MULTILINE)


def each_section_twice(cells: list[Cell]) -> list[Cell]:
    """The opening, then each section two times; the second time, each edit of a file stands there twice in a row."""
    opening, *sections = sections_of(cells)
    made = [*opening.cells]
    for section in sections:
        made += section.cells
        made += [each for cell in section.cells for each in [cell] * (2 if edits_a_file(cell) else 1)]
    return made


def edits_a_file(cell: Cell) -> bool:
    """Whether it is a cell whose edit must be safe to repeat; a second git commit fails, and harms nothing."""
    return cell.is_code and bool(EDIT.search(cell.source)) and "%git" not in cell.source


def name_each_cell(cells: list[dict[str, Any]]) -> None:
    """Give cells that stand in a notebook more than once an id each: `02-lesson-045`, then `02-lesson-045-again`."""
    seen: Counter[str] = Counter()
    for cell in cells:
        identity = cell["id"]
        cell["id"] += "-again" * seen[identity]
        seen[identity] += 1
