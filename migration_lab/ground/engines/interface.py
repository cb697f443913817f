"""The interface of an engine: create, clone, move and drop databases."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from migration_lab.ground.course import EngineName


class Engine(Protocol):
    """A place where databases are created, cloned and dropped.

    A *workspace database* belongs to one folder. `url()` is what the folder's `.flaskenv` says; it holds no
    password and, for SQLite, no path of the machine. `sqlalchemy_url()` is the same database as seen from any folder.
    Both ensure that the database's server runs, so call one of them before each piece of work.
    A *template* is a database with a key, never connected to, from which others are cloned.
    """

    @property
    def name(self) -> EngineName:
        """`sqlite` or `postgres`."""
        ...

    def url(self, folder: Path) -> str:
        """The `DATABASE_URL` for the shop in this folder."""
        ...

    def sqlalchemy_url(self, folder: Path) -> str:
        """A URL with which any process on this machine reaches that folder's database."""
        ...

    def create(self, folder: Path) -> None:
        """Create an empty database for the folder; an existing one is replaced."""
        ...

    def drop(self, folder: Path) -> None:
        """Remove the folder's database, even with open sessions; no error if there is none."""
        ...

    def move(self, folder: Path, to: Path) -> None:
        """Keep the database when its folder was renamed; this may change the folder's `url()`."""
        ...

    def has_template(self, key: str) -> bool:
        """Whether a complete template with this key exists."""
        ...

    def save_template(self, folder: Path, key: str) -> None:
        """Make a template from a folder's database; two processes may safely do so at once."""
        ...

    def drop_template(self, key: str) -> None:
        """Remove a template; no error if there is none."""
        ...

    def clone(self, key: str, folder: Path) -> None:
        """Give the folder a clone of the template; an existing database is replaced."""
        ...

    def at_once(self) -> AbstractContextManager[None]:
        """A block for several of these calls, which makes them faster."""
        ...
