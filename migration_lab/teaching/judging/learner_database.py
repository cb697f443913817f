"""A copy of the learner's own database as it is now, while a service or a client may still be connected to it.

On Postgres the copy is a dump, which leaves out invalid indexes. Judge such an index on a fresh database.
"""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from migration_lab.ground import connect
from migration_lab.ground.engines.postgres.binaries import find_binaries
from migration_lab.ground.errors import LabError
from migration_lab.shops.flask_command import neutral_environment, without_passwords
from migration_lab.shops.identity import Workspace

LOCK_SECONDS = 2
COPY_SECONDS = 20


def copy_database(source: Workspace, target: Workspace) -> None:
    """Give the target's folder a database that equals the source's.

    SQLite's own backup and `pg_dump` both see one moment of a database that is in use; `CREATE DATABASE ... TEMPLATE`
    would need every session to end. `pg_dump` leaves out invalid indexes.

    Raises:
        LabError: the database is locked or gone.
    """
    target.engine.create(target.folder)
    if source.engine.name == "sqlite":
        _copy_sqlite(make_url(source.url), make_url(target.url))
    else:
        _copy_postgres(make_url(source.url), make_url(target.url))


def _copy_sqlite(source: URL, target: URL) -> None:
    if not source.database or not Path(source.database).is_file():
        return  # what the learner deleted is an empty database to the next command
    try:
        with (
            closing(connect.sqlite(source.database, timeout=LOCK_SECONDS)) as there,
            closing(connect.sqlite(target.database or "")) as here,
        ):
            there.execute("BEGIN")
            there.execute("SELECT count(*) FROM sqlite_schema")  # its wait for a lock ends; that of a backup does not
            there.backup(here)
    except sqlite3.Error as error:
        raise _cannot_copy(str(error)) from error


def _copy_postgres(source: URL, target: URL) -> None:
    dumped = _run("pg_dump", source, "--no-owner", "--no-privileges", f"--lock-wait-timeout={LOCK_SECONDS}s")
    _run("psql", target, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", sql=dumped)


def _run(program: str, url: URL, *options: str, sql: bytes = b"") -> bytes:
    """Run one of PostgreSQL's own programs on a database, whose URL names a passfile and never holds a password."""
    shown = url.set(drivername="postgresql").render_as_string()
    try:
        done = subprocess.run(
            [_program(program), *options, f"--dbname={shown}"],
            input=sql,
            capture_output=True,
            env=without_passwords(neutral_environment(), shown),
            timeout=COPY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _cannot_copy(f"{program} did not end within {COPY_SECONDS} seconds") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        # pg_dump waits for locks by way of a limit on its statements, and reports that limit.
        is_locked = "canceling statement due to" in said
        raise _cannot_copy(
            "another session holds a lock" if is_locked else (said or f"{program} failed").splitlines()[0]
        )
    return done.stdout


def _program(name: str) -> str:
    """The program from the server's own folder or, with an external server, from PATH."""
    try:
        found = shutil.which(find_binaries().program(name))
    except LabError:
        found = None
    found = found or shutil.which(name)
    if found is None:
        raise LabError(
            f"The program {name} is needed to look at your database, and it is not on this machine.",
            "Install PostgreSQL's client programs, or do the exercise on SQLite.",
        )
    return found


def _cannot_copy(why: str) -> LabError:
    return LabError(
        f"Your database cannot be read: {why}.",
        "End the transaction or the program that holds it, then check again.",
    )
