"""The shell of JupyterLab's terminals: the learner's own, in which the lab's commands come first.

A shell reads the learner's start files after JupyterLab has set the PATH. Those of pyenv, conda and others put their
own `flask` before the lab's, and some set DATABASE_URL. So bash and zsh read a file from here, which reads the
learner's files and then sets right what the lab needs.
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
        Its words; None where JupyterLab had better choose, on Windows or without any shell.
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
            return [shell]  # not a login shell, which would set the PATH afresh


def environment() -> dict[str, str]:
    """What the files in this folder read: where the lab's commands are, and where the learner's folder is."""
    return {"LAB_COMMANDS": str(Path(sys.executable).parent), "LAB_TERMINAL": str(places.my_work().absolute())}
