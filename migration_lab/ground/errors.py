"""The one kind of error that a learner is meant to read."""

import difflib
import errno
import re
from collections.abc import Iterable
from pathlib import Path

CLOSE = "Shut down notebooks and programs that you do not use, then try again."
MORE_FILES = (
    "Run `ulimit -n 1024` in the shell, then start the lab again from there (for Docker, `--ulimit nofile=1024`)"
)
OF_THE_FOLDER = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EACCES, errno.EPERM, errno.EROFS)
# What the system can refuse for any request: the error numbers, what is wrong, what to do.
REFUSALS = (
    (("ENOSPC", "EDQUOT"), "There is no room left on the disk", "Make room, then try again."),
    (
        ("EACCES", "EPERM", "EROFS"),
        "The folder is not writable",
        "Give yourself the right to write there (a command under `sudo` may have taken it), then try again.",
    ),
    (("EMFILE",), "This process has reached its limit of open files", f"{MORE_FILES}."),
    (("ENFILE",), "The system has reached its limit of open files", CLOSE),
    (("EAGAIN",), "The system has reached its limit of processes", CLOSE),
    (("ENOMEM",), "The machine is out of memory", CLOSE),
    (("EIO",), "The disk reports an error", "Check the disk, then try again."),
)


def reason(error: OSError) -> str:
    """Why a file could not be written, in the system's words, such as `No space left on device`.

    A copied folder may fail with the errors of all its files, including paths; the first one is enough.
    """
    found = re.search(r"\[Errno \d+\] ([^:'\"]+)", str(error))
    return error.strerror or (found[1] if found else str(error))


def cure(error: OSError, of_the_folder: str) -> str:
    """What to do about a file that could not be written.

    Args:
        of_the_folder: what to do, unless the cause is elsewhere: a limit of open files, of processes, of memory.
    """
    found = from_the_machine(error)
    return found.next_step if found and error.errno not in OF_THE_FOLDER else of_the_folder


class LabError(Exception):
    """A problem that a person can fix.

    Args:
        message: one sentence that says what is wrong, in the learner's words.
        next_step: one sentence that says what to do now, with the exact command where there is one.
    """

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(f"{message} {next_step}")
        self.message = message
        self.next_step = next_step

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback; IPython looks for this name."""
        return [self.message, self.next_step]


def mistake(path: Path, line: int, what: str) -> LabError:
    """An error about one line of a file that authors write, counted from 1."""
    return LabError(f"{shown(path)}, line {line}: {what}.", "Correct the file, then try again.")


def shown(path: Path) -> str:
    """The file's name from the course's `lessons/` on."""
    _, folder, rest = path.as_posix().rpartition("/lessons/")
    return f"lessons/{rest}" if folder else path.name


def meant(name: str, names: Iterable[str]) -> str:
    """A question to put before a list of names, when one of them is close to the name that was given; else empty."""
    close = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {close[0]}? " if close else ""


def from_the_machine(error: BaseException) -> LabError | None:
    """The error to report if the machine refused disk space, rights, processes or memory; else None."""
    if isinstance(error, MemoryError):
        return LabError("The machine is out of memory.", CLOSE)
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return LabError("The system has reached its limit of threads.", CLOSE)
    if isinstance(error, OSError):
        for names, message, next_step in REFUSALS:
            if error.errno in [getattr(errno, name, None) for name in names]:
                where = f": {error.filename}" if error.filename else ""
                return LabError(f"{message}{where}.", next_step)
    return None
