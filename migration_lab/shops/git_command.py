"""`git` in a workspace: the real one, only in the workspace's own repository, the same on every machine."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from migration_lab.ground import variables
from migration_lab.ground.errors import LabError
from migration_lab.shops.flask_command import STABLE, HasFolder
from migration_lab.shops.process import Completed, StoppedError

OLDEST = (2, 28)  # the first that knows init.defaultBranch
PERSON = {"NAME": "The shop's team", "EMAIL": "team@shop.example", "DATE": "2026-01-05T09:00:00+00:00"}
# Every repository made here ignores the lab's own files and has no hooks.
TEMPLATE = Path(__file__).with_name("git_template")
SETTINGS = {
    "advice.mergeConflict": "false",
    "color.ui": "false",
    "core.autocrlf": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
    "gc.auto": "0",
    "init.defaultBranch": "main",
    "init.templateDir": str(TEMPLATE),
    "maintenance.auto": "false",
}


def run_git(
    workspace: HasFolder,
    *args: str,
    folder: Path | None = None,
    timeout: float = 60,
    on_output: Callable[[str], None] | None = None,
) -> Completed:
    """Run `git ARGS` in a workspace like a terminal in that folder, and return its output.

    It asks no questions, opens no editor, and uses neither the network nor the user's settings. Names and dates of
    commits are always the same.

    Args:
        folder: where in the workspace to run it; by default the workspace's own folder.
        timeout: seconds.
        on_output: called at the end with the whole output.

    Raises:
        LabError: there is no git on this machine, the folder is gone, or the time limit was reached.
    """
    here = folder or workspace.folder
    if not here.is_dir():
        raise LabError(f"The folder {here.name} is not there any more.", "Run `lab reset` with the lesson's number.")
    env = environment(workspace.folder)
    git = shutil.which("git", path=env.get("PATH"))
    if git is None:
        raise LabError("There is no git on this machine.", "Install it, start the lab again, and run this cell again.")
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    try:
        done = subprocess.run(
            [git, *settings, *args],
            cwd=here,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StoppedError(
            f"`{' '.join(['git', *args])}` was stopped after {timeout:g} seconds.",
            "Look for what it waits for: another git that holds this repository's lock, for example.",
            (error.stdout or b"").decode("utf-8", errors="replace"),
        ) from error
    output = done.stdout.decode("utf-8", errors="replace").replace("\r\n", "\n")
    if on_output is not None and output:
        on_output(output)
    return Completed(done.returncode, output)


def environment(folder: Path) -> dict[str, str]:
    """The whole environment of a git that sees the repository of this folder, but none above it."""
    people = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()}
    # This also hides the user's configuration from a git too old for GIT_CONFIG_GLOBAL.
    nobody = {"HOME": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    quiet = {"GIT_EDITOR": ":", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "GIT_MERGE_AUTOEDIT": "no"}
    above = os.pathsep.join(sorted({str(folder.parent), str(folder.resolve().parent)}))
    bounds = {"GIT_CEILING_DIRECTORIES": above, "GIT_ALLOW_PROTOCOL": "file"}
    return variables.needed() | STABLE | people | nobody | quiet | bounds
