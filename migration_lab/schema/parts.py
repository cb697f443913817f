"""What both engines' readers need: the keys of all tables, and SQL as text."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from migration_lab.schema.model import Check, ForeignKey, PrimaryKey, Unique


@dataclass
class Keys:
    """Keys and constraints of all tables, each by the table's name."""

    primary: dict[str, PrimaryKey] = field(default_factory=dict)
    unique: dict[str, list[Unique]] = field(default_factory=lambda: defaultdict(list))
    foreign: dict[str, list[ForeignKey]] = field(default_factory=lambda: defaultdict(list))
    check: dict[str, list[Check]] = field(default_factory=lambda: defaultdict(list))


def foreign_key(
    name: str | None,
    columns: Iterable[str],
    target: str,
    target_columns: Iterable[str],
    *,
    on_delete: str | None,
    on_update: str | None,
    words: list[str],
) -> ForeignKey:
    """A foreign key, without saying what is usual; `words` is what else it says, in SQL."""
    update = [f"ON UPDATE {on_update}"] if on_update not in (None, "NO ACTION") else []
    deleted = on_delete if on_delete != "NO ACTION" else None
    return ForeignKey(name, tuple(columns), target, tuple(target_columns), deleted, (*update, *words))


def bare(expression: str | None) -> str | None:
    """An expression without the brackets that enclose the whole of it, which mean nothing."""
    if expression is None:
        return None
    text = expression.strip()
    while text.startswith("(") and text.endswith(")") and _encloses(text):
        text = text[1:-1].strip()
    return text


def _encloses(text: str) -> bool:
    return len(balanced(text[1:])) == len(text) - 2


def balanced(text: str) -> str:
    """The beginning of a text up to the first bracket that closes more than was opened."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return text[:place]
    return text


def one_line(sql: str) -> str:
    """The text with single spaces and without a semicolon at its end."""
    return re.sub(r"\s+", " ", sql).strip().rstrip(";")
