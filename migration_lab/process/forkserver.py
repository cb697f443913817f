"""A process that has imported what every `flask db` command imports, and forks a fresh child for each command.

`multiprocessing` has a forkserver too. It is not used because it imports the caller's `__main__` again in the child,
needs a current folder that exists, hands on the caller's `sys.path` and terminal, and is shared with the caller's own
use of it. This one starts each child from a clean interpreter, as a terminal does.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from migration_lab import places
from migration_lab.process import child
from migration_lab.process.compiled import Compiled

# What a command would otherwise import each time. Never a learner's module.
PRELOAD = (
    "alembic.autogenerate",
    "alembic.command",
    "alembic.ddl.postgresql",
    "alembic.ddl.sqlite",
    "alembic.runtime.environment",
    "dotenv",
    "flask.cli",
    "flask_migrate.cli",
    "flask_sqlalchemy.cli",
    "logging.config",
    "mako.lookup",
    "mako.template",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.orm",
    "sqlite3",
    "waitress",  # for the commands that serve the shop
)
NUMBER = struct.Struct("!i")
HELLO = b"+"
SET_CHILD_SUBREAPER = 36  # of prctl


def is_possible() -> bool:
    """Whether this system can fork and hand open files to another process."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


class ForkserverLostError(Exception):
    """The forkserver ended before it could do what was asked."""


class Forked:
    """A running child of the forkserver. `pid` is also the id of its process group."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._exit_code: int | None = None
        self.pid = self._receive(timeout=30)

    def wait(self, timeout: float) -> int | None:
        """The exit code, or minus the number of the signal that ended the child; None while it still runs.

        Raises:
            ForkserverLostError: nobody can tell any more.
        """
        if self._exit_code is None:
            with contextlib.suppress(TimeoutError):
                self._exit_code = os.waitstatus_to_exitcode(self._receive(timeout))
                self._connection.close()
        return self._exit_code

    @property
    def has_ended(self) -> bool:
        """Whether `wait` has reported its end."""
        return self._exit_code is not None

    def signal(self, number: int) -> None:
        """Send a signal to the child and whatever it started, unless the child has ended."""
        if self._exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _receive(self, timeout: float) -> int:
        ready, _, _ = select.select([self._connection], [], [], max(timeout, 0))
        if not ready:
            raise TimeoutError
        try:
            data = self._connection.recv(NUMBER.size, socket.MSG_WAITALL)
        except OSError as error:
            raise ForkserverLostError from error
        if len(data) < NUMBER.size:
            raise ForkserverLostError
        number: int = NUMBER.unpack(data)[0]
        return number


def ask(requests: socket.socket, argv: list[str], folder: Path, env: dict[str, str], *files: int) -> Forked:
    """Have a child forked by the process at the other end; arguments and errors: as for `Forkserver.start`."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            socket.send_fds(requests, [HELLO], [theirs.fileno(), *files])
        forked = Forked(ours)
        # Only now: a caller that is interrupted before, or asks once more, leaves a child that nobody has told what
        # to do; it ends when `ours` is closed.
        ours.sendall(json.dumps({"argv": argv, "folder": str(folder), "env": env}).encode() + b"\n")
        return forked
    except (OSError, ForkserverLostError) as error:
        ours.close()
        raise ForkserverLostError from error
    except BaseException:
        ours.close()
        raise


class Forkserver:
    """The caller's side: one per process, started at the first command and again whenever it has gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, argv: list[str], folder: Path, env: dict[str, str], *files: int) -> Forked:
        """Start a child.

        Args:
            files: what it gets open: for its output, and, for `loaded`, a socket for further requests.

        Raises:
            ForkserverLostError: it could not be started, and not at a second try either.
        """
        with self._lock:
            try:
                return self._ask(argv, folder, env, *files)
            except ForkserverLostError:
                self.forget()
                return self._ask(argv, folder, env, *files)

    def warm_up(self) -> None:
        """Start it if it does not run yet, without waiting until it is ready."""
        with self._lock:
            if self._requests is None:
                self._launch()

    def abandon(self) -> None:
        """For a copy of the caller that a fork made: leave the forkserver to the original, and to its end."""
        if self._requests is not None:
            self._requests.close()

    def forget(self) -> None:
        """Let the forkserver go; it ends when nobody holds its socket, and its children with it."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._requests = self._process = None

    def _ask(self, argv: list[str], folder: Path, env: dict[str, str], *files: int) -> Forked:
        try:
            if self._requests is None:
                self._launch()
        except OSError as error:
            raise ForkserverLostError from error
        assert self._requests is not None
        return ask(self._requests, argv, folder, env, *files)

    def _launch(self) -> None:
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({theirs.fileno()})"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # Unbuffered: standard output and errors must come in the order of a terminal.
                env=os.environ
                | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONPATH": import_path()}
                | _sqlite_temporary(),
                start_new_session=True,  # no terminal, so no Ctrl-C meant for the caller
            )


