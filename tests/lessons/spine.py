"""The shop at a checkpoint on a database of its own, for the tests of its history."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migration_lab.ground.course import Lesson, lay_checkpoint, lessons
from migration_lab.ground.engines import Engine, engine
from migration_lab.instruments.query import query
from migration_lab.instruments.revisions import read_standing
from migration_lab.instruments.schema import Schema, read_schema
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.process import Completed
from migration_lab.shops.scenes import execute_script, write_flaskenv

WITH_HISTORY = [each for each in lessons() if each.manifest.checkpoint.head]
LAST = WITH_HISTORY[-1]

on_both_engines = pytest.mark.parametrize("engine_name", ["sqlite", "postgres"])
at_each_checkpoint = pytest.mark.parametrize("lesson", WITH_HISTORY, ids=lambda each: each.number)


def head_of(lesson: Lesson) -> str:
    """The revision at which a checkpoint with a history stands."""
    head = lesson.manifest.checkpoint.head
    assert head is not None
    return head


def head_before(lesson: Lesson) -> str:
    """The head of the lesson before; `0000` for the first one that has a history."""
    place = WITH_HISTORY.index(lesson)
    return head_of(WITH_HISTORY[place - 1]) if place else "0000"


@dataclass(frozen=True)
class Shop:
    """The files of a checkpoint and a database."""

    folder: Path
    engine: Engine

    def lay(self, lesson: Lesson) -> None:
        """Deploy another checkpoint's files, as a later release would be; the database stays as it is."""
        lay_checkpoint(lesson, self.folder)

    def flask(self, *args: str, on_output: Callable[[str], None] | None = None) -> Completed:
        return run_flask(self, *args, on_output=on_output)

    def do(self, *args: str) -> str:
        """Run a flask command that must succeed; what it prints."""
        done = self.flask(*args)
        assert done.exit_code == 0, done.output
        return done.output

    def execute(self, sql: str) -> None:
        execute_script(self.engine, self.folder, sql)

    def seed(self) -> None:
        """Insert the shop's rows. The database stands at revision 0001."""
        self.execute((self.folder / "rows.sql").read_text(encoding="utf-8"))

    def query(self, sql: str) -> Any:
        return query(self.engine.sqlalchemy_url(self.folder), sql)

    def rows(self, table: str) -> dict[Any, dict[str, Any]]:
        """All rows of a table by their id, each as column to value."""
        found = self.query(f"SELECT * FROM {table}")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        return {row["id"]: row for row in rows}

    def stands_at(self) -> tuple[str, ...]:
        return read_standing("database", self.engine.sqlalchemy_url(self.folder)).revisions

    def schema(self) -> Schema:
        return read_schema(self.engine.sqlalchemy_url(self.folder))

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
