"""Files and folders that no other user of the machine can read."""

import os
import re
import secrets
import stat
import sys
from pathlib import Path

from migration_lab.ground.errors import LabError, cure


def make_private(folder: Path) -> None:
    """Create a private folder, or check that it is private.

    Raises:
        LabError: it cannot be created, or other users of the machine could read it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError as error:
        raise LabError(
            f"The folder for Postgres cannot be made: {error.strerror}: {folder}.",
            cure(error, "Check that you may write there and that there is room, or set LAB_STATE to another folder."),
        ) from error
    if sys.platform == "win32":
        return  # a user's own folders are private there
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o077:
        raise LabError(
            f"The folder for Postgres is not private to you: {folder}.", "Remove it, or set LAB_STATE to another one."
        )


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, completely or not at all."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def passfile_line(user: str, password: str) -> str:
    """One line of libpq's password file, for any server and database."""
    escaped = (re.sub(r"([\\:])", r"\\\1", each) for each in (user, password))
    return "*:*:*:" + ":".join(escaped) + "\n"
