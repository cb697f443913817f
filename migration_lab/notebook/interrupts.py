"""Lets an import finish before Stop interrupts it.

An interrupted import leaves partial modules, and Python cannot import them again in that kernel:
`partially initialized module 'yaml'`, `module 'sqlalchemy' has no attribute 'dialects'`.
"""

import signal
import threading
import time
from types import FrameType

from IPython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

IMPORTING = "<frozen importlib._bootstrap>"
AGAIN = 0.05  # seconds until an interrupt that met an import is tried again
AT_MOST = 5.0  # seconds for which an import may delay it; one that hangs is interrupted anyway


class AfterImports:
    """A handler of SIGINT: raises KeyboardInterrupt, like Python's own, but not in the middle of an import."""

    def __init__(self) -> None:
        self._since: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        since = self._since if self._since is not None else now
        if _is_importing(frame) and now - since < AT_MOST:
            self._since = since
            again = threading.Timer(AGAIN, _send, [number])
            again.daemon = True
            again.start()
            return
        self._since = None
        raise KeyboardInterrupt


def install(shell: InteractiveShell | None) -> None:
    """Replace Python's own handler now, and in each later cell: a kernel sets its own each time."""
    _take_over()
    if shell is not None:
        shell.events.register("pre_run_cell", _take_over)


def _take_over(*_: object) -> None:
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _handler)


def _send(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # it also ends a wait of the main thread, such as a sleep
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False


_handler = AfterImports()
install(get_ipython())
