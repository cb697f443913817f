"""Databases on a server: created, cloned, renamed, dropped, and removed when their folder is gone.

Each has a comment, a JSON object, that says what it belongs to.
"""

import hashlib
import json
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection, errors, sql

from migration_lab.ground import places
from migration_lab.ground.errors import LabError

SLUG_LENGTH = 40  # of at most 63 bytes in a name
NEW = "lab_new_"  # a template that is being built
DAY = 24 * 3600.0  # seconds
TEMPLATE_LIFE = 14 * DAY  # since its last use
CHILDHOOD = 600.0  # seconds that a database may wait for its folder, or a template for its name
TRIAL_LIFE = DAY  # of a database for a check, the doctor, or a template that is being built
AWAY_LIFE = 180 * DAY  # since a sweep first found the folder's whole tree gone
TRIES = 5  # for a session that reconnects, or takes longer to end than the 5 seconds that the server waits


@dataclass(frozen=True)
class Databases:
    """The databases of one learner on one server.

    Args:
        connection: to another database of the server, committing each statement.
        lab_id: distinguishes our databases from those of other learners on a shared server.
    """

    connection: Connection
    lab_id: str

    def create(self, folder: Path, template: str = "template0") -> None:
        """Create a folder's database from a template, in place of the existing one."""
        name = database_name(folder, self.lab_id)
        self._drop(name)
        self._copy(template, name)
        self._note(name, self._belongs_to(folder))

    def drop(self, folder: Path) -> None:
        """Drop a folder's database, ending its sessions."""
        self._drop(database_name(folder, self.lab_id))

    def move(self, folder: Path, to: Path) -> None:
        """Rename the database like its folder; no error if there is none."""
        name, new_name = database_name(folder, self.lab_id), database_name(to, self.lab_id)
        if name == new_name or not self._exists(name):
            return
        self._drop(new_name)
        self._without_sessions(name, _statement("ALTER DATABASE {} RENAME TO {}", name, new_name))
        self._note(new_name, self._belongs_to(to))

    def has_template(self, key: str) -> bool:
        """Whether the template exists; it gets its name once complete. Record it as used, so that a sweep keeps it."""
        name = self._template_name(key)
        found = self._comments(name)
        if name in found:
            self._used(name, key, found[name])
        return name in found

    def save_template(self, folder: Path, key: str) -> None:
        """Copy a folder's database, ending its sessions, to a template that accepts no connections.

        An existing template with that key is kept.

        Raises:
            LabError: the folder has no database.
        """
        source, name = database_name(folder, self.lab_id), self._template_name(key)
        new = f"{NEW}{int(time.time())}_{secrets.token_hex(4)}"
        if not self._exists(source):
            raise LabError(f"{folder.name} has no database to copy.", "Make a fresh one with `lab reset`.")
        try:
            self._without_sessions(source, self._copy_statement(source, new))
            self._note(new, {"key": key, "used": time.time()})
            self._run(_statement("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", new))
            with suppress(errors.InsufficientPrivilege):  # its owner can clone it without
                self._run(_statement("ALTER DATABASE {} WITH IS_TEMPLATE true", new))
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):  # another process was faster
                self._run(_statement("ALTER DATABASE {} RENAME TO {}", new, name))
        finally:
            self._drop_template(new)

    def drop_template(self, key: str) -> None:
        """Drop the template; no error if there is none."""
        self._drop_template(self._template_name(key))

    def clone(self, key: str, folder: Path) -> None:
        """Create a folder's database from a template, in place of the existing one.

        Raises:
            LabError: there is no such template.
        """
        name = self._template_name(key)
        self._used(name, key, self._comments(name).get(name, {}))
        try:
            self.create(folder, template=name)
        except errors.InvalidCatalogName as error:
            raise LabError("The prepared database is gone.", "Try again: it will be made again.") from error

    def sweep(self) -> None:
        """Drop databases whose folder is gone, unused templates, and partial ones.

        Raises:
            psycopg.Error: the list of databases cannot be read. One that cannot be dropped is left for next time.
        """
        for name, comment in self._comments("lab\\_%").items():
            # In use, or another learner's, with any name or comment: left for next time, or for their own sweep.
            with suppress(errors.Error, KeyError, TypeError, ValueError):
                if comment.get("lab") == self.lab_id:
                    self._sweep_folder(name, comment)
                elif _age(comment, "used") > TEMPLATE_LIFE or (
                    name.startswith(NEW) and time.time() - int(name.split("_")[2]) > CHILDHOOD
                ):
                    self._drop_template(name)

    def _sweep_folder(self, name: str, comment: dict[str, Any]) -> None:
        """Drop a database whose folder was deleted; if the whole tree is missing, wait for it to return.

        A deleted workspace leaves the folder around it. A course that was moved, or lies on a disk that is not
        mounted, does not, and the files in there still name their databases. The lab's own scratch folders are not
        waited for: a process that was killed has left them, or removed them without the database.
        """
        folder = Path(comment["folder"])
        if _is_scratch(folder):
            if _age(comment, "made") > (CHILDHOOD if _is_gone(folder) else TRIAL_LIFE):
                self._drop(name)
        elif not _is_gone(folder):
            if "away" in comment:
                self._note(name, {key: value for key, value in comment.items() if key != "away"})
        elif not _is_gone(folder.parent):
            if _age(comment, "made") > CHILDHOOD:
                self._drop(name)
        elif "away" not in comment:
            self._note(name, {**comment, "away": time.time()})
        elif _age(comment, "away") > AWAY_LIFE:
            self._drop(name)

    def _used(self, name: str, key: str, comment: dict[str, Any]) -> None:
        """Record that a template is in use, so that no sweep drops it, not even the one that follows immediately."""
        if _age(comment, "used") > DAY:
            with suppress(errors.InsufficientPrivilege):
                self._note(name, {"key": key, "used": time.time()})

    def _belongs_to(self, folder: Path) -> dict[str, Any]:
        return {"lab": self.lab_id, "folder": str(folder.resolve()), "made": time.time()}

    def _template_name(self, key: str) -> str:
        # The tables in it belong to the role that created them: another role could not migrate a clone.
        return f"lab_template_{_short_hash(self.connection.info.user, key)}"

    def _run(self, statement: sql.Composed) -> None:
        self.connection.execute(statement)

    def _exists(self, name: str) -> bool:
        found = self.connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return found.fetchone() is not None

    def _drop(self, name: str) -> None:
        self._without_sessions(name, _statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))

    def _drop_template(self, name: str) -> None:
        if self._exists(name):
            with suppress(errors.InsufficientPrivilege):
                self._run(_statement("ALTER DATABASE {} WITH IS_TEMPLATE false", name))
            self._drop(name)

    def _copy(self, source: str, name: str) -> None:
        self._run(self._copy_statement(source, name))

    def _copy_statement(self, source: str, name: str) -> sql.Composed:
        # FILE_COPY is four times faster than the default WAL_LOG for a small database (11 against 40 ms).
        return _statement("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, source)

    def _without_sessions(self, name: str, statement: sql.Composed) -> None:
        for attempt in range(TRIES):
            self.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            ).fetchall()
            try:
                return self._run(statement)
            except errors.ObjectInUse:
                if attempt == TRIES - 1:
                    raise

    def _note(self, name: str, comment: dict[str, Any]) -> None:
        self._run(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), json.dumps(comment)))

    def _comments(self, like: str) -> dict[str, dict[str, Any]]:
        found = self.connection.execute(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE %s", [like]
        )
        return {name: _read_comment(text) for name, text in found}


def database_name(folder: Path, lab_id: str) -> str:
    """The name of a folder's database: readable, and one for each absolute path and lab."""
    slug = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")[:SLUG_LENGTH]
    return f"lab_{slug}_{_short_hash(lab_id, str(folder.resolve()))}"


def _is_scratch(folder: Path) -> bool:
    """Whether the lab itself made the folder, for something that takes seconds or minutes."""
    return any(folder.is_relative_to(each.resolve()) for each in (places.trials(), places.templates()))


def _is_gone(path: Path) -> bool:
    """Whether the folder certainly does not exist; one that cannot be read may exist."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _statement(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


def _read_comment(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _age(comment: dict[str, Any], since: str) -> float:
    """Seconds since the time in the comment; 0 if there is none."""
    now = time.time()
    return now - float(comment.get(since, now))
