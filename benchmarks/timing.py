"""Take times fairly: what is compared runs in one process run, in turn, and the median counts."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Timed = Callable[[], float]  # does something and says how many seconds the part that counts took


def seconds(action: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median(timed: Timed, repetitions: int) -> float:
    """The median of several times, in seconds. Warm up before, where the first time is another one."""
    return statistics.median(timed() for _ in range(repetitions))


@dataclass(frozen=True)
class Comparison:
    """Two medians, in seconds."""

    ours: float
    other: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.other / self.ours


def side_by_side(ours: Timed, other: Timed, repetitions: int) -> Comparison:
    """Both in turn, so that a machine that slows down slows both; and each goes first every second time."""
    times: dict[Timed, list[float]] = {ours: [], other: []}
    for repetition in range(repetitions):
        for timed in (ours, other) if repetition % 2 == 0 else (other, ours):
            times[timed].append(timed())
    return Comparison(statistics.median(times[ours]), statistics.median(times[other]))
