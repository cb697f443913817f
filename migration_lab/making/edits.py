"""The cells of an answer that is written as an edit of the solution.

A `diff` block names a cell of the solution and changes lines of it (`blocks.py`). A `python` block is one more cell: at
the end, or where `before NAME` or `instead NAME` puts it. A cell that writes a file is named by the file's path, any
other by its first line. `NAME #2` is the second cell of that name.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from migration_lab.ground.answer_files import Written
from migration_lab.ground.blocks import Block, edited
from migration_lab.ground.errors import mistake
from migration_lab.making.cells import FAILS, Cell

DIFF = re.compile(r"diff +(?P<name>.+)$")
PYTHON = re.compile(rf'python(?P<fails> tags=\["{FAILS}"\])?( +(?P<where>before|instead) +(?P<name>.+))?$')
NUMBERED = re.compile(r"(?P<name>.+) #(?P<number>[1-9])$")
WRITEFILE = "%%writefile "


@dataclass
class _Place:
    """A cell of the solution, its edited text, and the cells that come before it."""

    cell: Cell
    lines: list[str]
    is_left_out: bool = False
    before: list[Cell] = field(default_factory=list)

    @property
    def name(self) -> str:
        first, _, _ = self.cell.source.partition("\n")
        return first.removeprefix(WRITEFILE).strip()

    @property
    def is_edited(self) -> bool:
        return "\n".join(self.lines) != self.cell.source


def is_cell(block: Block) -> bool:
    """Whether a block is a cell, and not an edit of one."""
    return bool(PYTHON.match(block.info))


def names_a_cell(block: Block) -> bool:
    """Whether it names a cell of the solution."""
    python = PYTHON.match(block.info)
    return python is None or bool(python["where"])


def as_cell(block: Block) -> Cell:
    """The cell that a `python` block is."""
    tags = (FAILS,) if f'"{FAILS}"' in block.info else ()
    return Cell(0, True, "\n".join(block.lines), tags, block.path, block.line)


def refuse_unknown(blocks: Iterable[Block]) -> None:
    """Refuse a block that is neither a cell nor an edit.

    Raises:
        LabError: it names the line.
    """
    for block in blocks:
        if not (is_cell(block) or DIFF.match(block.info)):
            raise mistake(
                block.path,
                block.line,
                "a block begins with ```diff CELL, ```python, ```python before CELL or ```python instead CELL,"
                f" not with {block.info!r}",
            )


def expand(answer: Written, solution: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells of an answer after its edits.

    Args:
        solution: the cells that it starts from; empty for an answer that starts from nothing.

    Raises:
        LabError: a named cell is missing from the solution or ambiguous, or an edit does not fit.
    """
    path = answer.section.path
    places = [_Place(cell, cell.source.split("\n")) for cell in solution]
    for name in answer.fields.without:
        _find(places, name, path, answer.line_of(name)).is_left_out = True
    added = []
    for block in answer.blocks:
        python = PYTHON.match(block.info)
        if python is None:
            place = _find(places, block.info.removeprefix("diff"), path, block.line)
            place.lines = edited(place.lines, block, place.name)
        elif python["where"] == "before":
            _find(places, python["name"], path, block.line, may_be_left_out=True).before.append(as_cell(block))
        elif python["where"] == "instead":
            place = _find(places, python["name"], path, block.line)
            if place.is_edited:
                raise mistake(path, block.line, f"{place.name!r} is edited above, and left out here")
            place.is_left_out = True
            place.before.append(as_cell(block))
        else:
            added.append(as_cell(block))
    return (*_in_order(places), *added)


def _in_order(places: list[_Place]) -> Iterator[Cell]:
    for place in places:
        yield from place.before
        if not place.is_left_out:
            yield replace(place.cell, source="\n".join(place.lines))


def _find(places: list[_Place], name: str, path: Path, line: int, *, may_be_left_out: bool = False) -> _Place:
    name = name.strip()
    numbered = NUMBERED.match(name)
    plain = numbered["name"] if numbered else name
    found = [place for place in places if place.name == plain]
    if numbered and len(found) >= int(numbered["number"]):
        found = [found[int(numbered["number"]) - 1]]
    elif numbered or not found:
        names = ", ".join(repr(place.name) for place in places)
        raise mistake(path, line, f"the solution has no cell {name!r}; its cells are {names}")
    if len(found) > 1:
        raise mistake(path, line, f"the solution has {len(found)} cells {name!r}; add #1 for the first of them")
    if found[0].is_left_out and not may_be_left_out:
        raise mistake(path, line, f"{name!r} is left out already")
    return found[0]
