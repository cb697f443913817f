"""A card's cure, followed to the letter."""

import re
import shlex
from pathlib import Path

import sqlalchemy as sa

from migration_lab.teaching.explain import card
from tests.teaching.explain.project import Project

ORDERS = (
    'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", name="fk_orders_user_id_users")))'
)
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


def current(project: Project) -> str:
    return project.good("current").split("\n")[-2].removesuffix(" (head)").strip()
