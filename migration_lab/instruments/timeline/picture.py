"""Timelines as a picture: inline SVG in the colours of the theme, readable in grey and by a screen reader.

A mark is a request, placed where it was due and as high as it waited; reads and writes have a strip each. Below are
bars: commands with their revisions, sessions with an open transaction, and the time in which sessions waited for locks.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import groupby

from migration_lab.instruments.timeline.labels import beside, stacked, width
from migration_lab.instruments.timeline.model import Span, Timeline, merged
from migration_lab.instruments.timeline.text import duration
from migration_lab.instruments.traffic import Outcome

WIDTH, LEFT, RIGHT = 1000, 150, 24
STRIP, SPACE, BAR, ROW, TITLE, GAP = 96, 18, 20, 22, 30, 22  # heights, in units of the picture
BIG, SMALL = 18, 15  # letters: readable from the last row of a classroom
FLOOR = 0.001  # seconds: faster answers are drawn at the bottom
TICKS = (0.001, 0.01, 0.1, 1.0, 10.0)
INK, FAINT = "var(--jp-ui-font-color1, #222)", "var(--jp-border-color1, #aaa)"
PAPER = "var(--jp-layout-color0, #fff)"
READ, WRITE = "var(--jp-info-color0, #0d47a1)", "var(--jp-warn-color0, #a04000)"
FAIL = "var(--jp-error-color1, #b00020)"
DOT, TRIANGLE, CROSS = "m-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0", "m0,-4.5l4.2,7.4h-8.4z", "m-4,-4l8,8m0,-8l-8,8"


def as_svg(timelines: Sequence[Timeline]) -> str:
    """All of them, one below the other, on the same axes."""
    seconds = max([each.seconds for each in timelines] + [0.1]) * 1.02
    highest = max([outcome.waited for each in timelines for outcome in each.outcomes] + [0.1])
    top = next((tick for tick in TICKS if tick >= highest), highest)
    parts: list[str] = []
    y = 0.0
    for each in timelines:
        panel = _Panel(each, y, seconds, top)
        parts += panel.parts
        y = panel.bottom + GAP
    parts += _seconds(y - GAP / 2, seconds)
    legend, height = _legend(y + 64, timelines)
    label = "Timeline of requests, commands and waits for locks: " + "; ".join(each.title for each in timelines)
    return (
        f'<svg class="lab-timeline" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'style="width:100%;font-family:var(--jp-ui-font-family, sans-serif)" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join([*parts, *legend])}</svg>'
    )


class _Panel:
    """One timeline: its title, the names of its phases, two strips of requests, and the bars below them."""

    def __init__(self, timeline: Timeline, y: float, seconds: float, top: float) -> None:
        self._of, self._top = timeline, top
        self._x: Callable[[float], float] = lambda at: (
            LEFT + min(max(at - timeline.began, 0) / seconds, 1) * (WIDTH - LEFT - RIGHT)
        )
        self.parts: list[str] = [_text(0, y + BIG, timeline.title, size=BIG, weight="bold")]
        phases = stacked([(self._x(mark.at) + 5, mark.name) for mark in timeline.phases], LEFT, WIDTH)
        self._begin = y + TITLE + ROW * (1 + max([each.row for each in phases], default=-1))
        self.bottom = self._begin
        reads = [each for each in timeline.outcomes if not each.writes]
        writes = [each for each in timeline.outcomes if each.writes]
        for name, outcomes in (("reads", reads), ("writes", writes)):
            if outcomes or not timeline.outcomes:
                self._strip(name, outcomes)
        for mark, label in zip(timeline.phases, phases, strict=True):
            down = y + TITLE + ROW * label.row
            self.parts.append(_line(self._x(mark.at), down, self._x(mark.at), self.bottom, colour=INK))
            self.parts.append(_text(label.x, down + SMALL, label.text, halo=True))
        self._bars()

    def _strip(self, name: str, outcomes: Sequence[Outcome]) -> None:
        """Requests of one kind; a higher mark is a longer wait."""
        begin, self.bottom = self.bottom + SPACE, self.bottom + SPACE + STRIP
        span = math.log(self._top / FLOOR)

        def up(waited: float) -> float:
            return begin + STRIP * (1 - math.log(min(max(waited, FLOOR), self._top) / FLOOR) / span)

        self.parts.append(_text(0, begin + STRIP / 2, name, weight="bold"))
        self.parts.append(_text(0, begin + STRIP / 2 + SMALL + 2, "waited for", size=SMALL - 2))
        for tick in (each for each in TICKS if each <= self._top):
            words = "≤ 1 ms" if tick == FLOOR else duration(tick).replace(".00", "")
            self.parts.append(_line(LEFT, up(tick), WIDTH - RIGHT, up(tick)))
            self.parts.append(_text(LEFT - 8, up(tick) + 5, words, anchor="end", size=SMALL - 2))
        for shape, shown in (
            (_triangle if name == "writes" else _dot, [each for each in outcomes if each.ok]),
            (_cross, [each for each in outcomes if not each.ok]),
        ):
            self.parts.append(shape([(self._x(each.due), up(each.waited)) for each in shown]))

    def _bars(self) -> None:
        for mark in (mark for span in self._of.spans for mark in span.marks):
            at = self._x(mark.at)
            self.parts.append(_line(at, self._begin, at, self.bottom + 10 + BAR, dashed=True, colour=INK))
        names = _names(self._of.spans)
        spans = [
            (each.begin, each.begin + each.seconds, name) for each, name in zip(self._of.spans, names, strict=True)
        ]
        self._row("commands", spans, [bool(each.exit_code) for each in self._of.spans])
        held = [(begin, end, name) for name, begin, end in self._of.open_sessions]
        self._row("transaction open", held)
        waits = merged((each.begin, each.end) for each in self._of.blocked)
        total = f"{duration(self._of.blocked_for)} in all"
        named = [(begin, end, total if (begin, end) == waits[-1] else "") for begin, end in waits]
        self._row("waits for locks", named, hatched=True)

    def _row(
        self,
        name: str,
        bars: Sequence[tuple[float, float, str]],
        dashed: Sequence[bool] = (),
        *,
        hatched: bool = False,
    ) -> None:
        """Bars from and to a moment, each with a name beside it; empty if there are none."""
        if not bars:
            return
        y = self.bottom + 10
        places = [(self._x(begin), max(self._x(end), self._x(begin) + 2)) for begin, end, _ in bars]
        labels = beside(places, [words for _, _, words in bars], LEFT, WIDTH)
        self.parts.append(_text(0, y + SMALL, name))
        for number, (begin, end) in enumerate(places):
            is_dashed = number < len(dashed) and dashed[number]
            self.parts.append(_bar(begin, y, end - begin, dashed=is_dashed, hatched=hatched))
        self.parts += [_text(each.x, y + SMALL + ROW * each.row, each.text, halo=True) for each in labels]
        self.bottom = y + BAR + ROW * max([each.row for each in labels], default=0)


def _names(spans: Sequence[Span]) -> list[str]:
    """A short label for each command, with its revisions; equal ones in a row share the label of the last."""
    called = []
    for span in spans:
        name = span.name.removeprefix("flask db ")
        revisions = ", ".join(dict.fromkeys(mark.name for mark in span.marks))
        called.append((f"{name}: {revisions}" if revisions else name) + (" (failed)" if span.exit_code else ""))
    names: list[str] = []
    for name, same in groupby(called):
        count = len(list(same))
        names += [""] * (count - 1) + [f"{name}, {count} times" if count > 1 else name]
    return names


def _seconds(y: float, seconds: float) -> Iterable[str]:
    """The axis of time below all panels."""
    step = next((each for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60) if seconds / each <= 10), 300)
    yield _line(LEFT, y, WIDTH - RIGHT, y, colour=INK)
    for number in range(int(seconds / step) + 1):
        x = LEFT + number * step / seconds * (WIDTH - LEFT - RIGHT)
        yield _line(x, y, x, y + 5, colour=INK)
        yield _text(x, y + 21, f"{number * step:g}", anchor="middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, y + 42, "seconds since the first request", anchor="middle")


def _legend(y: float, timelines: Sequence[Timeline]) -> tuple[list[str], float]:
    """The meaning of the marks that occur; and where the legend ends."""
    spans = [span for each in timelines for span in each.spans]
    outcomes = [outcome for each in timelines for outcome in each.outcomes]
    meanings: list[tuple[bool, Callable[[float, float], str], str]] = [
        (any(not each.writes for each in outcomes), lambda x, y: _dot([(x + 8, y - 5)]), "a read"),
        (any(each.writes for each in outcomes), lambda x, y: _triangle([(x + 8, y - 5)]), "a write"),
        (
            any(not each.ok for each in outcomes),
            lambda x, y: _cross([(x + 8, y - 5)]),
            "a request that failed",
        ),
        (
            any(each.phases for each in timelines),
            lambda x, y: _line(x + 8, y - 14, x + 8, y + 3, colour=INK),
            "a phase begins",
        ),
        (
            any(span.marks for span in spans),
            lambda x, y: _line(x + 8, y - 14, x + 8, y + 3, dashed=True, colour=INK),
            "a revision begins",
        ),
        (
            any(span.exit_code for span in spans),
            lambda x, y: _bar(x, y - 13, 16, height=14, dashed=True),
            "a command that failed",
        ),
        (
            any(each.blocked for each in timelines),
            lambda x, y: _bar(x, y - 13, 16, height=14, hatched=True),
            "at least one session waits for a lock",
        ),
        (True, lambda x, y: "", "the higher a mark, the longer it waited"),
    ]
    parts: list[str] = []
    x = float(LEFT)
    for is_there, drawn, words in meanings:
        if is_there:
            room = 24 + width(words)
            if x + room > WIDTH and x > LEFT:
                x, y = float(LEFT), y + ROW
            parts += [drawn(x, y), _text(x + 24, y, words)]
            x += room + 18
    return parts, y + 10


def _dot(places: Sequence[tuple[float, float]]) -> str:
    return _marks(places, DOT, f'fill="{READ}"')


def _triangle(places: Sequence[tuple[float, float]]) -> str:
    return _marks(places, TRIANGLE, f'fill="none" stroke="{WRITE}" stroke-width="1.5"')


def _cross(places: Sequence[tuple[float, float]]) -> str:
    return _marks(places, CROSS, f'fill="none" stroke="{FAIL}" stroke-width="2.5"')


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
    size: int = SMALL,
    weight: str = "normal",
    halo: bool = False,
) -> str:
    """Text with a halo of the background's colour, readable over lines and dots."""
    around = f' paint-order="stroke" stroke="{PAPER}" stroke-width="4" stroke-linejoin="round"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{INK}"{around}>{escape(text)}</text>'
    )


def _line(x: float, y: float, to_x: float, to_y: float, *, dashed: bool = False, colour: str = FAINT) -> str:
    dashes = ' stroke-dasharray="3,3"' if dashed else ""
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="1"{dashes}/>'


def _bar(x: float, y: float, width: float, *, height: int = BAR, dashed: bool = False, hatched: bool = False) -> str:
    dashes = ' stroke-dasharray="4,3"' if dashed else ""
    bar = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="none" stroke="{INK}" '
        f'stroke-width="1.3"{dashes}/>'
    )
    if not hatched:
        return bar
    lines = "".join(
        f"M{x + at:.1f},{y + height:.1f}l{min(7, width - at):.1f},{-height * min(7, width - at) / 7:.1f}"
        for at in range(0, max(int(width), 1), 6)
    )
    return f'{bar}<path d="{lines}" stroke="{INK}" stroke-width="1" fill="none"/>'
