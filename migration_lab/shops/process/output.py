"""A command's output, read while it runs, and limited to what a person can use."""

import codecs
import contextlib
import os
import queue
import threading
from collections import deque
from collections.abc import Callable

from migration_lab.shops.process.readable import wait_readable

KEPT = 512 * 1024  # bytes of the beginning, and as many from the end
MOST = 50 * 1024**2  # bytes; a command that writes more is stopped
PIECE = 65536
WAITS = os.name == "posix"  # whether one can wait for a pipe without reading it


class Output:
    """Reads a pipe in a thread, so that waiting for text, for the end and for Ctrl-C is one wait on every system.

    The pipe is always read until it is closed, so that a child never waits for its reader.

    Args:
        read_end: the pipe's descriptor; it is closed at its end.
        on_output: called in the caller's thread with the text that `text` will give, piece by piece.
    """

    def __init__(self, read_end: int, on_output: Callable[[str], None] | None) -> None:
        self.is_too_much = False
        self._on_output = on_output
        self._beginning: list[str] = []
        self._end: deque[bytes] = deque()
        self._left_out = 0  # bytes
        self._taken = 0
        self._in_end = 0
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._pipe: int | None = read_end
        self._moving = threading.Lock()  # held while a piece is neither in the pipe nor in what has arrived
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        threading.Thread(target=self._read, args=(read_end,), daemon=True).start()

    def _read(self, read_end: int) -> None:
        count = 0
        with open(read_end, "rb", buffering=0) as pipe:
            while True:
                if WAITS:
                    wait_readable(read_end)
                with self._moving if WAITS else contextlib.nullcontext():
                    data = pipe.read(PIECE)
                    count += len(data)
                    self.is_too_much = count > MOST
                    if not data:
                        self._pipe = None
                    if not (data and self.is_too_much):
                        self._arrived.put(data)
                if not data:
                    return

    def has_all(self) -> bool:
        """Whether `take` has given all that was written until now; where a pipe cannot say so, whether it has given all
        that was read.
        """
        with self._moving:
            is_empty = self._pipe is None or not WAITS or not wait_readable(self._pipe, 0)
            return is_empty and self._arrived.empty()

    def take(self, timeout: float) -> bool | None:
        """Read the next output. True: some text; None: nothing in this time; False: the end."""
        try:
            data = self._arrived.get(timeout=max(timeout, 0))
        except queue.Empty:
            return None
        room = max(KEPT - self._taken, 0)
        self._taken += len(data)
        self._add(self._decoder.decode(data[:room]))
        self._keep_for_the_end(data[room:])
        return bool(data)

    def finish(self) -> None:
        """Stop reading: pass on the end of output that was too long."""
        if self._left_out:
            self._add(self._decoder.decode(b"", final=True))
            self._add(f"\n[... {self._left_out:,} bytes are left out here ...]\n")
            self._decoder.reset()
        for data in self._end:
            self._add(self._decoder.decode(data))
        self._add(self._decoder.decode(b"", final=True))
        self._end.clear()

    def text(self) -> str:
        """The kept output: the beginning and the end."""
        return "".join(self._beginning)

    def _keep_for_the_end(self, data: bytes) -> None:
        if data:
            self._end.append(data)
            self._in_end += len(data)
        while self._in_end - len(self._end[0] if self._end else b"") > KEPT:
            dropped = len(self._end.popleft())
            self._in_end -= dropped
            self._left_out += dropped

    def _add(self, text: str) -> None:
        text = text.replace("\r\n", "\n")
        if text:
            self._beginning.append(text)
            if self._on_output is not None:
                self._on_output(text)
