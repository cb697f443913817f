"""The rows that a check compares are those of all tables, wherever they are."""

import pytest

from migration_lab.checking import rows
from migration_lab.query import execute
from migration_lab.schema import read_schema


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_rows_of_other_schemas_are_read_too(database: str) -> None:
    execute(database, "CREATE TABLE t (id integer); CREATE SCHEMA app; CREATE TABLE app.t (id integer)")
    execute(database, "INSERT INTO t VALUES (1); INSERT INTO app.t VALUES (2)")
    found = rows.read(database, read_schema(database))
    assert {name: table.rows for name, table in found.items()} == {"t": ((1,),), "app.t": ((2,),)}
