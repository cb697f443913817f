"""The cells of an answer that is written as an edit of the solution.

A `diff` block names a cell of the solution and changes lines of it. A `python` block is one more cell: at the end,
or where `before NAME` or `instead NAME` puts it. A cell that writes a file is named by the file's path, any other by
its first line. `NAME #2` is the second cell of that name.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from migration_lab.ground.authored import mistake
from migration_lab.making.cells import FAILS, FENCE, Cell

DIFF = re.compile(r"diff +(?P<name>.+)$")
PYTHON = re.compile(rf'python(?P<fails> tags=\["{FAILS}"\])?( +(?P<where>before|instead) +(?P<name>.+))?$')
NUMBERED = re.compile(r"(?P<name>.+) #(?P<number>[1-9])$")
WRITEFILE = "%%writefile "


@dataclass(frozen=True)
class Block:
    """A fenced block of an answer; `line` is that of its opening fence, from 1."""

    path: Path
    line: int
    info: str
    lines: tuple[str, ...]

    @property
    def is_cell(self) -> bool:
        """Whether it is a whole cell rather than an edit of one."""
        return bool(PYTHON.match(self.info))

    @property
    def names_a_cell(self) -> bool:
        """Whether it names a cell of the solution."""
        python = PYTHON.match(self.info)
        return python is None or bool(python["where"])

    @property
    def cell(self) -> Cell:
        """The cell of a `python` block."""
        tags = (FAILS,) if f'"{FAILS}"' in self.info else ()
        return Cell(0, True, "\n".join(self.lines), tags, self.path, self.line)


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


def read_blocks(path: Path) -> list[Block]:
    """The fenced blocks of an answer, which begin after its front matter.

    Raises:
        LabError: a block is not closed or of an unknown kind, or there is text outside the blocks.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    blocks = []
    number = lines.index("---", 1) + 1
    while number < len(lines):
        line, opened = lines[number], number + 1
        number += 1
        if not line.strip():
            continue
        fence = FENCE.match(line)
        if not fence:
            raise mistake(path, opened, "this stands in no block; `why` is the place to explain")
        end = next((at for at, each in enumerate(lines[number:], number) if each.rstrip() == fence["marks"]), None)
        if end is None:
            raise mistake(path, opened, "this block is never closed")
        block = Block(path, opened, fence["info"].strip(), tuple(lines[number:end]))
        if not (block.is_cell or DIFF.match(block.info)):
            raise mistake(
                path,
                opened,
                "a block begins with ```diff CELL, ```python, ```python before CELL or ```python instead CELL,"
                f" not with {line!r}",
            )
        blocks.append(block)
        number = end + 1
    return blocks


def expand(path: Path, blocks: Sequence[Block], without: Collection[str], solution: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells of an answer after its edits.

    Args:
        path: the answer's file, for the errors.
        without: names of cells of the solution that are left out.
        solution: the cells that it starts from; empty for an answer that starts from nothing.

    Raises:
        LabError: a named cell is missing from the solution or ambiguous, or an edit does not fit.
    """
    places = [_Place(cell, cell.source.split("\n")) for cell in solution]
    for name in without:
        _find(places, name, path, _line_of(path, name)).is_left_out = True
    added = []
    for block in blocks:
        python = PYTHON.match(block.info)
        if python is None:
            place = _find(places, block.info.removeprefix("diff"), path, block.line)
            _edit(place, block)
        elif python["where"] == "before":
            _find(places, python["name"], path, block.line, may_be_left_out=True).before.append(block.cell)
        elif python["where"] == "instead":
            place = _find(places, python["name"], path, block.line)
            if place.is_edited:
                raise mistake(path, block.line, f"{place.name!r} is edited above, and left out here")
            place.is_left_out = True
            place.before.append(block.cell)
        else:
            added.append(block.cell)
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


def _edit(place: _Place, block: Block) -> None:
    before = list(place.lines)
    for line, old, new in _hunks(block):
        at = [each for each in range(len(place.lines) - len(old) + 1) if place.lines[each : each + len(old)] == old]
        if not old:
            raise mistake(block.path, line, "nothing says where these lines go; add a line that stands beside them")
        if not at:
            raise mistake(block.path, line, _why_not(old, place))
        if len(at) > 1:
            shown = ", ".join(str(each + 1) for each in at)
            raise mistake(
                block.path,
                line,
                f"this fits {place.name!r} at lines {shown}; add a line that stands beside one of them",
            )
        place.lines[at[0] : at[0] + len(old)] = new
    if place.lines == before:
        raise mistake(block.path, block.line, "this edit changes nothing")


def _hunks(block: Block) -> Iterator[tuple[int, list[str], list[str]]]:
    """The line at which a hunk begins, the text that it finds, and its replacement."""
    began: int = block.line + 1
    old: list[str] = []
    new: list[str] = []
    for number, line in enumerate(block.lines, start=block.line + 1):
        sign, text = line[:1] or " ", line[1:]
        if line.startswith("@@"):
            if old or new:
                yield began, old, new
            began, old, new = number + 1, [], []
        elif sign not in " -+":
            raise mistake(block.path, number, "a line of an edit begins with a space, `-`, `+` or `@@`")
        if sign in " -":
            old.append(text)
        if sign in " +":
            new.append(text)
    if old or new:
        yield began, old, new


def _why_not(old: list[str], place: _Place) -> str:
    missing = next((line for line in old if line not in place.lines), None)
    if missing is None:
        return f"{place.name!r} has each of these lines, but not one after the other"
    alike = [each for each in place.lines if each.split() == missing.split()]
    if alike:
        return f"{place.name!r} has {alike[0]!r}, and this says {missing!r}: the white space differs"
    return f"{place.name!r} has no line {missing!r}"


def _line_of(path: Path, name: str) -> int:
    """The line of the front matter that names a cell, or the first."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next((number for number, line in enumerate(lines, start=1) if name in line), 1)
