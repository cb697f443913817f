"""A CHECK of the length of a new text is read as its length, and no other CHECK is."""

import pytest

from migration_lab.instruments.schema import Check, Column, Schema, Table, diff
from migration_lab.teaching.judging.limits import longest, says_length


def schema(kind: str | None = None, *conditions: str) -> Schema:
    columns = (Column("id", "INTEGER", False), *((Column("name", kind, True),) if kind else ()))
    checks = tuple(Check(f"ck_{number}", each) for number, each in enumerate(conditions))
    return Schema("sqlite", (Table("users", columns, checks=checks),))


@pytest.mark.parametrize(
    ("condition", "most"),
    [
        ("length(name) <= 80", 80),
        ("length(name::text) <= 80", 80),
        ('name IS NULL OR char_length("name") <= 80', 80),
        ("length(id) <= 80", None),
        ("octet_length(name) <= 80", None),
        ("length(trim(name)) <= 80", None),
        ("length(name) <= 80 AND name <> ''", None),
        ("length(name) <= 80 NOT VALID", None),
    ],
)
def test_a_check_of_the_length_is_one(condition: str, most: int | None) -> None:
    table = schema("TEXT", condition).tables[0]
    assert longest(table, table.columns[1]) == most


@pytest.mark.parametrize(
    ("after", "columns", "is_length"),
    [
        (schema("TEXT", "length(name) <= 80"), ["users.name"], True),
        (schema("VARCHAR(80)", "length(name) <= 80"), ["users.name"], True),
        (schema("VARCHAR(80)", "length(name) <= 40"), ["users.name"], False),
        (schema("TEXT", "length(name) <= 80"), ["users.note"], False),
        (schema("TEXT", "name <> ''"), ["users.name"], False),
    ],
)
def test_it_says_what_the_type_of_a_new_column_could_say(after: Schema, columns: list[str], is_length: bool) -> None:
    checks = [each for each in diff(schema(), after) if each.kind == "check"]
    assert [says_length(each, after, columns) for each in checks] == [is_length]
    assert not any(says_length(each, schema(), columns) for each in diff(after, schema()))


def test_the_shorter_limit_counts() -> None:
    table = schema("VARCHAR(80)", "length(name) <= 40").tables[0]
    assert longest(table, table.columns[1]) == 40
