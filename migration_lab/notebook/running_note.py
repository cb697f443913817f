"""The note under a cell that runs long: for how long, and what it is doing. It limits nothing.

The time limit of a command is in `shops/flask_command.py`.

If Jupyter does not say which notebook a kernel runs, as in a run that stores outputs, there is no message.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from uuid import uuid4

from IPython.core.interactiveshell import InteractiveShell

from migration_lab.notebook.displays import Bundle, Note

AFTER, EVERY = 2.0, 1.0  # seconds until the first sentence, and between two


class Cell:
    """A cell that runs, and the thread that watches it."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._ended = threading.Event()
        # %%capture puts another in its place when the cell has begun, and would keep the sentence to itself.
        self._screen = InteractiveShell.instance().display_pub
        self._id = uuid4().hex
        self._is_shown = False
        self.commands = 0
        self.now = ""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """It has ended: remove the message."""
        self._ended.set()
        self._thread.join()
        if self._is_shown:
            self._show({"text/plain": ""})

    def sentence(self) -> str:
        """How long it has run, and what it is doing."""
        now = f" Now: {self.now}" if self.now else ""
        number = f" (command {self.commands} of this cell)" if self.now and self.commands > 1 else ""
        return f"Running for {monotonic() - self._began:.0f} s.{now}{number}"

    def _watch(self) -> None:
        pause = AFTER
        while not self._ended.wait(pause):
            self._show(Note(self.sentence())._repr_mimebundle_())
            pause = EVERY

    def _show(self, bundle: Bundle) -> None:
        self._screen.publish(data=bundle, metadata={}, transient={"display_id": self._id}, update=self._is_shown)
        self._is_shown = True


_cell: Cell | None = None


def register(shell: InteractiveShell) -> None:
    """Watch every cell, including the current one: the first one of a lesson creates the shop."""
    shell.events.register("pre_run_cell", lambda _: begin())
    shell.events.register("post_run_cell", lambda _: end())
    begin()


def begin() -> None:
    """A cell begins."""
    global _cell
    end()
    if os.environ.get("JPY_SESSION_NAME"):
        _cell = Cell()


def end() -> None:
    """The cell has ended, if one ran."""
    global _cell
    if _cell is not None:
        _cell.end()
        _cell = None


def say(words: str) -> None:
    """Show this activity from now on; a short phrase without a full stop."""
    if _cell is not None:
        _cell.now = words


@contextmanager
def saying(words: str) -> Iterator[None]:
    """Show this activity while a block runs."""
    say(words)
    try:
        yield
    finally:
        say("")


@contextmanager
def command(words: str) -> Iterator[None]:
    """Show a command as the activity while a block runs, and count it."""
    if _cell is not None:
        _cell.commands += 1
    with saying(f"`{words}`"):
        yield
