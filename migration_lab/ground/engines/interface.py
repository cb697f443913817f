"""What each engine does: make, clone, move and drop databases."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from migration_lab.ground.course import EngineName


class Engine(Protocol):
    """A place where databases are made, cloned and dropped.

    A *workspace database* belongs to one folder. `url()` is what the folder's `.flaskenv` says; it holds no
    password and, for SQLite, no path of the machine. `sqlalchemy_url()` is the same database as seen from any folder.
    Both see to it that the database's server runs, so ask for one of them before each piece of work.
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
        """Make an empty database for the folder; one that is there already is replaced."""
        ...

    def drop(self, folder: Path) -> None:
        """Remove the folder's database, open sessions or not; no error when there is none."""
        ...

    def move(self, folder: Path, to: Path) -> None:
        """Keep the database when its folder has been renamed; the folder's `url()` may change by it."""
        ...

    def has_template(self, key: str) -> bool:
        """Whether a template with this key is there, whole."""
        ...

    def save_template(self, folder: Path, key: str) -> None:
        """Make a template from a folder's database; a second process that does the same at once is harmless."""
        ...

    def drop_template(self, key: str) -> None:
        """Remove a template; no error when there is none."""
        ...

    def clone(self, key: str, folder: Path) -> None:
        """Give the folder a database that equals the template; one that is there already is replaced."""
        ...

    def at_once(self) -> AbstractContextManager[None]:
        """A block in which several of the above are done: the same, and sooner."""
        ...
