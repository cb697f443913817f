"""The last error of this notebook, as text."""

import sys

from IPython.core.interactiveshell import InteractiveShell

from migration_lab.ground.errors import LabError
from migration_lab.notebook.magics import CommandFailed


def text() -> str:
    """The error of the last failed cell: the output of its command, or its traceback.

    Raises:
        LabError: no cell has failed, or the last one failed with a LabError, which already says what to do.
    """
    error = getattr(sys, "last_value", None)  # where IPython, like Python, keeps the last uncaught error
    if error is None:
        raise LabError(
            "No cell has failed since this kernel was started.",
            'To explain an error from elsewhere, paste its text: `lab.explain("...")`.',
        )
    if isinstance(error, CommandFailed):
        return error.output or str(error)
    if isinstance(error, LabError):
        raise LabError(f"The last error was: {error.message}", error.next_step)
    shell = InteractiveShell.instance().InteractiveTB
    return str(shell.stb2text(shell.structured_traceback(type(error), error, error.__traceback__)))
