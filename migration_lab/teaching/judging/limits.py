"""A CHECK that limits the length of a column: a `TEXT` with one holds what a `VARCHAR(n)` holds."""

import re
from collections.abc import Collection

from migration_lab.instruments.schema import Change, Column, Schema, Table

LIMIT = re.compile(
    r'(?:"?\w+"? IS NULL OR )?(?:char_|character_)?length\("?(?P<column>\w+)"?(?:::text)?\) <= (?P<most>\d+)',
    re.IGNORECASE,
)


def longest(table: Table, column: Column) -> int | None:
    """How many characters a column of a table takes, by its type or by a CHECK; None if nothing limits them."""
    checks = dict(_limited_by(str(each)) for each in table.checks)
    known = [each for each in (column.length, checks.get(column.name)) if each is not None]
    return min(known, default=None)


def says_length(change: Change, schema: Schema, columns: Collection[str]) -> bool:
    """Whether a change is a CHECK that says how long the values of one of these columns may be, as a type could."""
    if change.kind != "check" or change.before is not None:
        return False
    name, most = _limited_by(change.after or "")
    table = schema.table(change.subject or "") if f"{change.subject}.{name}" in columns else None
    column = table.column(name) if table else None
    return column is not None and column.length in (None, most)


def _limited_by(condition: str) -> tuple[str, int]:
    found = LIMIT.fullmatch(condition)
    return (found["column"], int(found["most"])) if found else ("", 0)
