"""Which card a text means: cards match on messages and error classes, each only where it makes sense."""

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, field_validator

from migration_lab.teaching.explain.context import Context, context
from migration_lab.teaching.explain.errors import classes
from migration_lab.teaching.explain.reading import QUOTES, Reading

STANDS_FOR = {
    "{name}": r"[^\s,;]{1,200}?",
    # Other programs print similar messages about their own tables; so a driver must be named, or the text begins so.
    "{database}": r"(?:^|sqlite3|psycopg|asyncpg|mysql|pg8000|OperationalError|ProgrammingError|Duplicate|Undefined"
    r"|ERROR:|\(10\d\d,).{0,80}?",
}
CAPITAL = re.compile(r"\\.|[A-Z]")  # or an escape such as \S, in which it has a meaning


class Signs(BaseModel):
    """How a card is recognised.

    All but `errors` are regular expressions, searched in the text as one line, in small letters and without quotes;
    they may be written with capitals and quotes, which are taken out. `{name}` stands for any name, `{database}` for
    words that show a driver or a server.

    Attributes:
        anywhere: enough in any Python program.
        patterns: enough unless another program or framework is involved.
        while_changing: enough unless the text shows a running app.
        in_migration: enough if the text shows a running migration.
        errors: names of database errors that are enough by themselves, as psycopg spells them.
        unless: what rules the card out.
        rank: of several cards the highest wins, and among equals the one that comes first: the cause.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    anywhere: tuple[re.Pattern[str], ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    while_changing: tuple[re.Pattern[str], ...] = ()
    in_migration: tuple[re.Pattern[str], ...] = ()
    unless: tuple[re.Pattern[str], ...] = ()
    errors: tuple[str, ...] = ()
    rank: int = 0

    @field_validator("anywhere", "patterns", "while_changing", "in_migration", "unless", mode="before")
    @classmethod
    def _compile(cls, given: list[str]) -> tuple[re.Pattern[str], ...]:
        return tuple(_compiled(each) for each in given)

    @property
    def every(self) -> tuple[re.Pattern[str], ...]:
        """All expressions by which the card is found."""
        return self.anywhere + self.patterns + self.while_changing + self.in_migration

    def match(self, reading: Reading) -> bool:
        """Whether a text has one of the messages, wherever it arose."""
        text = reading.flat.lower()
        return any(pattern.search(text) for pattern in self.every)

    def is_ruled_out_by(self, text: str) -> bool:
        """Whether a text in one line has what rules the card out."""
        return any(pattern.search(text.lower()) for pattern in self.unless)

    def fitting(self, where: Context) -> tuple[re.Pattern[str], ...]:
        """The expressions that count in a text of this kind."""
        found = self.anywhere
        if not where.is_own_program:
            found += self.patterns
            if not where.at_run_time:
                found += self.while_changing
        if where.is_migration:
            found += self.in_migration
        return found


def _compiled(expression: str) -> re.Pattern[str]:
    """The expression in small letters: searching a text in small letters takes a third of the time of IGNORECASE."""
    expression = QUOTES.sub("", expression)
    for word, meaning in STANDS_FOR.items():
        expression = expression.replace(word, meaning)
    return re.compile(CAPITAL.sub(lambda part: part[0] if part[0].startswith("\\") else part[0].lower(), expression))


def best(signs: dict[str, Signs], reading: Reading) -> str | None:
    """The id of the card for a text; None if no card matches."""
    where = context(reading)
    if where.other:
        return None
    texts = dict.fromkeys((reading.flat, reading.rejoined))
    found = [each for text in texts for each in _matches(signs, text, where)]
    found = [each for each in found if not any(signs[each[3]].is_ruled_out_by(text) for text in texts)]
    return max(found, key=lambda each: each[:3])[3] if found else None


def _matches(signs: dict[str, Signs], text: str, where: Context) -> Iterator[tuple[int, bool, int, str]]:
    """The cards that match, each with its rank, whether by a message, and the negative of where it begins."""
    named = {} if where.is_own_program else _first_of_each(text)
    text = text.lower()
    for card_id, sign in signs.items():
        starts = [match.start() for pattern in sign.fitting(where) if (match := pattern.search(text))]
        said_by_class = [named[each] for each in sign.errors if each in named]
        if starts or said_by_class:
            # A class alone says less than a message.
            yield sign.rank, bool(starts), -min(starts or said_by_class), card_id


def _first_of_each(text: str) -> dict[str, int]:
    first: dict[str, int] = {}
    for name, start in classes(text):
        first.setdefault(name, start)
    return first
