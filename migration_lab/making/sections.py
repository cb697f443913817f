"""A lesson's cells under their headings, with what each section asks and compares."""

import re
from dataclasses import dataclass, field

from migration_lab.making.cells import Cell

QUIZ = re.compile(r"""\blab\.quiz\(\s*["']([^"']+)["']""")
COMPARE = re.compile(r"""\blab\.compare\(\s*["']([^"']+)["']""")


@dataclass
class Section:
    """The cells under one `## ` heading, or before the first."""

    title: str
    cells: list[Cell] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Its place in the file, for fault messages."""
        path = self.cells[0].path
        return f"lessons/{'/'.join(path.parts[-2:])}, line {self.cells[0].line}, section {self.title!r}"

    @property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells if not cell.is_code)

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    @property
    def questions(self) -> list[str]:
        """The ids of the quiz questions that the section asks."""
        return [question for cell in self.code for question in QUIZ.findall(cell.source)]

    @property
    def compared(self) -> list[str]:
        """The ids of the predictions that the section compares with the result."""
        return [question for cell in self.code for question in COMPARE.findall(cell.source)]


def sections_of(cells: list[Cell]) -> list[Section]:
    """The opening, then one section for each `## ` heading."""
    sections = [Section("the opening")]
    for cell in cells:
        if not cell.is_code and cell.source.startswith("## "):
            sections.append(Section(cell.source.splitlines()[0].removeprefix("## ").strip()))
        sections[-1].cells.append(cell)
    return sections


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph; code in backticks does not end one."""
    plain = re.sub(r"`[^`]*`", "code", paragraph)
    return [part for part in re.split(r"(?<=[.?])\s+", plain.strip()) if part]
