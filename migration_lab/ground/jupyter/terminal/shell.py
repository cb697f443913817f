"""The shell of JupyterLab's terminals: the learner's own, with the lab's commands first.

A shell reads the learner's start files after JupyterLab has set the PATH. Those of pyenv, conda and others put their
own `flask` before the lab's, and some set DATABASE_URL. So bash and zsh read a file from here, which reads the
learner's files and then sets what the lab needs.
"""

import os
import shutil
import sys
from pathlib import Path

from migration_lab.ground import places

HERE = Path(__file__).parent


def shell_command() -> list[str] | None:
    """The command that starts the learner's shell in a terminal of JupyterLab.

    Returns:
        Its words; None if JupyterLab should choose: on Windows, or without any shell.
    """
    shell = os.environ.get("SHELL") or shutil.which("bash")
    if os.name == "nt" or shell is None:
        return None
    match Path(shell).name:
        case "bash":
            return [shell, "--rcfile", str(HERE / "bashrc"), "-i"]
        case "zsh":
            own = os.environ.get("ZDOTDIR") or str(Path.home())
            return ["/usr/bin/env", f"LAB_ZDOTDIR={own}", f"ZDOTDIR={HERE / 'zsh'}", shell, "-i"]
        case _:
            return [shell]  # not a login shell, which would set the PATH again


def environment() -> dict[str, str]:
    """The variables for the files in this folder: where the lab's commands and the learner's folder are."""
    return {"LAB_COMMANDS": str(Path(sys.executable).parent), "LAB_TERMINAL": str(places.my_work().absolute())}
