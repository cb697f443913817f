"""Revisions that write to the server's catalog, or to what its databases share, are refused; others are not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from migration_lab.teaching.judging import Miss
from migration_lab.teaching.judging.server import expect_one_database
from migration_lab.teaching.judging.vocabulary import Vocabulary
from tests.tiny_course import DROP, revision


class Reads(Vocabulary):
    traces = cast(Any, None)


def judge_of_a_file(folder: Path, text: str, name: str = "migrations/versions/0002.py") -> Any:
    file = folder / name
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    judge = Reads()
    judge.traces = SimpleNamespace(
        changed=(),
        added=(name,),
        database=SimpleNamespace(folder=folder),
    )
    return judge


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER ROLE CURRENT_USER SET lock_timeout = 1000", "ALTER ROLE"),
        ("alter user shop set search_path = shop", "alter user"),
        ("DO $$ BEGIN\n ALTER\n  ROLE shop SET lock_timeout = 1; END $$", "ALTER ROLE"),
        ("\nALTER ROLE shop SET lock_timeout = 1", "ALTER ROLE"),
        ("ALTER SYSTEM SET work_mem = 4", "ALTER SYSTEM"),
        ("CREATE ROLE finance", "CREATE ROLE"),
        ("UPDATE pg_index SET indisvalid = true", "pg_index"),
    ],
)
@pytest.mark.parametrize("name", ["migrations/versions/0002.py", "migrations/env.py", "migrations/longer.sql"])
def test_what_all_databases_share_is_refused(tmp_path: Path, statement: str, found: str, name: str) -> None:
    text = revision(f"op.execute({statement!r})", DROP) if name.endswith(".py") else statement
    with pytest.raises(Miss) as missed:
        expect_one_database(judge_of_a_file(tmp_path, text, name))
    assert found in missed.value.found


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE ALL IN DATABASE shop SET lock_timeout = 1000",  # seen in the database
        "ALTER USER MAPPING FOR shop SERVER files OPTIONS (SET user 'x')",
        "SET LOCAL lock_timeout = 1000",
        "drop user names of more than 80 characters first",
    ],
)
def test_what_belongs_to_one_database_is_not(tmp_path: Path, statement: str) -> None:
    text = revision(f"op.execute({statement!r})  # and no ALTER ROLE", DROP)
    expect_one_database(judge_of_a_file(tmp_path, text))


def test_a_database_that_tests_make_is_not_refused(tmp_path: Path) -> None:
    expect_one_database(judge_of_a_file(tmp_path, "scratch = 'CREATE DATABASE scratch'", "tests/conftest.py"))
