"""Remembers the names of a notebook's shops, so that `lab.resume()` can restore them in a fresh kernel."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from migration_lab.notebook import shop
from migration_lab.notebook.shop import Shop
from migration_lab.shops import leases, workspace
from migration_lab.shops.identity import Workspace

_written: dict[str, Any] = {}


def register(shell: InteractiveShell) -> None:
    """Record the names after each cell."""

    def note(*_: object) -> None:
        with suppress(OSError):  # if the disk is full, only the names are lost
            _note(of(shell.user_ns))

    shell.events.register("post_run_cell", note)


def of(namespace: dict[str, Any]) -> dict[str, Shop]:
    """The shops among a notebook's names, without IPython's names for the outputs of cells."""
    return {
        name: value
        for name, value in list(namespace.items())
        if isinstance(value, Shop) and not name.startswith("_") and not value.is_replaced
    }


def called(workspace: Workspace, namespace: dict[str, Any]) -> str:
    """A shop's name in the notebook: the first of its names, or its title if it has none."""
    found = (name for name, each in of(namespace).items() if each.workspace.folder == workspace.folder)
    return next(found, workspace.title)


def place(current: Shop, namespace: dict[str, Any]) -> str:
    """The shop on which a command runs, as a line above its output; empty if no other one is open."""
    folders = {each.workspace.folder for each in of(namespace).values()}
    if not folders - {current.workspace.folder}:
        return ""
    return f"On {called(current.workspace, namespace)} ({shop.ENGINE_NAMES[current.engine]}):"


def take_up(namespace: dict[str, Any]) -> tuple[Shop, dict[str, Shop], list[str]] | None:
    """Open all shops that this notebook had, hold them, and put them under their names.

    Returns:
        The last used one, all of them by their names, and the names of those that no longer exist; None
        if no names are recorded, or none of the shops exist.

    Raises:
        LabError: another process has one of them open.
    """
    try:
        said = json.loads(_file().read_text(encoding="utf-8"))
        folders: dict[str, str] = dict(said["shops"])
        used = str(said["used"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    opened: dict[str, Shop] = {}
    for folder in sorted(set(folders.values())):
        found = workspace.take_up(leases.shops() / folder)
        if found is not None:
            opened[folder] = shop.copies[found.folder] = Shop(found)
    if not opened:
        return None
    named = {name: opened[folder] for name, folder in folders.items() if folder in opened}
    namespace.update(named)
    current = opened.get(used) or next(iter(named.values()))
    return current.use(), named, [name for name, folder in folders.items() if folder not in opened]


def _note(shops: dict[str, Shop]) -> None:
    global _written
    if not shops:
        return  # a fresh kernel, which may still ask for the earlier ones
    used = shop.used
    said = {
        "used": used.workspace.folder.name if used else "",
        "shops": {name: each.workspace.folder.name for name, each in shops.items()},
    }
    file = _file()
    if (said, str(file)) != (_written.get("said"), _written.get("file")):
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".new")
        half.write_text(json.dumps(said, indent=1), encoding="utf-8")
        half.replace(file)
        _written = {"said": said, "file": str(file)}


def _file() -> Path:
    """The file with the names of this notebook."""
    notebook = Path(os.environ.get("JPY_SESSION_NAME", "")).stem or "notebook"
    return leases.shops() / ".names" / f"{notebook}.json"
