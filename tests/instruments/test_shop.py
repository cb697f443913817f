"""The core of a shop: commands, the database and the files are looked at in one place, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments.shop import PlainShop
from migration_lab.shops.workspace import open_lesson


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest) -> Iterator[PlainShop]:
    """The shop as lesson 03 finds it."""
    opened = open_lesson(course.lesson("03"), engine(request.param)).workspace
    yield PlainShop(opened.folder, opened.engine)
    opened.engine.drop(opened.folder)


def test_commands_and_instruments_look_at_the_same_shop(shop: PlainShop) -> None:
    before = shop.stands_at()
    assert shop.history().current == before
    assert shop.flask("db downgrade base").exit_code == 0
    assert (shop.stands_at(), shop.history().current, shop.schema().tables) == ((), (), ())
    assert shop.run("flask db upgrade").exit_code == 0
    assert shop.stands_at() == before
    assert shop.execute("INSERT INTO users (email) VALUES ('mine')") == 1
    assert shop.sql("SELECT email FROM users").rows == (("mine",),)
    with pytest.raises(LabError, match="read-only"):
        shop.sql("DELETE FROM users")


def test_a_command_runs_in_a_folder_below_it(shop: PlainShop) -> None:
    assert "No such command 'db'" in shop.flask("db current", folder=shop.folder / "migrations").output


def test_another_database_can_go_with_its_files(shop: PlainShop, tmp_path: Path) -> None:
    """As for two releases on one database."""
    other = PlainShop(tmp_path / "before", shop.engine, shop.url)
    assert other.schema() == shop.schema()
    assert other.stands_at() == shop.stands_at()
