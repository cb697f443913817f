"""Databases on a Postgres server, which is started when first needed."""

import hashlib
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import filelock
import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from migration_lab.ground import connect, places
from migration_lab.ground.course import EngineName
from migration_lab.ground.database_errors import explain
from migration_lab.ground.engines.postgres.binaries import find_binaries
from migration_lab.ground.engines.postgres.databases import Databases, database_name
from migration_lab.ground.engines.postgres.private import make_private, passfile_line, write_private
from migration_lab.ground.errors import LabError

SWEEP_EVERY = 3600.0  # seconds
LAB_ID_LENGTH = 16
_kept: ContextVar[list[psycopg.Connection] | None] = ContextVar("_kept", default=None)


@dataclass(frozen=True)
class Postgres:
    """Databases on a server that is started when first needed."""

    name: EngineName = "postgres"

    def url(self, folder: Path) -> str:
        """The database's URL; a file that only you can read holds the password."""
        parameters = attach()
        query = {name: str(value) for name, value in parameters.items() if name not in ("user", "password", "dbname")}
        return URL.create(
            "postgresql+psycopg",
            username=str(parameters["user"]) if "user" in parameters else None,
            database=database_name(folder, _lab_id()),
            query=query,
        ).render_as_string()

    def sqlalchemy_url(self, folder: Path) -> str:
        """The same as `url`, which works from everywhere."""
        return self.url(folder)

    def create(self, folder: Path) -> None:
        """Create an empty database; an existing one is replaced."""
        with _databases() as databases:
            databases.create(folder)

    def drop(self, folder: Path) -> None:
        """Drop the database, ending its sessions; no error if there is none."""
        with _databases() as databases:
            databases.drop(folder)

    def move(self, folder: Path, to: Path) -> None:
        """Rename the database like its folder, ending its sessions; `url(to)` differs from `url(folder)`."""
        with _databases() as databases:
            databases.move(folder, to)

    def has_template(self, key: str) -> bool:
        """Whether a template with this key is on the server."""
        with _databases() as databases:
            return databases.has_template(key)

    def save_template(self, folder: Path, key: str) -> None:
        """Make a template from the folder's database, ending its sessions; an existing one is kept."""
        with _databases() as databases:
            databases.save_template(folder, key)

    def drop_template(self, key: str) -> None:
        """Drop the template; no error if there is none."""
        with _databases() as databases:
            databases.drop_template(key)

    def clone(self, key: str, folder: Path) -> None:
        """Copy the template to the folder's database; an existing one is replaced."""
        with _databases() as databases:
            databases.clone(key, folder)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """One connection for all calls within the block, in its thread; each connection costs 7 ms."""
        kept: list[psycopg.Connection] = []
        before = _kept.set(kept)
        try:
            yield
        finally:
            _kept.reset(before)
            for connection in kept:
                connection.close()


def attach() -> dict[str, str | int]:
    """Ensure that the server answers; return the parameters of a connection to it, without a password.

    Raises:
        LabError: it cannot be reached or started.
    """
    if (answers := _answers()) is not None:
        return answers
    parameters, connection = _open()
    connection.close()
    return parameters


def _answers() -> dict[str, str | int] | None:
    """The parameters of the course's own server, if it has answered before and is still the same process."""
    if os.environ.get("LAB_POSTGRES_URL") or sys.platform == "win32":
        return None
    from migration_lab.ground.engines.postgres import server

    house = server.answers()
    return house.parameters() if house else None


def stop() -> None:
    """Stop the course's own servers under `places.state()`, in use or not; they start again when needed."""
    if sys.platform != "win32":
        from migration_lab.ground.engines.postgres import server

        server.stop()


@contextmanager
def _databases() -> Iterator[Databases]:
    kept = _kept.get()
    if kept and not kept[-1].closed:
        connection = kept[-1]
    else:
        _, connection = _open()
        if kept is not None:
            kept.append(connection)
    try:
        databases = Databases(connection, _lab_id())
        yield databases
        with suppress(psycopg.Error, OSError):  # the caller's request is done; the next sweep is in an hour
            if _is_time_to_sweep():
                databases.sweep()
    except psycopg.errors.InsufficientPrivilege as error:
        raise LabError(
            f"The Postgres server forbids it: {error.diag.message_primary}.",
            "Ask the server's administrator to run `ALTER ROLE name CREATEDB`, or unset LAB_POSTGRES_URL.",
        ) from error
    except psycopg.Error as error:
        raise explain(error) from error
    finally:
        if kept is None:
            connection.close()


def _open() -> tuple[dict[str, str | int], psycopg.Connection]:
    url = os.environ.get("LAB_POSTGRES_URL")
    if not url:
        find_binaries()  # explains why our own server is not possible, as on Windows
        from migration_lab.ground.engines.postgres import server

        house, connection = server.attach()
        return house.parameters(), connection
    parameters = _parameters(url)
    try:
        connection = connect.to_server(parameters)
    except psycopg.Error as error:
        raise explain(error) from None  # the driver's message can contain parts of the URL
    if connection.info.server_version < 150000:
        connection.close()
        raise LabError("The server that LAB_POSTGRES_URL names is too old.", "Use PostgreSQL 15 or newer.")
    return _with_passfile(parameters), connection


def _parameters(url: str) -> dict[str, str | int]:
    """The connection parameters in a URL such as `postgresql://user:password@host:5432/name`.

    Raises:
        LabError: it is not the URL of a Postgres server. The text is not repeated: it may hold a password.
    """
    plain = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url.strip())
    try:
        if plain.startswith("postgresql://"):
            found = conninfo_to_dict(plain)
            return {name: value for name, value in found.items() if value is not None}
    except psycopg.Error:
        pass
    raise LabError(
        "LAB_POSTGRES_URL is not the URL of a Postgres server.",
        "Write it as postgresql://user:password@host:5432/name, with %-codes for special characters, or unset it.",
    )


def _with_passfile(parameters: dict[str, str | int]) -> dict[str, str | int]:
    """Parameters with the name of a password file in place of the password."""
    if "password" not in parameters:
        return parameters
    line = passfile_line(str(parameters.get("user", "*")), str(parameters["password"]))
    path = _folder() / f"external-{hashlib.sha256(line.encode()).hexdigest()[:12]}.passfile"
    if not path.exists():
        write_private(path, line)
    return {name: value for name, value in parameters.items() if name != "password"} | {"passfile": str(path)}


def _folder() -> Path:
    folder = places.state().absolute() / "postgres"
    make_private(folder)
    return folder


def _lab_id() -> str:
    """Distinguishes this learner's databases from those of others on the same server: on a shared server, a
    random text that is generated once.
    """
    if not os.environ.get("LAB_POSTGRES_URL"):
        return "own"
    path = _folder() / "lab-id"
    if not _has_lab_id(path):
        with filelock.FileLock(path.with_name("lab-id.lock")):
            if not _has_lab_id(path):  # another process may have been faster
                write_private(path, secrets.token_hex(LAB_ID_LENGTH // 2))
    return path.read_text(encoding="utf-8")


def _has_lab_id(path: Path) -> bool:
    return path.exists() and len(path.read_text(encoding="utf-8")) == LAB_ID_LENGTH


def _is_time_to_sweep() -> bool:
    """True at most once an hour, over all processes."""
    stamp = _folder() / "swept"
    with suppress(OSError):
        if time.time() - stamp.stat().st_mtime < SWEEP_EVERY:
            return False
    stamp.touch()
    return True
