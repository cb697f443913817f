"""On SQLite, every change of a schema is reported, and equivalent statements are equal."""

import sqlite3
from pathlib import Path

import pytest

from migration_lab.instruments.schema import Schema, diff, read_schema
from tests.instruments.schema.schema_pairs_sqlite import DIFFERENT, SAME


def made_by(file: Path, sql: str) -> Schema:
    """The schema of a new database."""
    connection = sqlite3.connect(file)
    connection.executescript(sql)
    connection.close()
    return read_schema(f"sqlite:///{file}")


@pytest.mark.parametrize(("before", "after", "words"), DIFFERENT)
def test_a_change_is_seen_and_said(tmp_path: Path, before: str, after: str, words: str) -> None:
    old, new = made_by(tmp_path / "old.db", before), made_by(tmp_path / "new.db", after)
    assert old != new
    said = [str(each) for each in diff(old, new)]
    assert any(words in line for line in said), said
    assert len(diff(new, old)) == len(said)


@pytest.mark.parametrize("pair", SAME)
def test_two_ways_to_say_the_same_are_equal(tmp_path: Path, pair: str) -> None:
    found = [made_by(tmp_path / f"{number}.db", sql) for number, sql in enumerate(SAME[pair])]
    assert [str(each) for each in diff(*found)] == []
    assert found[0] == found[1]


def test_a_virtual_table_of_a_module_that_is_not_here_is_named(tmp_path: Path) -> None:
    file = tmp_path / "far.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("PRAGMA writable_schema = on")
    sql = "CREATE VIRTUAL TABLE far USING elsewhere(a)"
    connection.execute("INSERT INTO sqlite_master VALUES ('table', 'far', 'far', 0, ?)", (sql,))
    connection.commit()
    connection.close()
    schema = read_schema(f"sqlite:///{file}")
    assert [table.name for table in schema.tables] == ["t"]
    assert [(each.kind, each.name, each.definition) for each in schema.details] == [
        ("virtual table", "far", "USING elsewhere(a)")
    ]
