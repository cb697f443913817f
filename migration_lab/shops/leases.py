"""Which process has which workspace open. A lease ends with its process, however the process ends."""

import threading
from dataclasses import replace
from pathlib import Path

import filelock

from migration_lab.ground import places
from migration_lab.ground.errors import LabError
from migration_lab.shops.identity import Identity

AT_ONCE_AT_MOST = 20  # processes that have the same workspace open

_leases: dict[Path, filelock.FileLock] = {}
_held: dict[Path, int] = {}  # the number of the workspace that this process has open, by the folder of the first one
_lock = threading.Lock()


def shops() -> Path:
    """The folder that holds all workspaces."""
    return places.my_work() / "shops"


def folder_of(identity: Identity) -> Path:
    """The folder of a workspace, which may not exist."""
    return shops() / identity.folder_name


def candidates(identity: Identity) -> list[Identity]:
    """All that a workspace can be: the plain one, then one for each process more."""
    return [replace(identity, number=number) for number in range(1, AT_ONCE_AT_MOST + 1)]


def held(identity: Identity) -> Identity | None:
    """The one of these workspaces that this process has open; None if it has none."""
    number = _held.get(folder_of(identity.first))
    return replace(identity, number=number) if number else None


def take(identity: Identity) -> Identity:
    """Take one of these workspaces for this process alone: its own, or the first free one.

    Raises:
        LabError: no folder is free.
    """
    own = held(identity)
    if own is not None:
        return own
    for each in candidates(identity):
        if hold(each):
            return each
    raise LabError(
        f"{identity.first.folder_name} is open in {AT_ONCE_AT_MOST} notebooks at once.",
        "Shut down the kernels that you do not need.",
    )


def hold(identity: Identity) -> bool:
    """Take a workspace for this process if no other has it; return whether that worked."""
    folder = folder_of(identity)
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
        _held[folder_of(identity.first)] = identity.number
        return True
