"""Wait until a browser has sent what it keeps back.

ipywidgets sends one state of a widget at a time: while the kernel has not handled one, the browser keeps later ones
back, but not clicks, which overtake them. A question to the browser brings them in order: it answers after it has sent
the rest. The question is a widget that is shown; the answer is the number of its views (`_view_count`), which the
browser counts.
"""

import asyncio
from collections.abc import Callable

import ipywidgets as widgets
from traitlets import Bunch

PATIENCE = 10.0  # seconds; every browser with ipywidgets answers, so that this only ends a wait for one that has gone


class BrowserSent:
    """One wait at a time. `box` has to be on the page, where it takes no room."""

    def __init__(self) -> None:
        self.box = widgets.Box(layout={"display": "none"})
        self._idle: list[widgets.Widget] = []  # off the page; a closed one would puzzle a browser that reports late
        self._asked: widgets.Widget | None = None
        self._act: Callable[[], None] | None = None
        self._limit: asyncio.TimerHandle | None = None

    def then(self, act: Callable[[], None]) -> None:
        """Call `act` once all is here that the browser had to send before now; an earlier `act` is dropped."""
        self._end()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel, and no browser either
            act()
            return
        self._act, self._limit = act, loop.call_later(PATIENCE, self._go_on)
        self._asked = self._idle.pop() if self._idle else self._new()
        self.box.children = [self._asked]

    def _new(self) -> widgets.Widget:
        asked = widgets.Box()
        asked._view_count = 0  # from now on the browser counts
        asked.observe(self._counted, "_view_count")
        return asked

    def _counted(self, change: Bunch) -> None:
        if change.owner is self._asked:
            self._go_on()
        elif change.new == 0:
            self._idle.append(change.owner)

    def _go_on(self) -> None:
        act = self._act
        self._end()
        if act is not None:
            act()

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._act = self._asked = self._limit = None
        self.box.children = []
