"""The copy of a learner's database is made with the password of the database's own passfile."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from migration_lab.ground.engines import engine
from migration_lab.teaching.judging import learner_database


def test_a_password_in_the_shell_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = engine("postgres")
    postgres.create(tmp_path)
    url = make_url(postgres.url(tmp_path))
    monkeypatch.setenv("PGPASSWORD", "of another server")
    said = learner_database._run("psql", url, "--no-psqlrc", "--tuples-only", "--command=SELECT 6 * 7")
    postgres.drop(tmp_path)
    assert said.split() == [b"42"]
