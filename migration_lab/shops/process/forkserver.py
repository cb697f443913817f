"""A process that has imported what every `flask db` command imports, and forks a fresh child for each command.

`multiprocessing` has a forkserver too. It is not used because it imports the caller's `__main__` again in the child,
needs a current folder that exists, passes on the caller's `sys.path` and terminal, and is shared with the caller's own
use of it. This one starts each child from a clean interpreter, as a terminal does. Here is the caller's side; the
process itself is in serving.py.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from migration_lab.ground import places, variables
from migration_lab.shops.process.readable import wait_readable

NUMBER = struct.Struct("!i")
HELLO, FOR_TESTS = b"+", b"t"  # a request for a child, and for one that runs pytest
START_SECONDS = 90.0  # for a forkserver to import what it has to: half a second, and at a load of 13 up to three
SERVING = "migration_lab.shops.process.serving"


def is_possible() -> bool:
    """Whether this system can fork and pass open files to another process."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


class ForkserverLostError(Exception):
    """The forkserver ended before it could handle the request."""


class Forked:
    """A running child of the forkserver. `pid` is also the id of its process group."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._exit_code: int | None = None
        self.pid = self._receive(START_SECONDS)

    def wait(self, timeout: float) -> int | None:
        """The exit code, or minus the number of the signal that ended the child; None while it still runs.

        Raises:
            ForkserverLostError: the forkserver is gone, so the exit code is unknown.
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
        if not wait_readable(self._connection.fileno(), timeout):
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
            message = FOR_TESTS if argv[0] == "pytest" else HELLO
            socket.send_fds(requests, [message], [theirs.fileno(), *files])
        forked = Forked(ours)
        # Only now: a caller that is interrupted before, or asks again, leaves a child without an order;
        # it ends when `ours` is closed.
        ours.sendall(json.dumps({"argv": argv, "folder": str(folder), "env": env}).encode() + b"\n")
        return forked
    except (OSError, ForkserverLostError) as error:
        ours.close()
        raise ForkserverLostError from error
    except BaseException:
        ours.close()
        raise


class Forkserver:
    """The caller's side: one per process, started at the first command and again whenever it is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, argv: list[str], folder: Path, env: dict[str, str], *files: int) -> Forked:
        """Start a child.

        Args:
            files: its open files: for its output and, for `loaded`, a socket for further requests.

        Raises:
            ForkserverLostError: it could not be started, even at a second attempt.
        """
        with self._lock:
            try:
                return self._ask(argv, folder, env, *files)
            except ForkserverLostError:
                self.forget()
                return self._ask(argv, folder, env, *files)

    def warm_up(self) -> None:
        """Start it if it is not running, without waiting until it is ready."""
        with self._lock:
            if self._requests is None:
                self._launch()

    def abandon(self) -> None:
        """In a fork of the caller: close the connection only. The parent keeps the forkserver and ends it."""
        if self._requests is not None:
            self._requests.close()

    def forget(self) -> None:
        """Release the forkserver; it ends, with its children, when no process holds its socket."""
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
                [
                    sys.executable,
                    "-P",
                    "-c",
                    f"from migration_lab.shops.process.serving import serve; serve({theirs.fileno()})",
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # Its children can read what it was started with. Unbuffered: standard output and errors must come in
                # the order of a terminal.
                env=variables.needed()
                | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONPATH": import_path()}
                | _sqlite_temporary(),
                start_new_session=True,  # no terminal, so no Ctrl-C meant for the caller
            )


def _sqlite_temporary() -> dict[str, str]:
    """A folder for SQLite's temporary files that a confined child may write; SQLite unlinks each as it creates it."""
    folder = places.state().absolute() / "sqlite-tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return {}
    return {"SQLITE_TMPDIR": str(folder)}


def import_path() -> str:
    """A PYTHONPATH that has this package first; the current folder of the caller must not matter."""
    package = str(Path(__file__).resolve().parents[3])
    return os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
