"""One measured figure, and how it reads in a table."""

from dataclasses import dataclass
from typing import Literal

from benchmarks.timing import Comparison

HEAD = "| what | measured | compared with | times faster | target | met |\n|---|---:|---:|---:|---|---|"


@dataclass(frozen=True)
class Figure:
    """A figure and its target.

    Args:
        what: the first column.
        value: the median, in `unit`.
        unit: `s` for seconds, `MB` for millions of bytes, `/s` for so many per second; empty for a
            number of things.
        other: the median of what it was compared with, in the same unit.
        other_is: what that was, in a few words.
        at_most: the target for `value`.
        at_least: the target for how many times as fast it is.
    """

    what: str
    value: float
    unit: Literal["s", "MB", "/s", ""] = "s"
    other: float | None = None
    other_is: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as good as the other it is: less time, less memory, more per second."""
        if self.other is None:
            return None
        return self.value / self.other if self.unit == "/s" else self.other / self.value

    @property
    def met(self) -> bool | None:
        """Whether every target is met; None without a target."""
        judged = []
        if self.at_most is not None:
            judged.append(self.value <= self.at_most)
        if self.at_least is not None and self.ratio is not None:
            judged.append(self.ratio >= self.at_least)
        return all(judged) if judged else None

    def row(self) -> str:
        """The figure as a row of a Markdown table."""
        other = "" if self.other is None else f"{shown(self.other, self.unit)}, {self.other_is}"
        ratio = "" if self.ratio is None else f"{self.ratio:.1f}"
        targets = [f"at most {shown(self.at_most, self.unit)}"] if self.at_most is not None else []
        targets += [f"{self.at_least:g} times"] if self.at_least is not None else []
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        cells = (self.what, shown(self.value, self.unit), other, ratio, ", ".join(targets), met)
        return f"| {' | '.join(cells)} |"


def compared(
    what: str, pair: Comparison, other_is: str, *, at_least: float | None = None, at_most: float | None = None
) -> Figure:
    """The figure of a comparison."""
    return Figure(what, pair.ours, "s", pair.other, other_is, at_most, at_least)


def shown(value: float, unit: str) -> str:
    """A value with its unit; times under a second in milliseconds."""
    if unit == "s":
        return f"{value * 1000:.{int(value < 0.02)}f} ms" if value < 1 else f"{value:.1f} s"
    return f"{value:.0f} {unit}".rstrip()
