"""The copy of a learner's database is made with the password of the database's own passfile."""

from pathlib import Path
from urllib.parse import quote

import pytest

from migration_lab.ground.engines import postgres
from migration_lab.instruments.query import execute, query
from migration_lab.shops.identity import Identity, Workspace
from migration_lab.teaching.judging.learner_database import copy_database


@pytest.fixture
def external(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's server plays one that the learner has; for our own, all PG* variables are taken away anyway."""
    own = postgres.attach()
    password = Path(str(own["passfile"])).read_text().rsplit(":", 1)[1].strip()
    host = quote(str(own["host"]), safe="")
    monkeypatch.setenv("LAB_POSTGRES_URL", f"postgresql://{own['user']}:{quote(password)}@/postgres?host={host}")
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "state"))


@pytest.mark.usefixtures("external")
def test_a_password_in_the_shell_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = (Workspace(tmp_path / name, Identity("02_first", "postgres")) for name in ("source", "target"))
    for each in (source, target):
        each.folder.mkdir()
    source.engine.create(source.folder)
    execute(source.url, "CREATE TABLE users AS SELECT 6 * 7 AS id")
    monkeypatch.setenv("PGPASSWORD", "of another server")
    copy_database(source, target)
    monkeypatch.delenv("PGPASSWORD")
    assert query(target.url, "SELECT id FROM users").scalar == 42
    for each in (source, target):
        each.engine.drop(each.folder)
