"""The lab's own processes beside this one, which sample locks or send requests. Both sides exchange lines of JSON."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

FOLLOW_SECONDS = 30  # to read its last lines, which are there once it has ended

_speaking = threading.Lock()


class Companion:
    """One of the lab's modules in a process of its own, until it is stopped or this process ends.

    Its standard input carries its orders and is its lease: the input closes when this process stops it or ends, however
    it ends. Orders are not arguments, because other users can read a command line, and an order may hold a password.

    Args:
        module: what `python -m` runs; it reads `told` and calls `say`.
        on_said: called with each value that it sends, in a thread.
        on_end: called last in that thread: with its last line that was not JSON, which is the error; with None if it
            was stopped.
    """

    def __init__(self, module: str, on_said: Callable[[Any], None], on_end: Callable[[str | None], None]) -> None:
        self._is_stopping = False
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            env=os.environ | {"PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # the interrupt that stops a cell must not stop it
        )
        self._follower = threading.Thread(target=self._follow, args=(on_said, on_end), daemon=True)
        self._follower.start()

    def tell(self, what: object) -> None:
        """Send it an order; no error if it has ended."""
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(what) + "\n")
            self.process.stdin.flush()

    def stop(self, seconds: float) -> None:
        """End its lease; kill it if it still runs after these seconds, or if the caller is interrupted."""
        self._is_stopping = True
        assert self.process.stdin is not None
        try:
            with suppress(OSError):
                self.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()
            self._follower.join(FOLLOW_SECONDS)

    def _follow(self, on_said: Callable[[Any], None], on_end: Callable[[str | None], None]) -> None:
        assert self.process.stdout is not None
        last = ""
        with self.process.stdout as lines:
            for line in lines:
                try:
                    said = json.loads(line)
                except ValueError:
                    last = line.strip() or last  # the last line of a traceback is the error
                else:
                    on_said(said)
        on_end(None if self._is_stopping else last)


def told() -> Iterator[Any]:
    """In a companion: its orders, until its lease ends."""
    # Not `sys.stdin`: a thread that waits there would hold a lock that the interpreter needs at exit.
    rest = b""
    while piece := os.read(0, 65536):
        *lines, rest = (rest + piece).split(b"\n")
        yield from map(json.loads, lines)


def say(what: object) -> None:
    """In a companion: send a value, from any thread; exit if the parent is gone."""
    with _speaking:
        try:
            sys.stdout.write(json.dumps(what) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(0)