def _sqlite_temporary() -> dict[str, str]:
    """A folder for SQLite's temporary files that also a confined child may write; it removes each as it makes it."""
    folder = places.state().absolute() / "sqlite-tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return {}
    return {"SQLITE_TMPDIR": str(folder)}


def import_path() -> str:
    """A PYTHONPATH that has this package first; the current folder of the caller must not matter."""
    package = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])


# ------------------------------------------------------------------------------------------- the forkserver's own side


def serve(requests_fd: int) -> None:
    """Fork a child for each request until the caller has gone; then end every child that still runs."""
    requests = socket.socket(fileno=requests_fd)
    for name in PRELOAD:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        # What installed packages add to `flask`: else each command looks through all of them anew.
        importlib.import_module("flask.cli").cli._load_plugin_commands()
    gc.collect()
    gc.freeze()  # children must not copy the memory of what they only read
    compiled = Compiled(places.course_root())
    reap_orphans()
    answer(requests, compiled.use, compiled.add_next)


def answer(
    requests: socket.socket, in_child: Callable[[], object], when_idle: Callable[[], bool] = lambda: False
) -> None:
    """Fork a child for each request until nobody holds the other end; then end every child that still runs.

    Args:
        in_child: called in each child before it becomes its program.
        when_idle: called while nothing is asked for, until it returns False.
    """
    more = True
    running: dict[int, socket.socket] = {}
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        while True:
            ready, _, _ = select.select([requests, woken], [], [], 0 if more else None)
            if not ready:
                more = when_idle()
            if woken in ready:
                woken.recv(4096)
                _report_ended(running)
            if requests not in ready:
                continue
            connection, files = _receive(requests)
            if connection is None:
                break
            if (pid := os.fork()) == 0:
                try:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (requests, woken, waker, *running.values()):
                        each.close()
                    in_child()
                    _become_child(connection, *files)
                finally:
                    os._exit(1)  # never back to what is the parent's to do
            for file in files:
                os.close(file)
            running[pid] = connection
            _tell(connection, pid)
    finally:
        for pid in running:
            _kill_group(pid)


def reap_orphans() -> None:
    """Become the parent of what a child leaves behind, so that it does not stay in the system's list when it ends."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _receive(requests: socket.socket) -> tuple[socket.socket, list[int]] | tuple[None, list[int]]:
    try:
        message, files, _, _ = socket.recv_fds(requests, len(HELLO), 3)
    except OSError:
        return None, []
    return (socket.socket(fileno=files[0]), files[1:]) if message else (None, [])


def _become_child(connection: socket.socket, output: int, further: int | None = None) -> NoReturn:
    os.setsid()
    with connection, connection.makefile("rb") as lines:
        request = json.loads(lines.readline() or b"null")
    if request is None:  # the caller has gone
        os._exit(1)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["folder"])
    # What made the forkserver must not be what the child's own children find.
    sys.path[:] = [each for each in sys.path if each]
    try:
        child.become(request["argv"], further)
    except SystemExit as end:
        _end(end.code)


def _end(code: object) -> NoReturn:
    """End as an interpreter does, but for taking down each module, which takes as long as many a command.

    The same is done at the end of a process that `multiprocessing` has forked.
    """
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons; public nowhere
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the learner's code may have closed or replaced it
            stream.flush()
    os._exit(code or 0)


def _report_ended(running: dict[int, socket.socket]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        connection = running.pop(pid, None)
        if connection is not None:
            _tell(connection, status)
            connection.close()


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(NUMBER.pack(number))


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)
