"""What runs in the watching process: samples, one JSON line each, until its parent is gone."""

import json
import os
import sys
import threading
import time
from typing import Any, NoReturn


def main() -> None:
    """Read what to watch from the first line of standard input, then sample at its pace.

    Standard input is the lease: it ends when the parent closes it or dies, however it dies, and so does this process.
    What is watched comes through it too, because a command line can be read by others and may hold a password.
    """
    task = json.loads(_first_line())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        _watch(task)
    except Exception as error:  # every kind of failure is a sentence in the parent, and ends this process
        said = str(error).strip().splitlines() or [type(error).__name__]
        _say({"trouble": said[0].rstrip(".")})


def _watch(task: dict[str, Any]) -> NoReturn:
    sampler: Any
    if task["engine"] == "sqlite":
        from migration_lab.instruments.locks import sqlite

        sampler = sqlite.Sampler(task["file"])
    else:
        from migration_lab.instruments.locks import postgres

        sampler = postgres.Sampler(task["parameters"])
    while True:
        due = time.monotonic() + task["every"]
        _say(sampler.sample())
        time.sleep(max(due - time.monotonic(), task["every"] / 4))  # a slow server gets time between samples


def _say(what: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def _first_line() -> bytes:
    # Not `sys.stdin`: a thread that waits in it would hold the lock that the interpreter needs to end.
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            os._exit(0)
        line += piece
    return line


def _leave_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
