"""Processes of the lab's own that work beside this one, to sample or to send. Both sides speak in lines of JSON."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

FOLLOW_SECONDS = 2  # for what it said last to be taken in

_speaking = threading.Lock()


class Companion:
    """A module of the lab's in a process of its own, until it is stopped or this process is gone.

    Its standard input is what it is told, and its lease: that ends when this process stops it or dies, however it
    dies. What it is to do comes through it too, because a command line can be read by others and may hold a password.

    Args:
        module: what `python -m` runs; it reads `told` and calls `say`.
        on_said: called with each value that it says, in a thread.
        on_end: called last in that thread, with its last line that was no JSON, which says what was wrong; with None
            when it was stopped.
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
        """Tell it something; no error when it has ended."""
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(what) + "\n")
            self.process.stdin.flush()

    def stop(self, seconds: float) -> None:
        """End its lease, and kill it when it still runs after so many seconds or when the caller is interrupted."""
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
                    last = line.strip() or last  # of a traceback, the last line says most
                else:
                    on_said(said)
        on_end(None if self._is_stopping else last)


def told() -> Iterator[Any]:
    """In a companion: what it is told, until its lease ends."""
    # Not `sys.stdin`: a thread that waits in it would hold the lock that the interpreter needs to end.
    rest = b""
    while piece := os.read(0, 65536):
        *lines, rest = (rest + piece).split(b"\n")
        yield from map(json.loads, lines)


def say(what: object) -> None:
    """In a companion: say something, from any thread; the end of the process when its parent is gone."""
    with _speaking:
        try:
            sys.stdout.write(json.dumps(what) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(0)
