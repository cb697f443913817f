"""Which process has which workspace open. A lease ends with its process, however the process ends."""

import threading
from pathlib import Path

import filelock

from migration_lab.ground import places
from migration_lab.ground.errors import LabError

AT_ONCE_AT_MOST = 20  # processes that have the same workspace open

_leases: dict[Path, filelock.FileLock] = {}
_held: dict[tuple[Path, str], Path] = {}  # which folder this process uses for a name, by learner's folder
_lock = threading.Lock()


def shops() -> Path:
    """The folder that holds all workspaces."""
    return places.my_work() / "shops"


def candidates(name: str) -> list[Path]:
    """The possible folders of a workspace of this name: the plain one, then one for each additional process."""
    return [shops() / (f"{name}-{number}" if number > 1 else name) for number in range(1, AT_ONCE_AT_MOST + 1)]


def held(name: str) -> Path | None:
    """The folder that this process has open under that name."""
    return _held.get((shops(), name))


def take(name: str) -> Path:
    """A folder for a workspace of this name that only this process has: its own, or the first free one.

    Raises:
        LabError: no folder is free.
    """
    own = held(name)
    if own is not None:
        return own
    for folder in candidates(name):
        if hold(name, folder):
            return folder
    raise LabError(
        f"{name} is open in {AT_ONCE_AT_MOST} notebooks at once.", "Shut down the kernels that you do not need."
    )


def hold(name: str, folder: Path) -> bool:
    """Take a folder for this process if no other has it; return whether that worked."""
    with _lock:
        if folder not in _leases:
            path = folder.parent / ".leases" / f"{folder.name}.lock"
            path.parent.mkdir(parents=True, exist_ok=True)
            lease = filelock.FileLock(path, thread_local=False)
            try:
                lease.acquire(blocking=False)
            except filelock.Timeout:
                return False
            _leases[folder] = lease
        _held[shops(), name] = folder
        return True
