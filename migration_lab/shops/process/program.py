"""Runs a program in a fresh process, like all code of learners: never in the notebook's kernel, never in a check.

A command takes about 0.05 s in a child of the forkserver, against about 0.6 s in an interpreter started for it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from migration_lab.ground.errors import LabError, reason
from migration_lab.shops.process import forkserver, memory, output
from migration_lab.shops.process.loaded import LoadedApp
from migration_lab.shops.process.memory import Memory
from migration_lab.shops.process.output import Output

LostError = forkserver.ForkserverLostError  # raised by a Child whose forkserver is gone
_given_up: ContextVar[threading.Event | None] = ContextVar("_given_up", default=None)
GRACE_SECONDS = 2.0  # for a child that was asked to end, before it is killed


@dataclass(frozen=True)
class Completed:
    """The result of a command. `exit_code` is minus the signal's number if a signal ended it.

    `output` is standard output and errors, interleaved as a terminal shows them.
    """

    exit_code: int
    output: str


class StoppedError(LabError):
    """A command that reached one of its limits; `output` is its output until then."""

    def __init__(self, message: str, next_step: str, output: str) -> None:
        super().__init__(message, next_step)
        self.output = output


def run(
    argv: list[str],
    *,
    folder: Path,
    env: dict[str, str],
    timeout: float = 60,
    on_output: Callable[[str], None] | None = None,
    app: LoadedApp | None = None,
) -> Completed:
    """Run a program in a fresh process, without a terminal and without input.

    Args:
        argv: `["flask", "db", "upgrade"]`, `["pytest", ...]` or `["module:function", ...]`.
        folder: its current folder, which is also first on its import path.
        env: its whole environment.
        timeout: seconds.
        on_output: called in this thread with each piece of text as it is written.
        app: where an earlier command of the same folder may have left the app loaded.

    Raises:
        StoppedError: the time limit was reached.
        LabError: the folder is not there.
        KeyboardInterrupt: after the child, interrupted as a terminal would, has ended.
    """
    running, read_end = _start(argv, folder, env, app=app)
    written = Output(read_end, on_output)
    try:
        exit_code, limit = _follow(running, written, timeout, Memory(running.pid))
        if limit is not None:
            _end(running, written, at_once=limit is MEMORY)
    except forkserver.ForkserverLostError:
        running.signal(signal.SIGTERM)
        raise LabError(
            f"`{_typed(argv)}` was cut short because the process that had started it was killed from outside.",
            "Run it again; if it says that something exists already, run `lab reset` with the lesson's number.",
        ) from None
    except BaseException:
        with contextlib.suppress(forkserver.ForkserverLostError):
            _end(running, written)
        raise
    written.finish()
    if exit_code is None or limit is not None:
        limit = limit or TIME
        raise StoppedError(
            f"`{_typed(argv)}` was stopped {limit.why.format(seconds=timeout)}.", limit.next_step, written.text()
        )
    return Completed(exit_code, written.text())


@dataclass(frozen=True)
class _Limit:
    """A limit that a command can reach: why it was stopped, and what to do."""

    why: str
    next_step: str


TIME = _Limit(
    "after {seconds:g} seconds",
    "Look for what it waits for: a loop without an end, a sleep, or a lock that another session holds.",
)
OUTPUT = _Limit(
    f"because it had printed more than {output.MOST // 1024**2} MB",
    "Look for a loop without an end that prints, or for a whole table that is printed.",
)
MEMORY = _Limit(
    f"because it took more than {memory.MOST / 1024**3:g} GB of memory",
    "Look for a loop without an end that collects, or for a whole table that is read at once.",
)


class Child(Protocol):
    """A child that runs, or did: `pid`, and two ways to treat it."""

    @property
    def pid(self) -> int: ...
    def wait(self, timeout: float) -> int | None:
        """The exit code; None when it still runs after so many seconds."""
        ...

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        ...


def start(argv: list[str], *, folder: Path, env: dict[str, str]) -> tuple[Child, int]:
    """Start a program as `run` does and go on. It has to look itself whether its parent is still there.

    Its parent is the forkserver, which ends with this process. Without fork it is this process, and the program's
    standard input is a pipe that ends then.

    Args:
        argv, folder, env: as for `run`.

    Returns:
        The child, and a descriptor from which to read what it writes.

    Raises:
        LabError: the folder is not there.
    """
    return _start(argv, folder, env, lease=True)


class _Spawned:
    """A child that is an interpreter of its own, for systems without fork."""

    def __init__(self, argv: list[str], folder: Path, env: dict[str, str], output: int, *, lease: bool) -> None:
        become = "import sys; from migration_lab.shops.process import child; child.become(sys.argv[1:])"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", become, *argv],
            cwd=folder,
            env=env | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONPATH": forkserver.import_path()},
            stdin=subprocess.PIPE if lease else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def wait(self, timeout: float) -> int | None:
        try:
            return self._process.wait(max(timeout, 0))
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: int) -> None:
        if self._process.poll() is not None:
            return
        if os.name == "posix":
            os.killpg(self._process.pid, number)
        else:
            self._process.kill()


_forkserver = forkserver.Forkserver()


def _begin_anew_after_fork() -> None:
    global _forkserver
    _forkserver.abandon()
    _forkserver = forkserver.Forkserver()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_after_fork)


def warm_up() -> None:
    """Get ready for a first command while something else goes on; without it, that command takes about 0.5 s longer."""
    if _uses_forkserver():
        _forkserver.warm_up()


def _uses_forkserver() -> bool:
    return forkserver.is_possible() and os.environ.get("LAB_FORKSERVER") != "0"


def _start(
    argv: list[str], folder: Path, env: dict[str, str], *, lease: bool = False, app: LoadedApp | None = None
) -> tuple[Child, int]:
    if not folder.is_dir():
        raise LabError(f"The folder {folder.name} is not there any more.", "Run `lab reset` with the lesson's number.")
    try:
        read_end, write_end = os.pipe()
    except OSError as error:
        raise _cannot_start(argv, error) from error
    try:
        if _uses_forkserver():
            try:
                if app is not None:
                    return app.start(_forkserver, argv, folder, env, write_end), read_end
                return _forkserver.start(argv, folder, env, write_end), read_end
            except forkserver.ForkserverLostError:
                pass  # slower, but it works
        return _Spawned(argv, folder, env, write_end, lease=lease), read_end
    except OSError as error:
        os.close(read_end)
        raise _cannot_start(argv, error) from error
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)


def _cannot_start(argv: list[str], error: OSError) -> LabError:
    return LabError(
        f"`{_typed(argv)}` cannot be started: {reason(error)}.",
        "Close programs and notebooks that you do not use, then run it again.",
    )


@contextlib.contextmanager
def until(given_up: threading.Event) -> Iterator[None]:
    """Within the block, and in its thread, a command ends as by Ctrl-C once the event is set.

    Ctrl-C itself reaches the main thread alone.
    """
    before = _given_up.set(given_up)
    try:
        yield
    finally:
        _given_up.reset(before)


def _follow(
    running: Child, output: Output, timeout: float, memory: Memory | None = None
) -> tuple[int | None, "_Limit | None"]:
    """Take a child's output until it has ended, or has reached a limit: its exit code, or the limit."""
    until = time.monotonic() + timeout
    while (left := until - time.monotonic()) > 0:
        if memory is not None and (given_up := _given_up.get()) is not None and given_up.is_set():
            raise KeyboardInterrupt
        ended = running.wait(0)
        taken = output.take(min(left, 0.05))
        if taken is False:
            ended = running.wait(until - time.monotonic())
            return ended, (TIME if ended is None else None)
        if taken is None and ended is not None and output.has_all():
            return ended, None  # what it started and left behind may hold the pipe for ever
        if memory is not None and output.is_too_much:
            return None, OUTPUT
        if memory is not None and memory.is_too_much():
            return None, MEMORY
    if (ended := running.wait(0)) is None:
        return None, TIME
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and (output.take(0.05) or not output.has_all()):
        pass  # it ended in time, while this process had no turn to see it
    return ended, None


def _end(running: Child, output: Output, *, at_once: bool = False) -> None:
    """End a child as a person at a terminal would: Ctrl-C first, then with more force; or with force at once."""
    try:
        for number in () if at_once else (signal.SIGINT, signal.SIGTERM):
            running.signal(number)
            if _follow(running, output, GRACE_SECONDS)[0] is not None:
                return
    finally:
        if os.name == "posix":  # also when the child has ended: what it has started may be deaf to Ctrl-C
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running.pid, signal.SIGKILL)
        else:
            running.signal(signal.SIGTERM)
        _follow(running, output, GRACE_SECONDS)


def _typed(argv: list[str]) -> str:
    return " ".join(argv)
