"""Runs `flask` commands in a workspace's folder, with a time limit, on the workspace's database and on no other."""

import contextlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import dotenv
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from migration_lab.ground import variables
from migration_lab.ground.errors import LabError, reason
from migration_lab.shops.identity import how_to_reset
from migration_lab.shops.process import Completed, run
from migration_lab.shops.process.confinement import confinement_of

COMMAND_SECONDS = 60.0  # the time limit of a `flask` command, unless its caller gives another
NO_LIMIT = 30 * 24 * 3600.0  # seconds; for a command that may take as long as its reader
# The same output on every machine.
STABLE = {
    "COLUMNS": "80",
    "LINES": "24",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class HasFolder(Protocol):
    """A workspace, or any other folder with the shop and its `.flaskenv`."""

    @property
    def folder(self) -> Path: ...


def run_flask(
    workspace: HasFolder,
    *args: str,
    folder: Path | None = None,
    timeout: float | None = None,
    on_output: Callable[[str], None] | None = None,
) -> Completed:
    """Run `flask ARGS` in a workspace like a terminal in that folder, and return its output.

    Args:
        folder: where in the workspace to run it; by default the workspace's own folder.
        timeout: seconds. `NO_LIMIT` is for a command that is meant to wait.
        on_output: called with each piece of text as it is printed.

    Raises:
        LabError: the workspace is damaged, or the time limit was reached.
    """
    limit = COMMAND_SECONDS if timeout is None else timeout
    return _run("flask", workspace, folder or workspace.folder, args, limit, on_output)


def run_pytest(
    workspace: HasFolder, *args: str, timeout: float = 120, on_output: Callable[[str], None] | None = None
) -> Completed:
    """Run the shop's own tests in a workspace: `python -m pytest ARGS`; like `run_flask`.

    Plugins of other packages are not loaded: the shop's tests need none, and loading them takes five times as
    long as the tests.
    """
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return _run("pytest", workspace, workspace.folder, ("-p", "no:cacheprovider", *args), timeout, on_output, env)


def run_function(workspace: HasFolder, function: str, *args: str, timeout: float = 60) -> Completed:
    """Call a function, "module:function", in a fresh process with the environment of a command in the workspace.

    It finds `args` after its own name in `sys.argv`. Errors: as for `run_flask`.
    """
    return _run(function, workspace, workspace.folder, args, timeout, None)


def environment(folder: Path, name: str = "shop") -> dict[str, str]:
    """The whole environment of a command in this folder: a little of the caller's, and the folder's `.flaskenv`.

    In a check's copy it also says what the command is confined to.

    Args:
        folder: where the `.flaskenv` is.
        name: the name of the command's sessions in Postgres, for `pg_stat_activity` and `locks`.

    Raises:
        LabError: there is no `.flaskenv`, or it does not say what the database is. (Without FLASK_APP, `flask` itself
            says what is missing.)
    """
    path = folder / ".flaskenv"
    try:
        said = {name: value for name, value in dotenv.dotenv_values(path, interpolate=False).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise LabError(
            f"The `.flaskenv` of {folder.name} cannot be read: {why}.", f"Run {how_to_reset(folder)}."
        ) from error
    if "DATABASE_URL" not in said:
        what = "has no `.flaskenv` with a DATABASE_URL" if folder.is_dir() else "is not there any more"
        raise LabError(f"The folder {folder.name} {what}.", f"Run {how_to_reset(folder)}.")
    harmless = without_passwords(neutral_environment(), said["DATABASE_URL"])
    return harmless | {"PGAPPNAME": name} | said | _confined(folder, said["DATABASE_URL"])


def neutral_environment() -> dict[str, str]:
    """What a command needs of the caller's environment, and what makes its output the same on every machine."""
    return variables.needed(connects=True) | STABLE


def session_name(program: str, args: Sequence[str]) -> str:
    """The name of a command's sessions: `flask db upgrade` for `flask db upgrade 0003`."""
    words = [*itertools.takewhile(re.compile(r"[a-z][a-z_-]*").fullmatch, args)][:2]
    return " ".join([program, *words]) if program == "flask" else program


def without_passwords(env: Mapping[str, str], url: str) -> dict[str, str]:
    """An environment in which libpq reads the password from the URL's passfile, if it has one."""
    passwords = ("PGPASSWORD", "PGPASSFILE") if "passfile=" in url else ()
    return {name: value for name, value in env.items() if name not in passwords}


def _confined(folder: Path, url: str) -> dict[str, str]:
    """Additional variables for a command in a check's copy."""
    confinement = confinement_of(folder)
    if confinement is None:
        return {}
    with contextlib.suppress(ArgumentError):
        parsed = make_url(url)
        return confinement.environment(str(parsed.database or "") if "postgres" in parsed.drivername else "")
    return confinement.environment("")


def _run(
    program: str,
    workspace: HasFolder,
    folder: Path,
    args: tuple[str, ...],
    timeout: float,
    on_output: Callable[[str], None] | None,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Completed:
    # Like `flask` itself, take the nearest `.flaskenv` in the parent folders, but never one outside the workspace.
    below = [each for each in (folder, *folder.parents) if each.is_relative_to(workspace.folder)]
    home = next((each for each in below if (each / ".flaskenv").is_file()), workspace.folder)
    confinement = confinement_of(folder)
    return run(
        [program, *args],
        folder=folder,
        env={**environment(home, session_name(program, args)), **env},
        timeout=timeout,
        on_output=on_output,
        app=confinement.app(folder) if confinement else None,
    )
