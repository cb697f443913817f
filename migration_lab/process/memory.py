"""How much memory a command takes, with all that it has started."""

import time

import psutil

MOST = 2 * 1024**3  # bytes; a migration of the course takes less than a twentieth of that
EVERY = 0.25  # seconds; a look takes some milliseconds, and a command that ends sooner is not looked at


class Memory:
    """Looks now and then.

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
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(map(_resident, family))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
