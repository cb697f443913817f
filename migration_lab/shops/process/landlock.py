"""Linux's Landlock: a process gives up the right to write outside a few paths, for itself and all that it starts.

See https://docs.kernel.org/userspace-api/landlock.html. Reading is not restricted.
"""

import contextlib
import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable

# System calls, the same numbers on all processors that Python is built for here.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION = 1
PATH_BENEATH = 1
NO_NEW_PRIVILEGES = 38  # of prctl; without it the kernel refuses the restriction
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
OF_FILES = WRITE_FILE | TRUNCATE
# Writing, and making and removing of all kinds; the last two came with versions 2 and 3.
WRITING = WRITE_FILE | sum(1 << bit for bit in range(4, 13))
MOVING = 1 << 13


def supported() -> int:
    """The system's version of Landlock; less than 1 if it has none."""
    if sys.platform != "linux":
        return 0
    return int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION))


def write_only_beneath(paths: Iterable[str]) -> bool:
    """Let this process and its children write only beneath these paths, which are folders or files.

    Returns:
        False if the system does not support it: not Linux, or a Linux before 5.13.
    """
    version = supported()
    if version < 1:
        return False
    libc = ctypes.CDLL(None)
    handled = WRITING | (MOVING if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    rules = libc.syscall(CREATE_RULESET, struct.pack("=Q", handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        return False
    try:
        for path in paths:
            with contextlib.suppress(OSError):  # a missing path needs no rule
                _allow(libc, rules, path, handled)
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(libc.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, handled: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        allowed = handled if is_folder else handled & OF_FILES
        libc.syscall(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", allowed, opened), 0)
    finally:
        os.close(opened)
