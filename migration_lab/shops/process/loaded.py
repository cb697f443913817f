"""An app that is loaded once for the commands of one database of a check.

Loading the app takes half of a command. If that only computes and reads, the first command leaves a copy of its
process behind, taken just after the app is loaded; each further one is forked from it. So a command sees
the effects of loading, but not of another command. If loading the app writes, prints, connects, starts
a thread or looks at its arguments, there is no copy, and each command loads the app itself.
"""

import contextlib
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from migration_lab.shops.process import forkserver, guard, serving

# A command's own: the name of its sessions. And what commands write.
NOT_COMPARED_VARIABLE, NOT_COMPARED_FOLDER = "PGAPPNAME", "instance"


class LoadedApp:
    """The caller's side, for the confined commands of one folder.

    Args:
        from_the: the command that leaves the copy behind, 1 or 2. To leave one takes a fifth of a command, so where
            most databases get a single command, the second is early enough.
    """

    def __init__(self, from_the: int = 1) -> None:
        self._lock = threading.Lock()
        self._without_copy = from_the - 1
        self._first: forkserver.Forked | None = None
        self._requests: socket.socket | None = None
        self._state: object = None

    def start(
        self, server: forkserver.Forkserver, argv: list[str], folder: Path, env: dict[str, str], output: int
    ) -> forkserver.Forked:
        """Start a command. Arguments and errors: as for `Forkserver.start`.

        Args:
            server: forks the first one, and each that cannot be forked from it.
        """
        if argv[0] != "flask":
            return server.start(argv, folder, env, output)
        with self._lock:
            if self._without_copy > 0:
                self._without_copy -= 1
                return server.start(argv, folder, env, output)
            state = _state(folder, env)
            if self._first is None:
                self._state = state
                self._requests, theirs = socket.socketpair()
                with theirs:
                    self._first = server.start(argv, folder, env, output, theirs.fileno())
                return self._first
            if self._requests is not None and self._first.has_ended:
                if state == self._state:
                    with contextlib.suppress(forkserver.ForkserverLostError):
                        return forkserver.ask(self._requests, argv, folder, env, output)
                self._close()
        return server.start(argv, folder, env, output)

    def end(self) -> None:
        """End the copy that the first command left."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._requests is not None:
            self._requests.close()
        self._requests = None


def _state(folder: Path, env: dict[str, str]) -> object:
    """A key that stays the same as long as loading the app has the same result."""
    return folder, {name: value for name, value in env.items() if name != NOT_COMPARED_VARIABLE}, sign_of(folder)


def sign_of(folder: Path) -> object:
    """A key that stays the same as long as no file below a folder changes, apart from databases in `instance`."""
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each != NOT_COMPARED_FOLDER]
        for name in names:
            with contextlib.suppress(OSError):
                found = os.stat(os.path.join(parent, name))  # noqa: PTH116, PTH118  # there are many, in each check
                files.append((parent, name, found.st_mtime_ns, found.st_size, found.st_ino))
    return sorted(files)


# ---------------------------------------------------------------------------------------------- the command's own side


def leave_at_load(file: int) -> None:
    """Leave a copy of this process behind as soon as Flask has loaded the app.

    Args:
        file: a socket from which the copy takes its requests.
    """
    from flask.cli import ScriptInfo

    requests = socket.socket(fileno=file)
    load = ScriptInfo.load_app
    apps: list[Any] = []

    def load_and_leave(info: ScriptInfo) -> Any:
        if apps:
            return apps[0]
        with _watching() as seen:
            apps.append(load(info))
        if not seen:
            _leave(requests)
        requests.close()
        ScriptInfo.load_app = load  # type: ignore[method-assign]
        return apps[0]

    ScriptInfo.load_app = load_and_leave  # type: ignore[method-assign, assignment]


def _leave(requests: socket.socket) -> None:
    if os.fork():
        return
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.close(nothing)
        gc.freeze()
        serving.answer(requests, lambda: None)
    finally:
        os._exit(0)


class _Arguments(list[str]):
    """`sys.argv` that notes whether it is looked at."""

    seen: list[str]


def _noting(name: str) -> Any:
    def method(self: _Arguments, *args: Any) -> Any:
        self.seen.append(name)
        return getattr(list, name)(self, *args)

    return method


for _name in ("__contains__", "__eq__", "__getitem__", "__iter__", "__len__", "__repr__", "copy", "count", "index"):
    setattr(_Arguments, _name, _noting(_name))


def _noting_text(write: Callable[[str], int], seen: list[str]) -> Callable[[str], int]:
    def write_and_note(text: str) -> int:
        seen.append("printed")
        return write(text)

    return write_and_note


@contextlib.contextmanager
def _watching() -> Iterator[list[str]]:
    """Everything done within the block apart from computing and reading."""
    seen: list[str] = []
    if guard.installed is not None:
        guard.installed.has_acted = False
    argv, sys.argv = sys.argv, _Arguments(sys.argv)
    sys.argv.seen = seen
    streams: list[Any] = [each for each in (sys.stdout, sys.stderr) if each is not None]
    for stream in streams:
        stream.write = _noting_text(stream.write, seen)
    try:
        yield seen
    finally:
        for stream in streams:
            with contextlib.suppress(AttributeError):
                del stream.write
        sys.argv = argv
        if threading.active_count() > 1:
            seen.append("thread")
        if guard.installed is None or guard.installed.has_acted:
            seen.append("acted")
