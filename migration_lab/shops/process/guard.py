"""Keeps a check's command within its copy: it reaches only the copy's database, whatever the learner's code does.

The child installs it before it imports any of the learner's code. A refusal is recorded in a file, because the code may
swallow the error. The guard is for careless code, not for hostile code.

On Linux the kernel refuses every write outside the copy, also by programs that the command starts. Everywhere Python
refuses to open a file of the learner's for writing, or as a SQLite database, by `ATTACH` too; and no session with
another of the lab's databases is possible through psycopg.
"""

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

from migration_lab.shops.process.landlock import write_only_beneath

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

VARIABLE = "MIGRATION_LAB_CHECK"  # its value is what `Confinement.environment` writes
NOTE = "refused.json"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")
LABS_PREFIX = "lab_"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# SQLite takes the folder for its own temporary files from the environment when it is first imported.
SQLITE_TEMPORARY = os.environ.get("SQLITE_TMPDIR", "")


# Events that do more than compute and read; `sqlite3.connect` and opening files are handled separately.
ACTS = ("ctypes.", "ftplib.", "http.", "os.", "pty.", "shutil.", "socket.", "sqlite3.connect", "subprocess.", "urllib.")
READS = frozenset(("os.listdir", "os.scandir", "os.walk", "os.fwalk"))


class Guard:
    """The child's view of the check. `has_acted` says whether it has done more than compute and read.

    Args:
        root: the check's own folder, the only one that may be written.
        protected: folders of the learner's.
        database: the name of the copy's own database on Postgres; empty on SQLite.
    """

    def __init__(self, root: str, protected: list[str], database: str) -> None:
        self.root = os.path.realpath(root)
        self.protected = [os.path.realpath(each) for each in protected]
        self.database = database
        self.has_acted = False

    def refuse(self, what: str) -> NoReturn:
        """Record what was tried and by which line, and raise."""
        file, line = self._place()
        with contextlib.suppress(OSError), Path(self.root, NOTE).open("x", encoding="utf-8") as note:
            json.dump({"what": what, "file": file, "line": line}, note)
        raise PermissionError(f"A check works on a copy and cannot reach {what}.")

    def _place(self) -> tuple[str, int]:
        """The innermost line of the learner's code that is running."""
        frame = sys._getframe()
        while frame is not None:
            name = os.path.realpath(frame.f_code.co_filename)
            if name.startswith(self.root + os.sep):
                return name, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return "", 0

    def is_learners(self, path: object) -> bool:
        """Whether a path, or an SQLite `file:` address, leads to the learner's files."""
        with contextlib.suppress(TypeError, ValueError):
            text = os.fsdecode(path)  # type: ignore[arg-type]
            if text.startswith("file:"):
                text = text[len("file:") :].partition("?")[0]
                text = "/" + text.lstrip("/") if text.startswith("//") else text
            real = os.path.realpath(text)
            inside = [each for each in self.protected if real == each or real.startswith(each + os.sep)]
            return bool(inside) and not real.startswith(self.root + os.sep)
        return False

    # ------------------------------------------------------------------------------------------------------- hooks

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python calls this for each event that it audits; most are imports."""
        if event == "open":
            path, _, flags = arguments
            self.has_acted |= bool(flags & WRITING)
            if flags & WRITING and self.is_learners(path):
                self.refuse("your own files")
        elif event.startswith(ACTS) and event not in READS:
            # Flask-SQLAlchemy creates the folder of a SQLite file, which exists already.
            self.has_acted |= event != "os.mkdir" or not os.path.isdir(arguments[0])  # noqa: PTH112  # it may be bytes
        if event == "sqlite3.connect" and self.is_learners(arguments[0]):
            self.refuse("your own database")

    def authorize(self, action: int, name: str | None, *_: str | None) -> int:
        """SQLite asks this about each action of a statement; the file's name is None where it is an expression."""
        if action == sqlite3.SQLITE_ATTACH and name and self.is_learners(name):
            with contextlib.suppress(PermissionError):
                self.refuse("your own database")
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    def watch_sqlite(self) -> None:
        """Let SQLite ask `authorize` in each connection; when Python audits one, it is not ready for that yet."""
        connect = sqlite3.connect

        def connect_within(*args: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **options)
            connection.set_authorizer(self.authorize)
            return connection

        sqlite3.connect = sqlite3.dbapi2.connect = connect_within  # type: ignore[assignment]

    def watch_psycopg(self) -> None:
        """Close each session with another database of the lab's as soon as its name is known."""
        from psycopg import generators

        connect = generators.connect

        def connect_within(*args: Any, **options: Any) -> Generator[Any, Any, Any]:
            self.has_acted = True
            session = yield from connect(*args, **options)
            name = session.db.decode()
            if name.startswith(LABS_PREFIX) and name != self.database:
                session.finish()
                self.refuse("your own database")
            return session

        generators.connect = connect_within


installed: Guard | None = None


def install(order: str) -> None:
    """Confine this process for good.

    Args:
        order: the value of `VARIABLE`.
    """
    global installed
    said = json.loads(order)
    installed = guard = Guard(said["root"], said["protected"], said["database"])
    if said["mark"] and resource is not None:
        resource.setrlimit(resource.RLIMIT_MSGQUEUE, (said["mark"], said["mark"]))
    write_only_beneath([guard.root, SQLITE_TEMPORARY, *DEVICES])
    sys.addaudithook(guard.audit)
    guard.watch_sqlite()
    if said["database"] or "psycopg" in sys.modules:
        guard.watch_psycopg()
