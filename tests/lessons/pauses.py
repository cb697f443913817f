"""Two minutes of a reader's time before each cell, without waiting: IPython runs this at the start of a test's kernel.

The clock by which commands are stopped is put forward before each cell. So a command that runs beside the cells and has
a limit is stopped there, as it is where a person reads on before the next cell.
"""

import threading
import time
from collections import Counter
from typing import Any

from IPython import get_ipython

from migration_lab.shops.process import program

PAUSE_SECONDS = 120
LOOKS = 2  # at the clock, by which who follows a command has seen that its limit is reached
PATIENCE_SECONDS = 30


class Clock:
    """The module `time`, with a clock that is ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._looks: Counter[threading.Thread] = Counter()

    def monotonic(self) -> float:
        self._looks[threading.current_thread()] += 1
        return time.monotonic() + self.ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def put_forward(self, *_: object) -> None:
        """Let the time pass, and let all who follow a command beside the cells see it."""
        commands = [each for each in threading.enumerate() if "flask" in each.name]
        self._wait_for_looks(commands)  # one that a cell has just started must have begun before the time passes
        self.ahead += PAUSE_SECONDS
        self._looks.clear()
        self._wait_for_looks(commands)

    def _wait_for_looks(self, commands: list[threading.Thread]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while any(each.is_alive() and self._looks[each] < LOOKS for each in commands) and time.monotonic() < until:
            time.sleep(0.01)


clock = Clock()
vars(program)["time"] = clock
get_ipython().events.register("pre_run_cell", clock.put_forward)
