"""What a Postgres server says in another language, in English, for the expressions of the cards are in English."""

import re
from functools import cache
from itertools import count
from pathlib import Path

from migration_lab.ground.authored import read_yaml

MESSAGES = Path(__file__).with_name("translations.yaml")
STANDS_FOR = {"{name}": r"(\S{1,200}?)", "{words}": r"(\S.{0,200}?)"}
BLANK = re.compile(r"\{(?:name|words)\}")


def in_english(flat: str) -> str:
    """A text without quotes in one line, with the server's messages in English."""
    for fragment, pattern, english in _messages():
        if fragment in flat:
            flat = pattern.sub(english, flat)
    return flat


@cache
def _messages() -> list[tuple[str, re.Pattern[str], str]]:
    """For each translated message: words that it has for certain, how it is found, and what is put in its place."""
    found = []
    for message, translations in read_yaml(MESSAGES).items():
        english = _numbered(message)
        for translation in translations:
            parts = BLANK.split(translation)
            expression = re.escape(translation)
            for blank, meaning in STANDS_FOR.items():
                expression = expression.replace(re.escape(blank), meaning)
            found.append((max(parts, key=len), re.compile(rf"(?<!\w){expression}(?!\w)"), english))
    return found


def _numbered(message: str) -> str:
    """The message as what a match is replaced by: its blanks are the groups of the translation, in order."""
    numbers = count(1)
    return BLANK.sub(lambda _: rf"\g<{next(numbers)}>", message)
