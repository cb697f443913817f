"""Failures of a check's command that are not the learner's: it was killed, or the machine ran out of something."""

import errno
import re
import signal
from pathlib import Path

from sqlalchemy.engine import make_url

from migration_lab.ground.errors import LabError, reason
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed
from migration_lab.shops.process.confinement import confinement_of
from migration_lab.teaching.judging.addresses import OwnDatabaseError

# A learner's program does not normally end itself with these; the system does, when memory runs out.
FROM_OUTSIDE = {-getattr(signal, name): name for name in ("SIGHUP", "SIGKILL", "SIGTERM") if hasattr(signal, name)}
# What the system, SQLite and Postgres say when something has run out, and what to do.
MEANINGS = (
    (
        r"No space left on device|could not extend file|database or disk is full|Disk quota exceeded",
        "there is no room left on the disk",
        "Make room on the disk, then check again.",
    ),
    (
        r"Too many open files|too many clients already|remaining connection slots|can't start new thread"
        r"|Resource temporarily unavailable|could not fork",
        "the machine or the server has reached a limit of files, connections or processes",
        "Shut down notebooks and programs that you do not use, then check again.",
    ),
    (
        r"Cannot allocate memory|DETAIL:  Failed on request of size",
        "the machine is out of memory",
        "Close programs that you do not use, then check again.",
    ),
    (
        r"server closed the connection unexpectedly|terminating connection due to administrator command"
        r"|the database system is (shutting down|starting up|in recovery)",
        "the Postgres server was stopped or restarted during the check",
        "Check again: the server starts again by itself.",
    ),
)
RUN_OUT = frozenset(
    getattr(errno, name)
    for name in ("EAGAIN", "EDQUOT", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EROFS")
    if hasattr(errno, name)
)


def refuse_reached(folder: Path) -> None:
    """Raise when a command in this copy tried to reach the learner's files or database.

    Raises:
        OwnDatabaseError: it did, and was refused.
    """
    confinement = confinement_of(folder)
    refusal = confinement.refusal() if confinement else None
    if refusal is None:
        return
    place = ""
    if refusal.file:
        file = Path(refusal.file)
        shown = file.relative_to(folder.resolve()) if file.is_relative_to(folder.resolve()) else file.name
        place = f", by way of {shown}, line {refusal.line}"
    raise OwnDatabaseError(f"The app opens {refusal.what}{place}, and a check works on a copy.")


def refuse_from_outside(completed: Completed, typed: str, workspace: Workspace) -> None:
    """Raise when a command failed for a reason outside the learner's work.

    Raises:
        LabError: it did.
    """
    if completed.exit_code == 0:
        return
    if completed.exit_code in FROM_OUTSIDE:
        raise LabError(
            f"`{typed}` was killed from outside, by {FROM_OUTSIDE[completed.exit_code]}.",
            "The system does that when memory runs out: close programs that you do not use, then check again.",
        )
    for pattern, what, next_step in MEANINGS:
        if re.search(pattern, completed.output):
            raise LabError(f"`{typed}` could not run: {what}.", next_step)
    host = make_url(workspace.url).query.get("host") if workspace.engine.name == "postgres" else None
    if host and f'connection to server on socket "{host}' in completed.output:
        raise LabError(
            f"`{typed}` could not run: the Postgres server does not answer.",
            "Check again: the server starts again by itself.",
        )


def ran_out(error: BaseException) -> LabError | None:
    """The error to report when the check itself ran out of memory, files, processes or disk; None for others."""
    if isinstance(error, MemoryError):
        return LabError("The check has run out of memory.", "Close programs that you do not use, then check again.")
    if isinstance(error, OSError) and error.errno in RUN_OUT:
        return LabError(
            f"The check cannot go on: {reason(error)}.",
            "Make room on the disk and close programs that you do not use, then check again.",
        )
    return None
