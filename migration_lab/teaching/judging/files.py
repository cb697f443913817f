"""Copies a learner's files for a check: links stay links, and far too many files are refused before copying."""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from migration_lab.ground.errors import LabError, reason

NOT_COPIED = frozenset(("__pycache__", ".git", ".pytest_cache", ".ipynb_checkpoints", "instance"))
MOST_BYTES = 200 * 1024**2
MOST_FILES = 20_000
MOST_SECONDS = 20.0


def copy_files(source: Path, target: Path) -> None:
    """Copy everything in a folder that a check needs.

    A link that leads to a place within `source` leads to the same place within `target`, however it was written;
    another one leads to the same place as before. Links are not followed. Sockets, pipes and devices are left out.

    Args:
        source: the learner's folder.
        target: a folder that does not exist yet.

    Raises:
        LabError: a file cannot be read, or there is too much.
    """
    until = time.monotonic() + MOST_SECONDS
    try:
        entries = _measured(source, until)
        target.mkdir(parents=True)
        for entry in entries:
            _copy(entry, source, target)
            if time.monotonic() > until:
                raise _too_much(f"take more than {MOST_SECONDS:.0f} seconds to copy", source, entries)
    except OSError as error:
        raise _cannot_copy(source, error) from error


def _measured(source: Path, until: float) -> list[os.DirEntry[str]]:
    """All entries below the folder, each folder before its contents."""
    entries: list[os.DirEntry[str]] = []
    size = 0
    for entry in _below(source):
        entries.append(entry)
        if entry.is_file(follow_symlinks=False):
            size += entry.stat(follow_symlinks=False).st_size
        if size > MOST_BYTES:
            raise _too_much(f"take more than {MOST_BYTES // 1024**2} MB", source, entries)
        if len(entries) > MOST_FILES:
            raise _too_much(f"are more than {MOST_FILES}", source, entries)
        if time.monotonic() > until:
            raise _too_much(f"take more than {MOST_SECONDS:.0f} seconds to look through", source, entries)
    return entries


def _below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name in NOT_COPIED or entry.name.endswith(".pyc"):
                continue
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)


def _copy(entry: os.DirEntry[str], source: Path, target: Path) -> None:
    place = target / os.path.relpath(entry.path, source)
    if entry.is_symlink():
        place.symlink_to(_link(Path(entry.path), source, target))
    elif entry.is_dir(follow_symlinks=False):
        place.mkdir()
    elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        shutil.copy2(entry.path, place, follow_symlinks=False)


def _link(link: Path, source: Path, target: Path) -> str:
    """The target of the link's copy."""
    said = os.readlink(link)  # noqa: PTH115  # a Path would drop a `.` or a `/` at its end
    leads_to = os.path.normpath(link.parent / said)
    for root in dict.fromkeys((str(source), str(source.absolute()), str(source.resolve()))):
        if leads_to == root or leads_to.startswith(root + os.sep):
            copied = target / os.path.relpath(leads_to, root)
            return os.path.relpath(copied, target / os.path.relpath(link.parent, source))
    return str(Path(leads_to).absolute())


def _too_much(how: str, source: Path, entries: list[os.DirEntry[str]]) -> LabError:
    """Name the largest part: the top-level folder or file with the most bytes, or with the most files."""
    weights: dict[str, int] = {}
    for entry in entries:
        top = Path(os.path.relpath(entry.path, source)).parts[0]
        weight = 1 if "are more" in how else entry.stat(follow_symlinks=False).st_size
        weights[top] = weights.get(top, 0) + weight
    largest = max(weights, key=lambda each: weights[each])
    return LabError(
        f"The files of the exercise {how}, most of them in {largest}, so they cannot be checked.",
        f"Move {largest} out of the folder {source.name}, or delete it, then check again.",
    )


def _cannot_copy(source: Path, error: OSError) -> LabError:
    name = os.path.relpath(error.filename, source) if error.filename else "a file"
    if isinstance(error, PermissionError) and not name.startswith(".."):
        return LabError(
            f"The file {name} of the exercise may not be read, so the exercise cannot be checked.",
            "Give yourself the right to read it, or remove it.",
        )
    return LabError(
        f"The files of the exercise cannot be copied, so they cannot be checked: {reason(error)}.",
        "Make room on the disk, close programs that you do not need, then check again.",
    )
