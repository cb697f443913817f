"""Where files are: the course, the learner's work, and the lab's own files."""

import os
from pathlib import Path

import platformdirs

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
    return Path(os.environ.get("LAB_CACHE") or platformdirs.user_cache_path(APP_NAME))


def state() -> Path:
    """Files of running processes: the Postgres server's data, socket and leases; `LAB_STATE` overrides it."""
    return Path(os.environ.get("LAB_STATE") or platformdirs.user_state_path(APP_NAME))
