"""A check's own folder: commands that run beneath it are confined to it, and end with it.

The child's side of it is guard.py.
"""

import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from migration_lab.shops.process.guard import NOTE, VARIABLE
from migration_lab.shops.process.loaded import LoadedApp

if sys.platform == "linux":
    import resource

ROUNDS = 50  # searches for processes that a process started while it was being ended


@dataclass(frozen=True)
class Refusal:
    """A refused attempt to reach `what`. `file` is a path beneath the root, empty if its line is not known."""

    what: str
    file: str
    line: int


@dataclass(frozen=True)
class Confinement:
    """The limits of one check's commands.

    Its processes carry `mark` as the limit of their message queues, which nothing here uses: each child process
    keeps it, however it goes into the background, and whatever it closes. 0 if the system has no such limit.
    """

    root: Path
    protected: tuple[Path, ...]
    mark: int
    _apps: dict[Path, LoadedApp] = field(default_factory=dict, compare=False)

    def app(self, folder: Path) -> LoadedApp:
        """The copy's app, loaded once for its commands. The first copy is the one that a judge walks up and down."""
        if folder not in self._apps:
            self._apps[folder] = LoadedApp(from_the=2 if self._apps else 1)
        return self._apps[folder]

    def environment(self, database: str) -> dict[str, str]:
        """The variables for a command.

        Args:
            database: the name of its database on Postgres, or nothing.
        """
        temporary = self.root / "tmp"
        temporary.mkdir(exist_ok=True)
        order = {
            "root": str(self.root),
            "protected": [str(each.absolute()) for each in self.protected],
            "database": database,
            "mark": self.mark,
        }
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "SQLITE_TMPDIR"), str(temporary))
        return places | {VARIABLE: json.dumps(order)}

    def refusal(self) -> Refusal | None:
        """The attempts of commands that were refused since the last call."""
        note = self.root / NOTE
        try:
            found = Refusal(**json.loads(note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        note.unlink(missing_ok=True)
        return found

    def end_processes(self) -> None:
        """End every process that the commands left running."""
        for app in self._apps.values():
            app.end()
        ended: set[int] = set()
        for _ in range(ROUNDS if self.mark else 0):
            found = [pid for pid in psutil.pids() if pid not in ended and _mark_of(pid) == self.mark]
            if not found:
                return
            for pid in found:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            ended.update(found)
            time.sleep(0.01)


_confined: list[Confinement] = []


def confine(root: Path, protected: Sequence[Path]) -> Confinement:
    """Confine all commands that this process starts in folders beneath `root`, until `release`.

    Args:
        root: the check's own folder, which commands may write.
        protected: the learner's folders.
    """
    made = Confinement(root, tuple(protected), _new_mark())
    _confined.append(made)
    return made


def release(confinement: Confinement) -> None:
    """Confine no further commands."""
    _confined.remove(confinement)


def confinement_of(folder: Path) -> Confinement | None:
    """The check to which a folder belongs."""
    return next((each for each in _confined if folder.is_relative_to(each.root)), None)


def _new_mark() -> int:
    if sys.platform != "linux":
        return 0
    _, most = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    most = most if 0 < most < 1 << 30 else 1 << 30
    return secrets.randbelow(most - 1) + 1 if most > 1 << 16 else 0


def _mark_of(pid: int) -> int:
    if sys.platform != "linux":
        return 0
    try:
        return resource.prlimit(pid, resource.RLIMIT_MSGQUEUE)[1]
    except (OSError, ValueError):  # gone, or another user's
        return 0
