"""The parts of all tables, which both engines' readers collect."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from migration_lab.instruments.schema.model import Check, Column, ForeignKey, Index, Named, PrimaryKey, Table, Unique


@dataclass
class Parts:
    """The parts of all tables, each by the table's name."""

    columns: dict[str, list[Column]] = field(default_factory=lambda: defaultdict(list))
    primary_key: dict[str, PrimaryKey] = field(default_factory=dict)
    uniques: dict[str, list[Unique]] = field(default_factory=lambda: defaultdict(list))
    foreign_keys: dict[str, list[ForeignKey]] = field(default_factory=lambda: defaultdict(list))
    checks: dict[str, list[Check]] = field(default_factory=lambda: defaultdict(list))
    other_constraints: dict[str, list[Named]] = field(default_factory=lambda: defaultdict(list))
    indexes: dict[str, list[Index]] = field(default_factory=lambda: defaultdict(list))
    triggers: dict[str, list[Named]] = field(default_factory=lambda: defaultdict(list))

    def table(self, name: str, schema: str | None = None) -> Table:
        """The table of this name, with all that belongs to it."""
        return Table(
            name,
            in_order(self.columns[name]),
            self.primary_key.get(name),
            in_order(self.uniques[name]),
            in_order(self.foreign_keys[name]),
            in_order(self.checks[name]),
            in_order(self.other_constraints[name]),
            in_order(self.indexes[name]),
            in_order(self.triggers[name]),
            schema,
        )


def in_order(parts: Iterable[Any]) -> tuple[Any, ...]:
    """Sorted by name, and those without a name by their definition."""
    return tuple(sorted(parts, key=lambda part: (part.name or "", str(part))))


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
    """A foreign key, without its defaults; `words` is everything else, in SQL."""
    update = [f"ON UPDATE {on_update}"] if on_update not in (None, "NO ACTION") else []
    deleted = on_delete if on_delete != "NO ACTION" else None
    return ForeignKey(name, tuple(columns), target, tuple(target_columns), deleted, (*update, *words))


def bare(expression: str | None) -> str | None:
    """An expression without redundant outer brackets."""
    if expression is None:
        return None
    text = expression.strip()
    while text.startswith("(") and text.endswith(")") and _encloses(text):
        text = text[1:-1].strip()
    return text


def _encloses(text: str) -> bool:
    depth = 0
    for place, character in enumerate(re.sub(r"'[^']*'", lambda match: "'" * len(match[0]), text)):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return place == len(text) - 1
    return False
