"""The one kind of error that a learner is meant to read."""

import re


def reason(error: OSError) -> str:
    """Why a file could not be written, in the system's words: `No space left on device`.

    A copied folder may fail with the reasons of all its files, paths and all; the first one says enough.
    """
    found = re.search(r"\[Errno \d+\] ([^:'\"]+)", str(error))
    return error.strerror or (found[1] if found else str(error))


class LabError(Exception):
    """Something that a person can put right.

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
