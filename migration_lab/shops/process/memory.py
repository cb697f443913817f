"""How much memory a command takes, including the processes that it started."""

import time
from contextlib import suppress
from pathlib import Path

import psutil

MOST = 2 * 1024**3  # bytes; a migration of the course takes less than a twentieth of that
EVERY = 0.25  # seconds; a check takes some milliseconds, and a command that ends sooner is not checked


class Memory:
    """Checks from time to time.

    Args:
        pid: the command's process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._next = time.monotonic() + EVERY

    def is_too_much(self) -> bool:
        """Whether it takes more than `MOST` now."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + EVERY
        return _taken(self._pid) > MOST


def _taken(pid: int) -> int:
    try:
        return sum(map(_resident, family_of(psutil.Process(pid))))
    except psutil.Error:
        return 0


def family_of(process: psutil.Process) -> list[psutil.Process]:
    """A process and its descendants, from Linux's own lists: psutil would read about all processes, and in a
    room of learners there are many."""
    threads = Path(f"/proc/{process.pid}/task")
    if not (threads / str(process.pid) / "children").is_file():
        return [process, *process.children(recursive=True)]
    family, ahead = [process], [threads]
    while ahead:
        for listed in ahead.pop().glob("*/children"):
            with suppress(OSError, psutil.Error):
                for pid in map(int, listed.read_text().split()):
                    family.append(psutil.Process(pid))
                    ahead.append(Path(f"/proc/{pid}/task"))
    return family


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
