"""Where files are: the course, the learner's work, and the lab's own files. Importing it needs no package."""

import os
from collections.abc import Callable
from pathlib import Path

from migration_lab.ground.errors import LabError

APP_NAME = "migration-lab"


def course_root() -> Path:
    """The checkout that holds `lessons/` and `sample_app/`; `LAB_COURSE` in the environment overrides it."""
    return Path(os.environ.get("LAB_COURSE") or Path(__file__).resolve().parents[2])


def my_work() -> Path:
    """The learner's folder, JupyterLab's root: `my_work/` in the checkout; `LAB_WORK` overrides it."""
    return Path(os.environ.get("LAB_WORK") or course_root() / "my_work")


def below_my_work(path: Path) -> str:
    """A path as seen from the learner's folder, which is JupyterLab's root."""
    return path.resolve().relative_to(my_work().resolve()).as_posix()


def cache() -> Path:
    """Files that may be deleted at any time and are recreated: templates; `LAB_CACHE` overrides it."""
    import platformdirs

    return _own("LAB_CACHE", platformdirs.user_cache_path)


def state() -> Path:
    """Files of running processes: the Postgres server's data, socket and leases; `LAB_STATE` overrides it."""
    import platformdirs

    return _own("LAB_STATE", platformdirs.user_state_path)


def templates() -> Path:
    """The templates of workspaces, and those that are being built."""
    return cache() / "templates"


def trials() -> Path:
    """Copies that live as long as a check or the doctor."""
    return state() / "trials"


def ensure_home() -> str:
    """If this user has no home folder that can be written, let `HOME` be a hidden folder of the learner's work.

    A container that runs as a user without an account has none, and Jupyter, uv and the lab keep files there.

    Returns:
        A sentence for the learner; empty if the home is good, or if the other folder cannot be written either.
        Whatever needs it then says so.
    """
    try:
        found = Path.home()
        what = f"Your home folder {found} cannot be written"
        is_good = found.is_dir() and os.access(found, os.W_OK | os.X_OK)
    except RuntimeError:  # no HOME, and no account that names one
        what, is_good = "You have no home folder", False
    if is_good or os.name != "posix":
        return ""
    home = my_work().absolute() / ".home"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return ""
    if not os.access(home, os.W_OK | os.X_OK):  # another user's, or on a read-only disk
        return ""
    os.environ["HOME"] = str(home)
    return f"{what}, so the lab and Jupyter keep their files in {home}."


def _own(variable: str, usual: Callable[[str], Path]) -> Path:
    try:
        return Path(os.environ.get(variable) or usual(APP_NAME))
    except RuntimeError as error:
        raise LabError("You have no home folder.", f"Set HOME or {variable} to a folder that you may write.") from error
