"""Folds long output that is rarely read: the frames of libraries in a traceback, and a log's lines about plugins.

Nothing is lost: a fold opens with a click, and the plain text has all of it, in order.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from migration_lab.ground.places import my_work
from migration_lab.notebook.displays import Bundle, show

TALL = 20  # lines; a traceback up to this height is shown as it is
BEGINS = "Traceback (most recent call last):"
PLUGIN = re.compile(r"INFO +\[alembic\.runtime\.plugins\]")
FRAME = re.compile(r'\s*File "(.+?)", line \d+')
ANSI = re.compile(r"\x1b\[[0-9;]*m")
IPYTHON_FRAME = re.compile(r"(?P<cell>Cell In)|File (?P<file>.+?):\d+")
SUMMARY = "The whole traceback with the frames of libraries: {} lines"


@dataclass(frozen=True)
class Fold:
    """Lines of which some are shown, and all after a click on the summary below."""

    whole: str
    shown: str
    summary: str

    def __repr__(self) -> str:
        return self.whole

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        shown = f'<pre tabindex="0">{escape(self.shown)}</pre>' if self.shown else ""
        folded = f'<summary>{escape(self.summary)}</summary><pre tabindex="0">{escape(self.whole)}</pre>'
        return {
            "text/html": f'<div class="lab-output">{shown}<details>{folded}</details></div>',
            "text/plain": self.whole,
        }


@dataclass
class Folding:
    """Takes a command's output as it arrives, whole lines at a time, and returns what to show.

    Args:
        is_own: whether the file of a frame, as the traceback names it, is the learner's.
        reads_as: formats a text, for example with shortened paths.
    """

    is_own: Callable[[str], bool]
    reads_as: Callable[[str], str]
    _held: list[str] = field(default_factory=list)

    def take(self, text: str) -> Iterator[str | Fold]:
        """What can be shown now. From a traceback on, everything is held back until the end."""
        plain: list[str] = []
        for line in text.splitlines(keepends=True):
            begins = line.startswith(BEGINS)
            belongs = self._in_traceback or begins or PLUGIN.match(line)
            if plain and belongs:
                yield self.reads_as("".join(plain))
                plain = []
            if self._held and not self._in_traceback and (begins or not belongs):
                yield from self.end()
            (self._held if belongs else plain).append(line)
        if plain:
            yield self.reads_as("".join(plain))

    def end(self) -> Iterator[str | Fold]:
        """What was held back."""
        held, whole = self._held, self.reads_as("".join(self._held))
        is_traceback, self._held = self._in_traceback, []
        if is_traceback and len(held) > TALL:
            shown = self.reads_as("".join(own_lines(held, self.is_own)))
            yield Fold(whole.rstrip("\n"), shown.rstrip("\n"), SUMMARY.format(len(held)))
        elif not is_traceback and len(held) > 1:
            yield Fold(whole.rstrip("\n"), "", f"{len(held)} log lines about Alembic's plugins")
        elif held:
            yield whole

    @property
    def _in_traceback(self) -> bool:
        return bool(self._held) and self._held[0].startswith(BEGINS)


def own_lines(lines: Sequence[str], is_own: Callable[[str], bool]) -> list[str]:
    """The same traceback without the frames of libraries, and without earlier errors that occurred only in them.

    The last error is always there, with its whole message.
    """
    kept: list[str] = []
    error: list[str] = []  # of the current error: its title, own frames, message
    has_own, in_own = False, True
    for line in lines:
        if line.startswith(BEGINS):
            kept, error, has_own = kept + (error if has_own else []), [], False
        if frame := FRAME.match(line):
            in_own = is_own(frame[1])
            has_own = has_own or in_own
        elif not line.startswith("  "):
            in_own = True
        if in_own:
            error.append(line)
    return kept + error


def fold_tracebacks(shell: InteractiveShell) -> None:
    """Fold a notebook's own tracebacks too: frames in cells and in the learner's folder stay."""
    show_all = shell._showtraceback

    def show_traceback(kind: type[BaseException], error: BaseException, parts: list[str]) -> None:
        whole = ANSI.sub("", "\n".join(parts))
        height = whole.count("\n") + 1
        if height <= TALL:
            show_all(kind, error, parts)
            return
        show_all(kind, error, own_parts(parts))
        show(Fold(whole, "", SUMMARY.format(height)))

    shell._showtraceback = show_traceback  # type: ignore[method-assign, assignment]


def own_parts(parts: Sequence[str]) -> list[str]:
    """The same for the parts of IPython's tracebacks: each is a title, a frame, a message or a separator."""
    kept: list[str] = []
    error: list[str] = []
    has_own = False
    for part in parts:
        words = ANSI.sub("", part)
        if words.rstrip().endswith(BEGINS.rstrip(":")):
            kept, error, has_own = kept + (error if has_own else []), [], False
        frame = IPYTHON_FRAME.match(words)
        if frame is None or frame["cell"] or is_in(frame["file"], my_work()):
            has_own = has_own or frame is not None
            error.append(part)
    return kept + error


def is_in(file: str, folder: Path) -> bool:
    """Whether a file, as a traceback names it, is in a folder."""
    path = Path(file).expanduser()
    return path.is_absolute() and path.resolve().is_relative_to(folder.resolve())
