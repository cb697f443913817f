"""The field guide: what an error of Flask-Migrate, Alembic or the database means, and what to do about it."""

import re
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from migration_lab.authored import read_yaml
from migration_lab.errors import LabError

GUIDE = Path(__file__).with_name("guide.yaml")
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LONGEST_TEXT = 100_000
# The last line of this kind is what a person would search for.
ERROR_LINE = re.compile(
    r"^\s*(?:[\w.]+(?:Error|Exception|Warning|Violation)\b|Error:|ERROR\b|\([\w.]+\.\w+\)).*$", re.MULTILINE
)

FRAME = re.compile(r'^\s*File "([^"\n]+)", line (\d+)', re.MULTILINE)
SLIP = re.compile(r"^(?:NameError|AttributeError|ImportError|ModuleNotFoundError): .+$", re.MULTILINE)
LIBRARY = re.compile(r"site-packages|[/\\]lib[/\\]python|^<")
ABOVE_SHOP = re.compile(r"^.*[/\\]shops[/\\][^/\\]+[/\\]")


class Card(BaseModel):
    """One page of the field guide. `also` names cards whose message is the same, for the reader to tell apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    says: str
    meaning: str
    cure: tuple[str, ...]
    lesson: str | None
    patterns: tuple[re.Pattern[str], ...] = ()
    rank: int = 0
    silent: bool = False
    also: tuple[str, ...] = ()

    def as_text(self) -> str:
        """The card as plain text."""
        title = f"{self.id}: {self.says}" if self.id else self.says
        lines = [title, "", self.meaning, "", "What to do", *(f"  {n}. {step}" for n, step in enumerate(self.cure, 1))]
        if self.lesson:
            lines += ["", f"Lesson: {self.lesson}"]
        if self.also:
            lines += [self.others()]
        return "\n".join(lines)

    def others(self) -> str:
        """The cards with the same message, in a sentence."""
        return "The same message may mean: " + "; ".join(f"{each}, {card(each).says}" for each in self.also)


@cache
def guide() -> dict[str, Card]:
    """All cards by their id, in order."""
    return {card_id: Card(id=card_id, **page) for card_id, page in read_yaml(GUIDE).items()}


def card(card_id: str) -> Card:
    """The card with this id (`F13`).

    Raises:
        LabError: there is none.
    """
    try:
        return guide()[card_id.upper()]
    except KeyError:
        raise LabError(
            f"The field guide has no card {card_id!r}.", "Its cards are F01 to F78, and G01 to G07."
        ) from None


def explain(text: str) -> Card | None:
    """The card for what a command printed, for a text that somebody pasted, or with an id; None when no card knows it.

    Several cards may match one output. The most specific is meant, and among equals the one whose message comes last:
    that is what ended the command.
    """
    if text.strip().upper() in guide():
        return card(text.strip())
    printed = " ".join(COLOUR.sub("", text)[-LONGEST_TEXT:].split())
    found = []
    for page in guide().values():
        ends = [match.end() for pattern in page.patterns for match in pattern.finditer(printed)]
        if ends:
            found.append((page.rank, max(ends), page))
    return max(found, key=lambda each: each[:2])[2] if found else slip(COLOUR.sub("", text))


def slip(text: str) -> Card | None:
    """The card for a plain mistake in Python, if the traceback ends in a file that is not a library's."""
    frames, errors = FRAME.findall(text), SLIP.findall(text)
    if not frames or not errors or LIBRARY.search(frames[-1][0]):
        return None
    file, line = ABOVE_SHOP.sub("", frames[-1][0]), frames[-1][1]
    return Card(
        id="",
        says=f"A slip in `{file}`, line {line}",
        meaning=f"Python stopped there: {errors[-1]}",
        cure=(f"Mend line {line} of `{file}`, and save the file.", "Then run the same command again."),
        lesson=None,
    )


def not_known(text: str) -> Card:
    """What to say when no card knows a text: what to search for, and where to begin."""
    lines = [line.strip() for line in ERROR_LINE.findall(COLOUR.sub("", text))] or [
        line.strip() for line in text.splitlines() if line.strip()
    ]
    first = lines[-1][:200] if lines else ""
    search = re.sub(r"\"[^\"]*\"|'[^']*'", "…", first)
    return Card(
        id="",
        says="This is not in the field guide yet",
        meaning=f"The line that matters is probably: {first}" if first else "There is no text to explain.",
        cure=(
            "Read the first error rather than the last line, and the [SQL: ...] that stands below it.",
            f"Search for it without the names of your tables: {search}" if search else "Paste the whole output.",
            "Compare `flask db current` with `flask db heads`, and the schema with the models.",
        ),
        lesson=None,
    )
