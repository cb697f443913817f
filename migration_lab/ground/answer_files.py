"""The authors' answers to an exercise: `answers/04.1.md` in the lesson's folder.

Each has a heading, `## NAME: right` or `## NAME: rejected by EXPECTATION`; the reason in prose; optional fields in a
block of YAML; and its blocks.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from migration_lab.ground.authored import as_model, parse_yaml
from migration_lab.ground.blocks import Block, Section, read_sections
from migration_lab.ground.course import EngineName, Lesson, Strict
from migration_lab.ground.errors import mistake

TITLE = re.compile(r"(?P<name>\w+): (?:right|rejected by (?P<by>\w+))")


class Fields(Strict):
    """The fields that an answer may have, in a block of YAML.

    Attributes:
        engines: the engines that it concerns; by default all of the exercise's.
        start: what the blocks are added to; by default the solution if a block or `without` names one of its cells,
            and nothing otherwise.
        without: cells of the solution that are left out.
    """

    engines: tuple[EngineName, ...] = ()
    start: Literal["solution", "nothing"] | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """One answer in a file.

    Attributes:
        rejected_by: the id of the expectation that rejects it; empty for a right answer.
    """

    name: str
    rejected_by: str
    fields: Fields
    section: Section

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Its cells and edits."""
        return tuple(block for block in self.section.blocks if block.info != "yaml")

    @cached_property
    def why(self) -> str:
        """Why it is wrong, or how it differs: the prose before its blocks."""
        return " ".join(text for line, text in self.section.prose if line < self._first_block)

    @property
    def _first_block(self) -> float:
        return min((block.line for block in self.blocks), default=float("inf"))

    def refuse_loose(self) -> None:
        """Refuse text between its blocks, because it may be a block without its fence.

        Raises:
            LabError: there is such text; the message has its line.
        """
        for line, _ in self.section.prose:
            if line > self._first_block:
                what = "this is outside any block; put explanations before the first one"
                raise mistake(self.section.path, line, what)

    def line_of(self, text: str) -> int:
        """The line of its fields with this text, or the line of its heading."""
        fields = (block for block in self.section.blocks if block.info == "yaml")
        lines = [(number, line) for each in fields for number, line in enumerate(each.lines, start=each.line + 1)]
        return next((number for number, line in lines if text in line), self.section.line)


def file_of(lesson: Lesson, exercise_id: str) -> Path:
    """The file with the answers to an exercise."""
    return lesson.folder / "answers" / f"{exercise_id}.md"


def read_answers(path: Path) -> list[Written]:
    """The answers in a file, in order.

    Raises:
        LabError: a heading or a field is not valid, or a name appears twice; the message has the line.
    """
    beginning, *sections = read_sections(path)
    if beginning.blocks:
        raise mistake(path, beginning.blocks[0].line, "a heading must say which answer this block belongs to")
    found: list[Written] = []
    for section in sections:
        title = TITLE.fullmatch(section.title)
        if title is None:
            what = (
                f"an answer begins with `## NAME: right` or `## NAME: rejected by EXPECTATION`, not {section.title!r}"
            )
            raise mistake(path, section.line, what)
        answer = Written(title["name"], title["by"] or "", _fields(section), section)
        if (answer.name, bool(answer.rejected_by)) in [(each.name, bool(each.rejected_by)) for each in found]:
            raise mistake(path, section.line, f"there is another answer {answer.name!r} above")
        found.append(answer)
    return found


def _fields(section: Section) -> Fields:
    said = [block for block in section.blocks if block.info == "yaml"]
    if len(said) > 1:
        raise mistake(section.path, said[1].line, "an answer has one block of YAML")
    if not said:
        return Fields()
    found = parse_yaml(said[0].text, section.path, said[0].line + 1)
    return as_model(Fields, found, section.path, said[0].line)
