"""Start the course: `python run.py lab`. Prove it: `python run.py test`. Rebuild it: `python run.py build`.

This file alone must be readable by any Python, however old, so that it can say which one is needed.
What the commands do is in `migration_lab/ground/installation.py`, which needs nothing but the standard library.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)
NAMES = ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python")


def runs(command):
    """Whether this command is a Python that is new enough; it is tried, because a pyenv shim may only claim so."""
    check = "import sys; sys.exit(sys.version_info < (%d, %d))" % OLDEST  # noqa: UP031
    try:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            return subprocess.call(command + ["-c", check], stdout=nothing, stderr=nothing) == 0  # noqa: RUF005
    except OSError:
        return False


def main():
    """Run the command with this Python, or with the first newer one that is found."""
    if sys.version_info >= OLDEST:
        from migration_lab.ground import installation

        return installation.main(sys.argv[1:])
    for command in [["py", "-3"]] * (os.name == "nt") + [[name] for name in NAMES]:
        if runs(command):
            return subprocess.call(command + [os.path.abspath(__file__)] + sys.argv[1:])  # noqa: PTH100, RUF005
    sys.stderr.write(
        "The course needs Python 3.11 or newer, and this is Python %d.%d. "  # noqa: UP031
        "Install a newer Python and run the same command again.\n" % sys.version_info[:2]
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
