"""The course's own server: one for all notebooks of a user, started by the first process that needs it.

Every process that uses it holds a lease, a shared lock on the file `leases`, which the kernel frees when the process
ends, however it ends. The watcher stops the server when no lease has been held for a while. Whether the server runs is
never read from a file: a process is attached when a connection succeeds, and as long as the server that answered
lives. Every change of the server happens under the lock `start.lock`.
"""

import atexit
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from migration_lab.ground import connect, places, variables
from migration_lab.ground.database_errors import explain
from migration_lab.ground.engines.postgres import cluster, watcher
from migration_lab.ground.engines.postgres.binaries import Binaries, Runner, find_binaries, find_runner
from migration_lab.ground.engines.postgres.causes import OTHERWISE, failed
from migration_lab.ground.engines.postgres.house import SOCKET_NAME, House, has_password, point_socket_at, prepare
from migration_lab.ground.engines.postgres.private import make_private
from migration_lab.ground.errors import LabError

START_LIMIT = 120.0  # seconds: a slow disk, a full room
GRACE = 60.0  # seconds without a user before the server stops; LAB_POSTGRES_GRACE in the environment overrides it

_leases: dict[Path, int] = {}
_answered: dict[Path, "_Answered | None"] = {}  # by house
_leases_guard = threading.Lock()
_children: list[subprocess.Popen[bytes]] = []  # the servers and watchers that this process started


class StartError(Exception):
    """The server ended instead of answering; the text is its last message."""


@dataclass(frozen=True)
class _Answered:
    """The last answer in a house: the server's process, the socket, and the accepted password."""

    postmaster: psutil.Process
    socket: Path
    passfile: tuple[int, int]

    def is_still_so(self, house: House) -> bool:
        """Whether a connection would succeed again, as far as this is visible without one."""
        try:
            same = self.passfile == _sign(house.passfile) and self.socket.exists()
            return same and self.postmaster.is_running() and self.postmaster.status() != psutil.STATUS_ZOMBIE
        except (OSError, psutil.Error):
            return False


class PasswordError(Exception):
    """The server answered, but refused the password in the house."""


def attach() -> tuple[House, psycopg.Connection]:
    """Connect to the server; start or repair it if it does not answer.

    It also removes all `PG*` variables from this process's environment: libpq reads them for every later connection,
    including SQLAlchemy's connections to the same server.

    Raises:
        LabError: there are no programs, or they cannot run.
    """
    house, binaries = _enter()
    try:
        connection = connect.to_server(house.parameters())
    except psycopg.OperationalError:
        with _starting(house):
            connection = _connect_or_start(house, binaries)
    _see_to_watcher(house)
    _answered[house.folder] = _now(house)
    return house, connection


def answers() -> House | None:
    """The house, if its server has answered this process before and still runs; if None, `attach` to it.

    A connection would be more certain, but costs the server a process each time.
    """
    house, _ = _enter()
    answered = _answered.get(house.folder)
    if answered is None or not answered.is_still_so(house):
        return None
    _see_to_watcher(house)
    return house


def stop() -> None:
    """Stop the servers whose data is under `places.state()`, in use or not; they start again when needed."""
    for folder in (places.state().absolute() / "postgres").glob("*/data"):
        watcher.stop_server(os.path.realpath(folder))


def _enter() -> tuple[House, Binaries]:
    """Take a lease on the house, so that its server is not stopped."""
    binaries = find_binaries()
    for name in [each for each in os.environ if each.startswith("PG")]:
        # libpq would prefer a PGPASSWORD from the learner's shell to the password in the house, for example.
        del os.environ[name]
    house = House(places.state().absolute() / "postgres" / str(binaries.major))
    take_lease(house)
    return house, binaries


def _now(house: House) -> _Answered | None:
    """Call this when the server has answered; its process id and start time identify it."""
    number = watcher.noted_postmaster(os.path.realpath(house.data))
    try:
        socket = Path(f"{house.socket}{SOCKET_NAME}")
        return _Answered(psutil.Process(number), socket, _sign(house.passfile)) if number else None
    except (OSError, psutil.Error):
        return None


def _sign(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def take_lease(house: House) -> None:
    """Hold a shared lock on the house's `leases` until this process ends."""
    path = house.folder / "leases"
    with _leases_guard:
        held = _leases.get(house.folder)
        if held is not None:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held), path.stat()):
                    return
            os.close(_leases.pop(house.folder))  # the house was removed, with the lease in it
        make_private(house.folder.parent)
        make_private(house.folder)
        lease = watcher.lock(path, fcntl.LOCK_SH)  # waits while the watcher stops the server
        assert lease is not None
        _leases[house.folder] = lease


