"""Why the server's programs failed, and what to do about it."""

import re

from migration_lab.ground.errors import CLOSE, MORE_FILES, LabError

OTHERWISE = "or set LAB_POSTGRES_URL to a server that you have; SQLite works without it."
# What the programs print, and what to do. The first pattern that is found counts.
CAUSES = (
    (
        r"shared memory segment",
        "Give the machine more shared memory (the folder /dev/shm; for Docker, `--shm-size=64m`),",
    ),
    (r"No space left|[Dd]isk quota exceeded", "Make room on the disk and try again,"),
    (r"insufficient file descriptors|Too many open files", f"{MORE_FILES},"),
    (
        r"could not look up effective user ID|user does not exist",
        "Give this user an account in /etc/passwd (for Docker, start the container as a user that its image knows),",
    ),
    (
        r"is needed by initdb but was not found",
        "Move the course into a folder whose path has no `$`, no backtick and no quotation mark,",
    ),
    (r"Cannot allocate memory|[Oo]ut of memory|could not fork|Resource temporarily unavailable", f"{CLOSE[:-1]},"),
    (
        r"Permission denied|Read-only file system|Operation not permitted",
        "Set LAB_STATE to a folder in which you may write,",
    ),
    (r"loading shared libraries|Library not loaded", "Run `make lab`, which repairs the installation,"),
)


def failed(what: str, said: str) -> LabError:
    """The error to raise for a program that failed.

    Args:
        what: what did not succeed, such as `set up`.
        said: the line of its output that says why.
    """
    fitting = (cure for pattern, cure in CAUSES if re.search(pattern, said))
    return LabError(f"Postgres could not be {what}: {said}.", f"{next(fitting, 'Try again,')} {OTHERWISE}")
