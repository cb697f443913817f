"""Timelines as a picture: inline SVG in the colours of the theme, readable in grey and by a screen reader.

A dot is a request, placed where it was due and as high as it waited; a triangle is one that writes, a cross one that
failed. Below are bars: commands with their revisions, and the time in which sessions waited for locks.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import zip_longest

from migration_lab.timeline.model import Timeline, merged
from migration_lab.timeline.text import duration

WIDTH, LEFT, RIGHT = 760, 84, 60  # on the right there is room for the words that follow a bar
PLOT, BAR, TITLE, GAP = 120, 16, 24, 14  # heights, in units of the picture
LETTER = 6.2  # the width of a small one, about
FLOOR = 0.001  # seconds: what was answered faster is drawn at the bottom
TICKS = (0.001, 0.01, 0.1, 1.0, 10.0)
INK, FAINT = "var(--jp-ui-font-color1, #222)", "var(--jp-border-color1, #aaa)"
PAPER = "var(--jp-layout-color0, #fff)"
READ, WRITE = "var(--jp-info-color0, #0d47a1)", "var(--jp-warn-color0, #a04000)"
FAIL = "var(--jp-error-color0, #b00020)"
DOT, TRIANGLE, CROSS = "m-2,0a2,2 0 1,0 4,0a2,2 0 1,0 -4,0", "m0,-3.5l3.2,5.6h-6.4z", "m-3,-3l6,6m0,-6l-6,6"


def as_svg(timelines: Sequence[Timeline]) -> str:
    """All of them, one below the other, on the same axes."""
    seconds = max([each.seconds for each in timelines] + [0.1]) * 1.02
    highest = max([outcome.waited for each in timelines for outcome in each.outcomes] + [0.1])
    top = next((tick for tick in TICKS if tick >= highest), highest)
    parts: list[str] = []
    y = 0.0
    for each in timelines:
        panel = _Panel(each, y, seconds, top)
        parts += panel.parts()
        y = panel.bottom + GAP
    parts += _seconds(y, seconds)
    height = y + 69
    parts += _legend(y + 40)
    label = "Timeline of requests, commands and waits for locks: " + "; ".join(each.title for each in timelines)
    return (
        f'<svg class="lab-timeline" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'style="max-width:{WIDTH}px;width:100%;font:12px var(--jp-ui-font-family, sans-serif)" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


class _Panel:
    """One timeline: its title, the requests, and the bars below them."""

    def __init__(self, timeline: Timeline, y: float, seconds: float, top: float) -> None:
        self._of = timeline
        self._y = y + TITLE
        self._x: Callable[[float], float] = lambda at: (
            LEFT + min(max(at - timeline.began, 0) / seconds, 1) * (WIDTH - LEFT - RIGHT)
        )
        span = math.log(top / FLOOR)
        self._up: Callable[[float], float] = lambda waited: (
            self._y + PLOT * (1 - math.log(min(max(waited, FLOOR), top) / FLOOR) / span)
        )
        self._top = top
        self.bottom = self._y + PLOT + 2 * (BAR + 4) + 4

    def parts(self) -> list[str]:
        """The elements of the panel."""
        return [
            _text(0, self._y - 11, self._of.title, weight="bold"),
            *self._grid(),
            *self._requests(),
            *self._phases(),
            *self._commands(self._y + PLOT + 8),
            *self._waits(self._y + PLOT + BAR + 12),
        ]

    def _grid(self) -> Iterable[str]:
        for tick in (each for each in TICKS if each <= self._top):
            y = self._up(tick)
            yield _line(LEFT, y, WIDTH - RIGHT, y)
            yield _text(LEFT - 6, y + 4, "1 ms or less" if tick == FLOOR else duration(tick), anchor="end", size=10)

    def _phases(self) -> Iterable[str]:
        taken: list[float] = []  # up to where each line of names is written, from above
        for mark in self._of.phases:
            at = self._x(mark.at)
            yield _line(at, self._y, at, self._y + PLOT, colour=INK)
            width = LETTER * len(mark.name)
            left = at + 3 if at + 3 + width <= WIDTH else at - 3 - width
            row = next((row for row, end in enumerate(taken) if left > end), len(taken))
            yield _text(left, self._y + 9 + 11 * row, mark.name, size=10, halo=True)
            taken[row : row + 1] = [left + width]

    def _requests(self) -> Iterable[str]:
        reads = [each for each in self._of.outcomes if each.ok and not each.writes]
        writes = [each for each in self._of.outcomes if each.ok and each.writes]
        failed = [each for each in self._of.outcomes if not each.ok]
        for outcomes, shape in ((reads, _dot), (writes, _triangle), (failed, _cross)):
            yield shape([(self._x(each.due), self._up(each.waited)) for each in outcomes])

    def _commands(self, y: float) -> Iterable[str]:
        spans = self._of.spans
        if spans:
            yield _text(LEFT - 6, y + 12, "commands", anchor="end", size=10)
        for span, following in zip_longest(spans, spans[1:]):
            room = self._x(following.begin) if following else float(WIDTH)
            begin, end = self._x(span.begin), self._x(span.begin + span.seconds)
            yield _bar(begin, y, end - begin, dashed=bool(span.exit_code))
            for mark in span.marks:
                yield _line(self._x(mark.at), self._y, self._x(mark.at), y + BAR, dashed=True, colour=INK)
            names = [] if span.marks else [(begin + 3, span.name + (" (failed)" if span.exit_code else ""))]
            beside = []  # names for which the bar has no room
            for at, close in _close([(self._x(mark.at), mark.name) for mark in span.marks]):
                words = ", ".join(close)
                if at + 3 + LETTER * len(words) <= end:
                    names.append((at + 3, words))
                else:
                    beside.append(words)
            if beside:
                names.append((end + 3, ", ".join(beside)))
            for at, words in names:
                if at + LETTER * len(words) <= room:  # else the next bar stands there; the text says it all the same
                    yield _text(at, y + 12, words, size=10, halo=True)

    def _waits(self, y: float) -> Iterable[str]:
        yield _text(LEFT - 6, y + 12, "waits for locks", anchor="end", size=10)
        found = merged((each.begin, each.end) for each in self._of.blocked)
        for begin, end in found:
            at = self._x(begin)
            yield _bar(at, y, max(self._x(end) - at, 1.5), hatched=True)
        if found:
            yield _text(max(self._x(found[-1][1]) + 4, LEFT), y + 12, duration(self._of.blocked_for), size=10)


def _close(marks: Sequence[tuple[float, str]]) -> list[tuple[float, list[str]]]:
    """Names by where they stand; those that would be written over each other stand together at the first."""
    found: list[tuple[float, list[str]]] = []
    for at, name in marks:
        if found and at < found[-1][0] + 8 + 6.5 * len(", ".join(found[-1][1])):
            found[-1][1].append(name)
        else:
            found.append((at, [name]))
    return found


def _seconds(y: float, seconds: float) -> Iterable[str]:
    """The axis of time below all panels."""
    step = next((each for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60) if seconds / each <= 10), 300)
    yield _line(LEFT, y, WIDTH - RIGHT, y, colour=INK)
    for number in range(int(seconds / step) + 1):
        x = LEFT + number * step / seconds * (WIDTH - LEFT - RIGHT)
        yield _line(x, y, x, y + 4, colour=INK)
        yield _text(x, y + 16, f"{number * step:g}", anchor="middle", size=10)
    yield _text(0, y + 16, "seconds", size=10)


def _legend(y: float) -> Iterable[str]:
    at = float(LEFT)
    for shape, words in ((_dot, "a read"), (_triangle, "a write"), (_cross, "a request that failed")):
        yield shape([(at, y - 4)])
        yield _text(at + 8, y, words, size=10)
        at += 26 + LETTER * len(words)
    yield _text(at, y, "higher: it waited longer", size=10)
    bars = "line: a phase begins · dotted line: a revision begins · dashed box: a command that failed"
    yield _text(LEFT - 4, y + 15, bars, size=10)


def _dot(places: Sequence[tuple[float, float]]) -> str:
    return _marks(places, DOT, f'fill="{READ}"')


def _triangle(places: Sequence[tuple[float, float]]) -> str:
    return _marks(places, TRIANGLE, f'fill="none" stroke="{WRITE}" stroke-width="1.2"')


def _cross(places: Sequence[tuple[float, float]]) -> str:
    return _marks(places, CROSS, f'fill="none" stroke="{FAIL}" stroke-width="1.2"')


def _marks(places: Sequence[tuple[float, float]], shape: str, style: str) -> str:
    """The same mark at all these places, as one element."""
    path = "".join(f"M{x:.1f},{y:.1f}{shape}" for x, y in places)
    return f'<path d="{path}" {style}/>' if path else ""


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: str = "normal",
    halo: bool = False,
) -> str:
    """Words; with a halo of the background's colour they can be read where lines and dots are."""
    around = f' paint-order="stroke" stroke="{PAPER}" stroke-width="3" stroke-linejoin="round"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{INK}"{around}>{escape(text)}</text>'
    )


def _line(x: float, y: float, to_x: float, to_y: float, *, dashed: bool = False, colour: str = FAINT) -> str:
    dashes = ' stroke-dasharray="2,2"' if dashed else ""
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="0.7"{dashes}/>'


def _bar(x: float, y: float, width: float, *, dashed: bool = False, hatched: bool = False) -> str:
    dashes = ' stroke-dasharray="3,2"' if dashed else ""
    bar = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{BAR}" fill="none" stroke="{INK}" '
        f'stroke-width="1"{dashes}/>'
    )
    if not hatched:
        return bar
    lines = "".join(
        f"M{x + at:.1f},{y + BAR:.1f}l{min(6, width - at):.1f},{-BAR * min(6, width - at) / 6:.1f}"
        for at in range(0, max(int(width), 1), 5)
    )
    return f'{bar}<path d="{lines}" stroke="{INK}" stroke-width="0.8" fill="none"/>'
