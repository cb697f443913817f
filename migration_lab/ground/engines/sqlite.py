"""SQLite: a workspace's database is the file `instance/shop.db` in its folder."""

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from migration_lab.ground import connect
from migration_lab.ground.course import EngineName
from migration_lab.ground.errors import LabError
from migration_lab.ground.places import cache

SIDE_FILES = ("-journal", "-wal", "-shm")


@dataclass(frozen=True)
class SQLite:
    """Databases that are files; templates are files under `places.cache()`."""

    name: EngineName = "sqlite"

    def url(self, folder: Path) -> str:
        """The same for every folder: Flask-SQLAlchemy looks for the file in the shop's `instance/`."""
        return "sqlite:///shop.db"

    def sqlalchemy_url(self, folder: Path) -> str:
        """The file's absolute path as a URL."""
        return URL.create("sqlite", database=str(_file(folder))).render_as_string()

    def create(self, folder: Path) -> None:
        """Make an empty file: an empty SQLite database."""
        with _replacing(_file(folder)) as new:
            new.touch()

    def drop(self, folder: Path) -> None:
        """Remove the file, and the files that SQLite keeps beside it."""
        _remove_side_files(_file(folder))
        _file(folder).unlink(missing_ok=True)

    def move(self, folder: Path, to: Path) -> None:
        """Nothing to do: the file moved with its folder."""

    def has_template(self, key: str) -> bool:
        """Whether the template's file exists; it is always complete."""
        return _template(key).exists()

    def save_template(self, folder: Path, key: str) -> None:
        """Copy the folder's database with SQLite's own backup, which includes what is still in a journal.

        Raises:
            LabError: the folder has no database, or it cannot be read.
        """
        if not _file(folder).exists():
            raise LabError(f"{folder.name} has no database to copy.", "Run `flask db upgrade` there first.")
        try:
            with (
                _replacing(_template(key)) as new,
                closing(connect.sqlite(_file(folder))) as source,
                closing(connect.sqlite(new)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise LabError(
                f"The database of {folder.name} cannot be copied: {error}.",
                "Close the programs that use it, then try again.",
            ) from error

    def drop_template(self, key: str) -> None:
        """Remove the template's file; no error if there is none."""
        _template(key).unlink(missing_ok=True)

    def clone(self, key: str, folder: Path) -> None:
        """Copy the template's file.

        Raises:
            LabError: there is no such template.
        """
        if not self.has_template(key):
            raise LabError("The prepared database is gone from the cache.", "Try again: it will be made again.")
        with _replacing(_file(folder)) as new:
            shutil.copyfile(_template(key), new)

    def at_once(self) -> AbstractContextManager[None]:
        """Nothing to do: no connection is needed."""
        return nullcontext()


def _file(folder: Path) -> Path:
    return folder.absolute() / "instance" / "shop.db"


def _template(key: str) -> Path:
    return cache() / "sqlite" / f"{key}.db"


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` that replaces it at the end, or is removed on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield new
        # A journal left by a killed process belongs to the old file: SQLite would apply it to the new one.
        _remove_side_files(path)
        new.replace(path)
    except OSError as error:
        raise LabError(
            f"The database file {path.name} cannot be written: {error.strerror}.",
            "Check the free space, and that no other program holds the file.",
        ) from error
    finally:
        _remove_side_files(new)
        new.unlink(missing_ok=True)


def _remove_side_files(path: Path) -> None:
    for suffix in SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
