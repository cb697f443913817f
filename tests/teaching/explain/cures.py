"""A card's cure, followed to the letter."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from migration_lab.shops.flask_command import STABLE
from migration_lab.teaching.explain import card
from tests.teaching.explain.project import Project, expect

ORDERS = (
    'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", name="fk_orders_user_id_users")))'
)
ON_PATH = "/usr/bin:/bin"
HERE = os.pathsep.join([str(Path(sys.executable).parent), ON_PATH])
VIEW = 'op.execute("CREATE VIEW v AS SELECT email FROM users")'


def said(card_id: str, code: str, **names: str) -> str:
    """Code of a card's cure, with a project's own names in place of the card's."""
    assert any(f"`{code}`" in step for step in card(card_id).cure), f"{card_id} does not say: {code}"
    for own, name in names.items():
        code = re.sub(rf"\b{own}\b", name, code)
    return code


def command(card_id: str, code: str, **names: str) -> list[str]:
    """A `flask db` command of a card's cure, in words without these two."""
    words = shlex.split(said(card_id, code, **names))
    assert words[:2] == ["flask", "db"]
    return words[2:]


def sql(project: Project, *statements: str) -> list[tuple[object, ...]]:
    """Run statements by hand; the rows of the last."""
    engine = sa.create_engine(project.url, poolclass=sa.NullPool)
    rows: list[tuple[object, ...]] = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            found = connection.execute(sa.text(statement))
            rows = [tuple(row) for row in found] if found.returns_rows else []
    return rows


def change(path: Path, old: str, new: str) -> None:
    """Edit a file as a person would."""
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new))


def correct(project: Project, card_id: str, before: str, lines: list[str]) -> None:
    """Upgrade with a wrong line after `before`, which the card must explain, and then with the right lines instead."""
    wrong, *right = lines
    project.line(before, wrong)
    expect(project.db("upgrade"), card_id)
    project.revision("2", "1", "\n    ".join(right))
    project.good("upgrade")
    assert current(project) == "2"


def current(project: Project) -> str:
    return project.good("current").split("\n")[-2].removesuffix(" (head)").strip()


def shell(project: Project, line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Type a line into a shell in which no environment is active."""
    known = {"PATH": ON_PATH, "FLASK_APP": "app", "DATABASE_URL": project.url, **STABLE, **env}
    return subprocess.run(line, shell=True, cwd=project.folder, env=known, capture_output=True, text=True)
