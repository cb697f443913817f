"""Commands that a judge lets die, or wait, before one of their statements."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from migration_lab import course, engines, workspace
from migration_lab.checking.database import Database
from migration_lab.checking.interruptions import DIED, Interruptions, in_background, wait_until_blocked
from migration_lab.course import EngineName

Open = Callable[[EngineName], Database]
REVISION = '''\
"""add campaigns"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade():
    op.create_table("campaigns", sa.Column("code", sa.String(20), primary_key=True))
    op.execute("INSERT INTO campaigns VALUES ('spring')")


def downgrade():
    op.drop_table("campaigns")
'''
UPGRADE = "db upgrade"
STATEMENTS = ["CREATE TABLE campaigns", "INSERT INTO campaigns", "UPDATE alembic_version"]


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    """A function that opens the shop of lesson 06 with one more revision, and a database of its own."""
    made = []

    def make(name: EngineName) -> Database:
        copy = Database(workspace.open_lesson(course.lesson("06"), engines.engine(name)).workspace, "the copy")
        (copy.folder / "migrations/versions/0009_add_campaigns.py").write_text(REVISION, encoding="utf-8")
        made.append(copy)
        return copy

    yield make
    for each in made:
        each.engine.drop(each.folder)


def tables(copy: Database) -> set[str]:
    return {table.name for table in copy.schema().tables}


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_what_changes_something_is_listed(engine: EngineName, opened: Open) -> None:
    shop = opened(engine)
    env = (shop.folder / "migrations/env.py").read_text()
    listed = Interruptions(shop).statements(UPGRADE)
    assert [line[: len(begin)] for line, begin in zip(listed, STATEMENTS, strict=True)] == STATEMENTS
    assert shop.stands_at() == ("0009",)
    assert (shop.folder / "migrations/env.py").read_text() == env
    assert Interruptions(shop).statements("db history") == []


# SQLite's driver begins a transaction with the INSERT: what comes before it stays.
@pytest.mark.parametrize(
    ("engine", "number", "is_left"),
    [
        ("sqlite", 1, False),
        ("sqlite", 2, True),
        ("sqlite", 3, True),
        ("postgres", 1, False),
        ("postgres", 2, False),
        ("postgres", 3, False),
    ],
)
def test_a_command_dies_before_a_statement(engine: EngineName, number: int, is_left: bool, opened: Open) -> None:
    shop = opened(engine)
    assert Interruptions(shop).die_before(number, UPGRADE).exit_code == DIED
    assert ("campaigns" in tables(shop)) == is_left
    assert shop.stands_at() == ("0008",)
    again = shop.flask(UPGRADE)
    assert again.exit_code == int(is_left), again.output


def test_a_number_that_never_comes_changes_nothing(opened: Open) -> None:
    shop = opened("sqlite")
    assert Interruptions(shop).die_before(9, UPGRADE).exit_code == 0
    assert "campaigns" in tables(shop)


def test_a_command_waits_before_a_statement_with_its_locks(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(3, UPGRADE) as paused:
        assert not paused.has_ended
        assert "campaigns" not in tables(shop)
        assert paused.completed().exit_code == 0
        assert paused.has_ended
    assert "campaigns" in tables(shop)


def test_the_end_of_the_block_lets_it_go_on(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(1, UPGRADE) as paused:
        pass
    assert paused.completed().exit_code == 0
    assert shop.stands_at() == ("0009",)


def test_a_command_runs_beside_one_that_waits(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(2, UPGRADE) as paused:
        other = in_background(shop, UPGRADE)
        wait_until_blocked(shop, or_ended=other)  # both make the same table
        assert not other.has_ended
        assert paused.completed().exit_code == 0
        assert "already exists" in other.completed().output or "pg_type" in other.completed().output
    assert shop.stands_at() == ("0009",)


def test_the_hook_is_for_one_command_and_not_for_another_in_the_same_copy(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(1, UPGRADE) as paused:
        assert shop.flask("db stamp 0007").exit_code == 0  # its first statement changes something, too
        assert not paused.has_ended
