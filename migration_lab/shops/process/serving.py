"""The forkserver's side: it imports, waits for requests, and forks a child for each."""

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
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from migration_lab.ground import places
from migration_lab.shops.process import child
from migration_lab.shops.process.compiled import Compiled
from migration_lab.shops.process.forkserver import FOR_TESTS, HELLO, NUMBER

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
# A command ends before its garbage takes room. Python's own thresholds take a twentieth of its time.
RARELY = (100_000, 50, 100)
SET_CHILD_SUBREAPER = 36  # of prctl


def serve(requests_fd: int) -> None:
    """Fork a child for each request until the caller is gone; then end every child that still runs."""
    requests = socket.socket(fileno=requests_fd)
    for name in PRELOAD:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        # Installed packages' commands for `flask`; otherwise each command searches all packages again.
        importlib.import_module("flask.cli").cli._load_plugin_commands()
    gc.set_threshold(*RARELY)
    _keep()
    compiled = Compiled(places.course_root())
    reap_orphans()
    answer(requests, compiled.use, compiled.add_next)


def _keep() -> None:
    """Collect garbage, and take what is left out of further collections: children must not copy what they only read."""
    gc.collect()
    gc.freeze()


def import_pytest() -> None:
    """What the shop's own tests import, once for all: a third of a short run. Few kernels need it."""
    if "pytest" in sys.modules:
        return
    from _pytest.config import default_plugins

    for name in ("pytest", *(f"_pytest.{each}" for each in default_plugins)):
        importlib.import_module(name)
    _keep()


def answer(
    requests: socket.socket, in_child: Callable[[], object], when_idle: Callable[[], bool] = lambda: False
) -> None:
    """Fork a child for each request until the other end is closed; then end every child that still runs.

    Args:
        in_child: called in each child before it becomes its program.
        when_idle: called while there is no request, until it returns False.
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
            message, connection, files = _receive(requests)
            if connection is None:
                break
            if message == FOR_TESTS:
                with contextlib.suppress(Exception):  # the child says what is wrong
                    import_pytest()
            if (pid := os.fork()) == 0:
                try:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (requests, woken, waker, *running.values()):
                        each.close()
                    in_child()
                    _become_child(connection, *files)
                finally:
                    os._exit(1)  # never return into the parent's code
            for file in files:
                os.close(file)
            running[pid] = connection
            _tell(connection, pid)
    finally:
        for pid in running:
            _kill_group(pid)


def reap_orphans() -> None:
    """Become the parent of processes that a child leaves behind, so that they do not remain as zombies."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _receive(requests: socket.socket) -> tuple[bytes, socket.socket | None, list[int]]:
    try:
        message, files, _, _ = socket.recv_fds(requests, len(HELLO), 3)
    except OSError:
        return b"", None, []
    return (message, socket.socket(fileno=files[0]), files[1:]) if message else (b"", None, [])


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
    # The child's own children must not see the forkserver's command.
    sys.path[:] = [each for each in sys.path if each]
    try:
        child.become(request["argv"], further)
    except SystemExit as end:
        _end(end.code)


def _end(code: object) -> NoReturn:
    """End like an interpreter, but without tearing down each module, which can take as long as a command.

    A process forked by `multiprocessing` ends in the same way.
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
