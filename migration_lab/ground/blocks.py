"""Markdown in which fenced blocks are edits or texts: the notation of answers and of layers over the shop.

A file has sections, each under a heading `## NAME`, with prose and blocks. A `diff` block changes lines of a text: a
line begins with a space if it stays, with `-` if it is removed, and with `+` if it is added; `@@` begins the next
place. An edit that does not fit exactly one place is an error with its line: nothing is guessed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from migration_lab.ground.errors import mistake

FENCE = re.compile(r"^(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
HEADING = "## "


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is the line of its opening fence, from 1."""

    path: Path
    line: int
    info: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The block as the content of a file: each line ends with a newline."""
        return "".join(f"{line}\n" for line in self.lines)


@dataclass(frozen=True)
class Section:
    """A heading and what follows it.

    Attributes:
        line: the line of the heading, from 1.
        title: the heading; empty for the part before the first one.
        prose: the lines outside blocks, each with its number, without empty ones.
    """

    path: Path
    line: int
    title: str
    prose: tuple[tuple[int, str], ...]
    blocks: tuple[Block, ...]


def read_sections(path: Path) -> list[Section]:
    """The sections of a file. The first one is the part before the first heading, and may be empty.

    Raises:
        LabError: a block is not closed.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    found: list[Section] = []
    line, title = 1, ""
    prose: list[tuple[int, str]] = []
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence:
            end = next((n for n in range(at + 1, len(lines)) if lines[n].rstrip() == fence["marks"]), None)
            if end is None:
                raise mistake(path, at + 1, "this block is never closed")
            blocks.append(Block(path, at + 1, fence["info"].strip(), tuple(lines[at + 1 : end])))
            at = end
        elif lines[at].startswith(HEADING):
            found.append(Section(path, line, title, tuple(prose), tuple(blocks)))
            line, title, prose, blocks = at + 1, lines[at].removeprefix(HEADING).strip(), [], []
        elif lines[at].strip():
            prose.append((at + 1, lines[at].strip()))
        at += 1
    return [*found, Section(path, line, title, tuple(prose), tuple(blocks))]


def edited(before: Sequence[str], block: Block, name: str) -> list[str]:
    """The lines of a text after an edit.

    Args:
        name: of the text, for the errors.

    Raises:
        LabError: the edit does not fit, fits in several places, or changes nothing; it names the line.
    """
    lines = list(before)
    for line, old, new in _hunks(block):
        at = [each for each in range(len(lines) - len(old) + 1) if lines[each : each + len(old)] == old]
        if not old:
            raise mistake(block.path, line, "nothing says where these lines go; add a line next to them")
        if not at:
            raise mistake(block.path, line, _why_not(old, lines, name))
        if len(at) > 1:
            places = ", ".join(str(each + 1) for each in at)
            raise mistake(block.path, line, f"this fits {name!r} at lines {places}; add a line next to one of them")
        lines[at[0] : at[0] + len(old)] = new
    if lines == list(before):
        raise mistake(block.path, block.line, "this edit changes nothing")
    return lines


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


def _why_not(old: list[str], lines: list[str], name: str) -> str:
    missing = next((line for line in old if line not in lines), None)
    if missing is None:
        return f"{name!r} has each of these lines, but not one after the other"
    alike = [each for each in lines if each.split() == missing.split()]
    if alike:
        return f"{name!r} has {alike[0]!r}, and this says {missing!r}: the white space differs"
    return f"{name!r} has no line {missing!r}"
