"""Commands in the tiny app's folder, and a revision that does what a test wants."""

from collections.abc import Callable
from pathlib import Path

import psutil

from migration_lab.shops.flask_command import environment
from migration_lab.shops.process import Completed, run
from tests.instruments.test_traffic import command_of

REVISION = "migrations/versions/0003_more.py"
HEADER = 'revision = "0003"\ndown_revision = "0002"\n\n'


def flask(folder: Path, *args: str, timeout: float = 60, on_output: Callable[[str], None] | None = None) -> Completed:
    return run(["flask", *args], folder=folder, env=environment(folder), timeout=timeout, on_output=on_output)


def forkservers() -> list[psutil.Process]:
    """Those of this process, but none that has ended."""
    return [each for each in psutil.Process().children() if "process.serving" in " ".join(command_of(each))]


def more(folder: Path, text: str) -> Path:
    """Add a third revision whose upgrade does this."""
    path = folder / REVISION
    path.write_text(HEADER + "def upgrade():\n" + "".join(f"    {line}\n" for line in text.splitlines()))
    return path
