"""Runs under requests as a notebook shows them: pictures on the same axes, and their numbers as a table and as text."""

from dataclasses import dataclass
from html import escape

from migration_lab.ground.html import table
from migration_lab.instruments.timeline import Timeline, as_svg, as_text
from migration_lab.instruments.timeline.text import COLUMNS, WORDS, rows, story


@dataclass(frozen=True)
class SideBySide:
    """Runs on the same axes: a picture, and a table with the numbers."""

    timelines: tuple[Timeline, ...]

    def as_text(self) -> str:
        """The numbers, and what happened when."""
        return as_text(self.timelines)

    def as_html(self) -> str:
        """The picture, with all its numbers in a table below it."""
        told = "".join(f"<li>{escape(line)}</li>" for each in self.timelines for line in story(each))
        return (
            as_svg(self.timelines)
            + table("The same in numbers", COLUMNS, rows(self.timelines))
            + f"<p>{escape(WORDS)}</p><details><summary>What happened when</summary><ul>{told}</ul></details>"
        )
