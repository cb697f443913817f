"""One sample of the locks on a SQLite file; runs in the process that watches."""

import os
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

# It has to be a process of its own, for two reasons. POSIX drops all locks that a process has on a file when it closes
# any of its descriptors of that file: looking from the learner's process would unlock the learner's own connections.
# And F_GETLK tells nothing about locks of the process that asks.

# Which bytes mean what: https://www.sqlite.org/src/file/src/os.h, and "WAL-Index File Format" for `-shm`.
PENDING = (0x40000000, 1)
RESERVED = (0x40000001, 1)
SHARED = (0x40000002, 510)
WAL_WRITE = (120, 1)
WAL_READ = (123, 5)
ORDER = ("SHARED", "RESERVED", "PENDING", "EXCLUSIVE")
READ_VERSION = 19  # the byte of the header that is 2 in WAL mode


class Sampler:
    """Asks the kernel who has locked the bytes that SQLite locks; takes no lock itself.

    The kernel names one process for each range, so of several that read, one is seen. In WAL mode every open
    connection keeps SHARED on the file itself, so there the marks in `-shm` are looked at instead: RESERVED is the one
    that writes, SHARED one that reads.

    Args:
        file: the database; it may not be there yet.

    Raises:
        LookupError: this system cannot tell.
    """

    def __init__(self, file: str) -> None:
        if sys.platform == "win32":
            raise LookupError("Windows does not say which process has locked a file")
        self._file = file

    def sample(self) -> dict[str, Any]:
        """One look, as for Postgres; there are never waits. The name of a process is left to the parent."""
        at = time.monotonic()
        states: dict[int, str] = {}
        for pid, state in self._locks():
            states[pid] = max(state, states.get(pid, state), key=ORDER.index)
        holds = [["", pid, "", state, at, ""] for pid, state in states.items()]
        return {"asked": at, "at": at, "waits": [], "holds": holds}

    def _locks(self) -> list[tuple[int, str]]:
        with suppress(FileNotFoundError):
            return self._in_wal() if _byte(self._file, READ_VERSION) == b"\x02" else self._in_rollback_mode()
        return []

    def _in_rollback_mode(self) -> list[tuple[int, str]]:
        found = []
        file = os.open(self._file, os.O_RDONLY)
        try:
            for span, written, read in (
                (SHARED, "EXCLUSIVE", "SHARED"),
                (PENDING, "PENDING", ""),
                (RESERVED, "RESERVED", ""),
            ):
                pid, writes = _holder(file, span)
                if pid and (writes or read):
                    found.append((pid, written if writes else read))
        finally:
            os.close(file)
        return found

    def _in_wal(self) -> list[tuple[int, str]]:
        found = []
        with suppress(FileNotFoundError):  # nobody is connected
            file = os.open(f"{self._file}-shm", os.O_RDONLY)
            try:
                for span, state in ((WAL_WRITE, "RESERVED"), (WAL_READ, "SHARED")):
                    pid, writes = _holder(file, span)
                    if pid and (writes or state == "SHARED"):
                        found.append((pid, state))
            finally:
                os.close(file)
        return found


def _byte(file: str, place: int) -> bytes:
    with Path(file).open("rb") as opened:
        opened.seek(place)
        return opened.read(1)


def _holder(file: int, span: tuple[int, int]) -> tuple[int, bool]:
    """Which process has locked any of these bytes, and whether to write; the process is 0 when none has."""
    import fcntl

    begin, length = span
    if sys.platform == "darwin":
        asked = struct.pack("@qqihh", begin, length, 0, fcntl.F_WRLCK, os.SEEK_SET)
        _, _, pid, kind, _ = struct.unpack("@qqihh", fcntl.fcntl(file, fcntl.F_GETLK, asked))
    else:
        asked = struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, begin, length, 0)
        kind, _, _, _, pid = struct.unpack("@hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return (0, False) if kind == fcntl.F_UNLCK else (pid, kind == fcntl.F_WRLCK)
