"""Places the names in a picture, so that none overlaps another or a bar."""

from collections.abc import Sequence
from dataclasses import dataclass

LETTER = 8.0  # about the width of a small letter, in units of the picture
GAP = 6.0
ROWS = 4  # of names below each other; names beyond that are only in the text


@dataclass(frozen=True)
class Label:
    """A name, where it begins, and in which row, counted from 0."""

    text: str
    x: float
    row: int


def width(text: str) -> float:
    """The room that a name takes."""
    return LETTER * len(text)


def stacked(names: Sequence[tuple[float, str]], left: float, right: float) -> list[Label]:
    """Names that should begin at these places, each in the first row that is free there."""
    taken: list[list[tuple[float, float]]] = []
    found = []
    for at, text in names:
        x = max(min(at, right - width(text)), left)
        row = next((row for row, spans in enumerate(taken) if _is_free(spans, x, x + width(text))), len(taken))
        taken[row:] = taken[row:] or [[]]
        taken[row].append((x, x + width(text)))
        found.append(Label(text, x, row))
    return found


def beside(bars: Sequence[tuple[float, float]], names: Sequence[str], left: float, right: float) -> list[Label]:
    """A name for each bar, all of them in one row: right of its bar, else left of it, else in a row below."""
    taken: list[list[tuple[float, float]]] = [list(bars)]
    found = []
    for (begin, end), text in zip(bars, names, strict=True):
        if not text:
            continue
        room = width(text)
        places: list[tuple[float, int]] = [(end + GAP, 0), (begin - GAP - room, 0)]
        below = max(min(begin, right - room), left)
        places += [(below, row) for row in range(1, ROWS)]
        for x, row in places:
            taken += [[] for _ in range(row + 1 - len(taken))]
            if left <= x and x + room <= right and _is_free(taken[row], x, x + room):
                taken[row].append((x, x + room))
                found.append(Label(text, x, row))
                break
    return found


def _is_free(spans: Sequence[tuple[float, float]], begin: float, end: float) -> bool:
    return all(end + GAP <= other or until + GAP <= begin for other, until in spans)
