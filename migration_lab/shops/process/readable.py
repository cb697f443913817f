"""Waits until a pipe or a socket has something to read, or has ended. POSIX only."""

import math
import select

LONGEST = 2**31 - 1  # milliseconds that `poll` takes, which are 24 days


def wait_readable(descriptor: int, seconds: float | None = None) -> bool:
    """Whether it can be read within so many seconds; by default the wait has no limit."""
    poll = select.poll()  # `select.select` does not take a number above 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else math.ceil(min(max(seconds, 0) * 1000, LONGEST))))