@contextmanager
def _starting(house: House) -> Iterator[None]:
    """Hold the right to start, stop or repair the server."""
    deadline = time.monotonic() + START_LIMIT
    while (lock := watcher.lock(house.folder / "start.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)) is None:
        if time.monotonic() > deadline:
            raise LabError(
                f"Another process has been starting Postgres for {START_LIMIT:.0f} seconds.",
                "Shut down all notebooks, then try again.",
            )
        time.sleep(0.02)
    try:
        yield
    finally:
        os.close(lock)


def _see_to_watcher(house: House) -> None:
    """Start a watcher unless one runs. It inherits the lock that shows this, so there is never a second one."""
    lock = watcher.lock(house.folder / "watcher.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    if lock is None:
        return
    command = [sys.executable, "-P", str(Path(watcher.__file__)), str(house.folder), str(_grace()), str(lock)]
    try:
        _keep(
            subprocess.Popen(
                command,
                pass_fds=[lock],
                cwd="/",
                env=variables.needed(),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    finally:
        os.close(lock)


def _keep(child: subprocess.Popen[bytes]) -> None:
    """Remember a child that may outlive this process; forget those that have ended."""
    _children[:] = [each for each in _children if each.poll() is None] + [child]


@atexit.register
def _leave_children() -> None:
    for child in _children:
        child.returncode = 0  # otherwise Python warns that it still runs, as it should


def _grace() -> float:
    try:
        return float(os.environ.get("LAB_POSTGRES_GRACE") or GRACE)
    except ValueError:
        return GRACE


def _connect_or_start(house: House, binaries: Binaries) -> psycopg.Connection:
    """Try again: another process may have started it; a server that is only busy is left alone."""
    try:
        return _connect_patiently(house)
    except psycopg.OperationalError as error:
        if "too many clients" in str(error) or "connection slots" in str(error):
            raise explain(error) from error
    _see_to_watcher(house)  # before the start: it cleans up if we are killed in the middle
    _start(house, binaries)
    try:
        return _connect_patiently(house)
    except psycopg.OperationalError as error:
        raise explain(error) from error


def _connect_patiently(house: House) -> psycopg.Connection:
    """Connect to a server that may be slow to answer, starting up, shutting down or recovering.

    Raises:
        psycopg.OperationalError: there is none, it refuses, or it is still not ready after `START_LIMIT`.
    """
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            return connect.to_server(house.parameters())
        except psycopg.OperationalError as error:
            is_busy = isinstance(error, psycopg.errors.ConnectionTimeout) or "the database system is" in str(error)
            if not is_busy or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _start(house: House, binaries: Binaries) -> None:
    runner = find_runner(binaries)
    prepare(house, runner.owner)
    cluster.place(house, runner)
    # From here on no process uses the data, so a remaining `postmaster.pid` means nothing.
    watcher.stop_server(os.path.realpath(house.data))
    is_fresh = not cluster.is_whole(house)
    if is_fresh:
        cluster.make(house, binaries, runner)
    elif not has_password(house):
        cluster.change_password(house, binaries, runner)
    try:
        try:
            _launch(house, binaries, runner)
        except PasswordError:
            cluster.change_password(house, binaries, runner)
            _launch(house, binaries, runner)
    except StartError as failure:
        if is_fresh:
            raise failed("started", str(failure)) from failure
        _start_anew(house, binaries, runner, failure)


def _start_anew(house: House, binaries: Binaries, runner: Runner, failure: StartError) -> None:
    """The data is damaged (the lab's settings trade safety in a power cut for speed): start with new data.

    If new data does not help, the old data is restored, because the fault is elsewhere.
    """
    with cluster.set_aside(house):
        cluster.make(house, binaries, runner)
        try:
            _launch(house, binaries, runner)
        except StartError:
            raise failed("started", str(failure)) from failure


def _launch(house: House, binaries: Binaries, runner: Runner) -> None:
    """Start the server and wait until it answers.

    Raises:
        StartError, PasswordError, LabError: it is not running.
    """
    data = os.path.realpath(house.data)
    socket_folder = cluster.configure(house, binaries, runner)
    parameters = {**house.parameters(), "host": str(socket_folder)}
    with house.log.open("wb") as log:
        process = subprocess.Popen(
            [*runner.prefix, binaries.program("postgres"), "-D", data],
            cwd="/",
            env=cluster.environment(),
            start_new_session=True,  # neither Ctrl-C nor the end of a terminal or kernel reaches it
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    _keep(process)
    deadline = time.monotonic() + START_LIMIT
    while True:
        has_ended = process.poll() is not None
        try:
            connect.to_server(parameters).close()
            break
        except psycopg.OperationalError as error:
            if has_ended:
                raise StartError(cluster.last_words(house.log.read_text(errors="replace"))) from error
            if "password" in str(error):
                watcher.stop_server(data)
                raise PasswordError from error
            if time.monotonic() > deadline:
                watcher.stop_server(data)
                raise LabError(
                    f"Postgres did not start within {START_LIMIT:.0f} seconds.",
                    f"Try again, {OTHERWISE}",
                ) from error
        time.sleep(0.01)
    point_socket_at(house, socket_folder)
