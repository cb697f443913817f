"""The rows that a check compares are those of all tables, wherever they are."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from migration_lab.instruments.query import execute
from migration_lab.instruments.schema import read_schema
from migration_lab.teaching.judging import rows
from migration_lab.teaching.judging.words import shown


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_rows_of_other_schemas_are_read_too(database: str) -> None:
    execute(database, "CREATE TABLE t (id integer); CREATE SCHEMA app; CREATE TABLE app.t (id integer)")
    execute(database, "INSERT INTO t VALUES (1); INSERT INTO app.t VALUES (2)")
    found = rows.read(database, read_schema(database))
    assert {name: table.rows for name, table in found.items()} == {"t": ((1,),), "app.t": ((2,),)}


MOMENTS = [datetime(2026, 5, 1, 9, 30, tzinfo=UTC), datetime(2026, 5, 1, 9, 30), "2026-05-01 09:30:00.000000"]


@pytest.mark.parametrize("moment", MOMENTS, ids=["with a zone", "without", "as SQLite keeps it"])
def test_a_moment_is_said_in_the_same_words_on_both_engines(moment: object) -> None:
    before, after = ({"t": rows.Table(("id",), ("id", "at"), ((1, each),))} for each in (moment, None))
    said = "`t.at` of the row with id 1 was 2026-05-01 09:30:00 and is NULL"
    assert rows.changed(before, after, rows.MayChange()) == [said]


@pytest.mark.parametrize(
    ("value", "said"),
    [("web", "'web'"), ("", "''"), (None, "NULL"), (UUID(int=7), "00000000-0000-0000-0000-000000000007"), (0, "0")],
)
def test_a_value_is_said_as_a_person_reads_it(value: object, said: str) -> None:
    assert shown(value) == said


def test_the_row_that_is_named_is_the_one_with_the_lowest_key() -> None:
    before, after = ({"t": rows.Table(("id",), ("id", "a"), tuple((n, a) for n in (10, 9, 4, 1)))} for a in "ab")
    after["t"] = rows.Table(("id",), ("id", "a"), (*after["t"].rows[:3], (1, "a")))
    assert rows.changed(before, after, rows.MayChange()) == ["`t.a` of the row with id 4 was 'a' and is 'b'"]


def test_rows_without_a_key_are_told_apart_by_more_than_their_words() -> None:
    before, after = ({"t": rows.Table((), ("a",), ((each,),))} for each in (1, True))
    assert rows.changed(before, after, rows.MayChange()) == ["`t`: a row is gone or changed, (1)"]
