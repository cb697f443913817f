"""The cards of `guide.yaml`, and which of them explains a text."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from migration_lab.ground import course
from migration_lab.ground.authored import read_yaml
from migration_lab.ground.errors import LabError
from migration_lab.teaching.explain import matching
from migration_lab.teaching.explain.context import context
from migration_lab.teaching.explain.errors import cause, searchable
from migration_lab.teaching.explain.matching import Signs
from migration_lab.teaching.explain.reading import LONGEST_TEXT, Reading, read

GUIDE = Path(__file__).with_name("guide.yaml")

FRAME = re.compile(r'^\s*File "?([^"\n]+?)"?, line (\d+)', re.MULTILINE)
SLIP = re.compile(r"^\s*((?:NameError|AttributeError|ImportError|ModuleNotFoundError): .+)$", re.MULTILINE)
LIBRARY = re.compile(r"site-packages|[/\\]lib[/\\]python|^<")
ABOVE_SHOP = re.compile(r"^.*(?<!migration_lab)[/\\]shops[/\\][^/\\]+[/\\]")
# The lab's own folder `migration_lab/shops` is not one of the learner's shops.
SHOP = re.compile(
    r"(?<!migration_lab)[/\\]shops[/\\]|\bflask\b|alembic|sqlalchemy|migrations[/\\]env\.py", re.IGNORECASE
)


class Card(BaseModel):
    """One page of the field guide. `also` names cards with the same message, between which the reader chooses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    says: str
    meaning: str
    cure: tuple[str, ...]
    lesson: str | None
    signs: Signs = Signs()
    silent: bool = False
    also: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, page: dict[str, Any]) -> dict[str, Any]:
        """Collect the signs, which a page of guide.yaml has among its other keys."""
        signs = {key: value for key, value in page.items() if key in Signs.model_fields}
        rest = {key: value for key, value in page.items() if key not in signs}
        return {**rest, "signs": Signs(**signs)} if signs else rest

    def as_text(self) -> str:
        """The card as plain text."""
        title = f"{self.id}: {self.says}" if self.id else self.says
        lines = [title, "", self.meaning, "", "What to do", *(f"  {n}. {step}" for n, step in enumerate(self.cure, 1))]
        if self.lesson:
            lines += ["", f"Lesson: {self.lesson}{' (planned)' if self.is_planned else ''}"]
        if self.also:
            lines += [self.others()]
        return "\n".join(lines)

    @property
    def is_planned(self) -> bool:
        """Whether the lesson that says more is still planned."""
        return any(each.slug == self.lesson and not each.is_written for each in course.lessons())

    def others(self) -> str:
        """The cards with the same message, in a sentence."""
        return "The same message may mean: " + "; ".join(f"{each}, {card(each).says}" for each in self.also) + "."

    def is_shown_in(self, text: str) -> bool:
        """Whether a text has this card's message, whatever else it says."""
        return self.signs.match(read(text))


@cache
def guide() -> dict[str, Card]:
    """All cards by their id, in order."""
    return {card_id: Card(id=card_id, **page) for card_id, page in read_yaml(GUIDE).items()}


def card(card_id: str) -> Card:
    """The card with this id (`F13`).

    Raises:
        LabError: there is no such card.
    """
    try:
        return guide()[card_id.strip().upper()]
    except KeyError:
        last = [[each for each in guide() if each.startswith(letter)][-1] for letter in "FG"]
        raise LabError(
            f"The field guide has no card {card_id!r}.",
            f"Its cards are F01 to {last[0]}, and G01 to {last[1]}.",
        ) from None


def explain(text: str) -> Card | None:
    """The card for a command's output, for pasted text, or with an id; None when no card matches.

    Several cards may match one output. The most specific wins, and among equals the one whose message comes first:
    what follows it is a consequence. If the text has several commands with prompts, the last one is explained.
    """
    if text.strip().upper() in guide():
        return card(text)
    whole = read(text)
    signs = {page.id: page.signs for page in guide().values()}
    for reading in dict.fromkeys((whole.last_command(), whole)):
        found = matching.best(signs, reading)
        if found:
            return card(found)
    return slip(whole)


def slip(reading: Reading) -> Card | None:
    """The card for a plain mistake in Python, if the traceback ends in a file that is not a library's."""
    text = "\n".join(reading.lines)
    frames, errors = FRAME.findall(text), SLIP.findall(text)
    if not frames or not errors or LIBRARY.search(frames[-1][0]) or not SHOP.search(text) or context(reading).other:
        return None
    file, line = ABOVE_SHOP.sub("", frames[-1][0]), frames[-1][1]
    return Card(
        id="",
        says=f"A slip in `{file}`, line {line}",
        meaning=f"Python stopped there: {errors[-1]}",
        cure=(f"Correct line {line} of `{file}`, and save the file.", "Then run the same command again."),
        lesson=None,
    )


def not_known(text: str) -> Card:
    """What to say when no card matches a text: what to search for, and where to begin."""
    reading = read(text)
    line = cause(reading)
    other = context(reading).other
    if not line:
        return Card(
            id="",
            says="There is no text to explain",
            meaning="The text is empty.",
            cure=("Paste everything that the command printed.",),
            lesson=None,
        )
    meaning = f"The line that matters is probably: {line}"
    if other:
        meaning += f"\nThis looks like an error of {other}, and the guide covers Flask-Migrate and Alembic only."
    if reading.was_cut:
        meaning += f"\nThe text is long: only {LONGEST_TEXT:,} characters of its beginning and end were read."
    return Card(
        id="",
        says="This is not in the field guide yet",
        meaning=meaning,
        cure=(
            "Read the first error rather than the last line, and the [SQL: ...] below it.",
            f"Search for it without the names of your tables: {searchable(line)}",
            "Compare `flask db current` with `flask db heads`, and the schema with the models.",
        )[: 2 if other else 3],
        lesson=None,
    )
