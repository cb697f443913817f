"""How many files this process, and those that it starts, may have open at the same time."""

from migration_lab.ground.errors import MORE_FILES, LabError

try:
    import resource
except ImportError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

NEEDED = 256  # a kernel in a lesson that sends requests takes up to 100, and JupyterLab some for each kernel
ASKED = 1024  # not more: `select` cannot wait for a file with a higher number


def raise_open_files() -> None:
    """Raise this process's limit of open files to `ASKED`, or as far as its hard limit allows."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ASKED if hard == resource.RLIM_INFINITY else min(ASKED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def too_few_files() -> LabError | None:
    """What to say where a lesson would reach the limit; None if it is high enough."""
    most = open_files()
    if most is None or most >= NEEDED:
        return None
    what = f"Only {most} files can be open at the same time here, and a lesson needs up to {NEEDED}."
    return LabError(what, f"{MORE_FILES}.")


def open_files() -> int | None:
    """The limit of this process; None if it has none."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
