"""A small process beside the server that stops it when it is no longer needed.

It runs as a script and imports little, because it lives as long as the server does: `watcher.py HOUSE GRACE LOCK`,
where LOCK is the number of the inherited descriptor that holds `watcher.lock`, so that there is never more than one.
All imports are at the top: by the time it stops the server, the environment may have been deleted.
"""

import fcntl
import json
import os
import shutil
import signal
import stat
import sys
import time
from pathlib import Path

import psutil

POLL = 1.0  # seconds between looks
STOP_LIMIT = 10.0  # seconds for a fast shutdown before the server is killed


def lock(path: Path, how: int, *, create: bool = True) -> int | None:
    """Open a file and lock it with `fcntl.flock`; return the descriptor, or None if `LOCK_NB` finds it taken.

    The kernel frees the lock when the last copy of the descriptor is closed, however the process ends.

    Args:
        create: whether to create a file that does not exist; otherwise that is a FileNotFoundError.
    """
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def server_processes(data: str) -> list[psutil.Process]:
    """The processes of the Postgres server that runs in this folder, whether or not the folder still exists.

    A process is identified by its name and current folder, never by a number in a file: numbers are reused.
    """
    found = []
    psutil.process_iter.cache_clear()  # psutil signals no process that it first saw under the number of another
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and _runs_in(process, data):
                found.append(process)
        except psutil.Error:
            continue  # it ended, or belongs to someone else
    return found


def _runs_in(process: psutil.Process, data: str) -> bool:
    try:
        return process.cwd().removesuffix(" (deleted)") == data
    except psutil.AccessDenied:
        # Root in a container may not see this for another user's process, but it sees the postmaster's command.
        return process.cmdline()[1:3] == ["-D", data]


def stop_server(data: str) -> None:
    """Stop the server that runs in this folder, if there is one; kill it if it takes over 10 seconds."""
    processes = server_processes(data)
    numbers = {process.pid for process in processes}
    postmaster = noted_postmaster(data)
    for process in processes:
        try:
            if process.pid == postmaster:
                process.send_signal(signal.SIGINT)  # fast shutdown
            elif process.ppid() not in numbers:
                process.send_signal(signal.SIGQUIT)  # a postmaster without its pid file, or left behind by one
        except psutil.Error:
            continue
    for process in _wait_for_end(processes):
        try:
            process.kill()
        except psutil.Error:
            continue
    _wait_for_end(processes)


def _wait_for_end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Wait for at most 10 seconds; return the processes that still run. A zombie counts as ended."""
    deadline = time.monotonic() + STOP_LIMIT
    while True:
        alive = []
        for process in processes:
            try:
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
            except psutil.Error:
                continue
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.01)


def noted_postmaster(data: str) -> int | None:
    """The number in `postmaster.pid`, whether or not it is right; None if the file is missing or truncated."""
    try:
        return int(Path(data, "postmaster.pid").read_text().split("\n")[0])
    except (OSError, ValueError):
        return None


def has_sessions(data: str) -> bool:
    """Whether a client without a lease is connected, such as `flask run` in a terminal."""
    for process in server_processes(data):
        try:
            if any(part.startswith("postgres: lab ") for part in process.cmdline()):
                return True
        except psutil.Error:
            continue
    return False


def watch(house: Path, grace: float, own_lock: int) -> None:
    """Wait until no lease has been held for `grace` seconds, or the house is removed; then stop the server.

    A house that is unreachable for that long, because its file system is no longer mounted, counts as removed.
    """
    data = os.path.realpath(house / "data")
    elsewhere = read_elsewhere(house)
    idle_since: float | None = None
    away_since: float | None = None
    while True:
        time.sleep(POLL)
        if os.path.exists(house / "data"):  # noqa: PTH110 - Path.exists raises where the house may not be entered
            data = os.path.realpath(house / "data")
        elsewhere = read_elsewhere(house) or elsewhere
        if os.fstat(own_lock).st_nlink == 0:
            if os.path.exists(house / "watcher.lock"):  # noqa: PTH110
                return  # another house has taken its place, with a watcher of its own
            if not os.path.exists(house):  # noqa: PTH110
                stop_server(data)
                if elsewhere is not None:
                    shutil.rmtree(elsewhere, ignore_errors=True)
                return
        now = time.monotonic()
        try:
            # A file that is created in a house being removed would keep its folder from being removed.
            leases = lock(house / "leases", fcntl.LOCK_EX | fcntl.LOCK_NB, create=False)
        except OSError:  # the house is being removed, which the next look will show, or unreachable
            away_since = away_since or now
            if now - away_since >= grace:
                stop_server(data)
                return
            continue
        away_since = None
        if leases is None:
            idle_since = None
            continue
        idle_since = idle_since or now
        if now - idle_since >= grace and has_sessions(data):
            idle_since = now
        elif now - idle_since >= grace:
            # New users wait for their lease while the server stops, then find no server and start one.
            stop_server(data)
            os.close(own_lock)  # before the leases: the next user must be able to start a watcher
            os.close(leases)
            return
        os.close(leases)


def read_elsewhere(house: Path) -> Path | None:
    """The private folder outside the house that holds the socket if the house's own path is too long.

    None when there is none, or when what stands there now is not the folder that was made: not a folder, open to
    to others, or another user's.
    """
    try:
        note = json.loads((house / "elsewhere").read_text(encoding="utf-8"))
        folder, owner = Path(note["folder"]), note["owner"]
        about = folder.lstat()
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return folder if stat.S_ISDIR(about.st_mode) and about.st_mode & 0o077 == 0 and about.st_uid == owner else None


if __name__ == "__main__":
    watch(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
