"""The shop at a checkpoint on a database of its own, for the tests of its history."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migration_lab.ground.course import Lesson, lessons
from migration_lab.ground.engines import engine
from migration_lab.ground.spine import head_at, lay_checkpoint
from migration_lab.instruments.shop import PlainShop
from migration_lab.shops.scenes import write_flaskenv

WITH_HISTORY = [each for each in lessons() if head_at(each)]
LAST = WITH_HISTORY[-1]

on_both_engines = pytest.mark.parametrize("engine_name", ["sqlite", "postgres"])


def left_by(start: Lesson) -> str:
    """The number of the lesson that leaves the shop as a lesson finds it: part of a test's id."""
    return lessons()[lessons().index(start) - 1].number


at_each_checkpoint = pytest.mark.parametrize("lesson", WITH_HISTORY, ids=left_by)


def head_of(lesson: Lesson) -> str:
    """The revision at which a checkpoint with a history stands."""
    head = head_at(lesson)
    assert head is not None
    return head


def head_before(lesson: Lesson) -> str:
    """The head of the lesson before; `0000` for the first one that has a history."""
    place = WITH_HISTORY.index(lesson)
    return head_of(WITH_HISTORY[place - 1]) if place else "0000"


class Shop(PlainShop):
    """The files of a checkpoint and a database."""

    def lay(self, lesson: Lesson) -> None:
        """Deploy another checkpoint's files, as a later release would be; the database stays as it is."""
        lay_checkpoint(lesson, self.folder)

    def do(self, *args: str) -> str:
        """Run a flask command that must succeed; what it prints."""
        done = self.flask(" ".join(args))
        assert done.exit_code == 0, done.output
        return done.output

    def seed(self) -> None:
        """Insert the shop's rows. The database stands at revision 0001."""
        self.execute((self.folder / "rows.sql").read_text(encoding="utf-8"))

    def rows(self, table: str) -> dict[Any, dict[str, Any]]:
        """All rows of a table by their id, each as column to value."""
        found = self.sql(f"SELECT * FROM {table}")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        return {row["id"]: row for row in rows}

    def empty(self) -> None:
        self.engine.create(self.folder)


@contextmanager
def shop_at(lesson: Lesson, engine_name: str, folder: Path) -> Iterator[Shop]:
    """A checkpoint's files in a new folder, with an empty database."""
    shop = Shop(folder / f"shop-{engine_name}", engine(engine_name))
    shop.lay(lesson)
    write_flaskenv(shop.folder, shop.engine)
    shop.engine.create(shop.folder)
    yield shop
    shop.engine.drop(shop.folder)
