"""`make lab` in a fresh clone, with the packages in the cache of uv or pip, until JupyterLab answers."""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from benchmarks.figure import Figure
from migration_lab.ground import places

REPETITIONS = 3
LIMIT = 300.0  # seconds, for a start that fetches its packages
ADDRESS = re.compile(r"JupyterLab: (http://\S+)")


def figures(
    repetitions: int = REPETITIONS, measure: Callable[[str], tuple[float, float]] | None = None
) -> Iterator[Figure]:
    """The first and the second start in a clone; where uv is on PATH, also without it.

    Args:
        measure: instead of `in_fresh_clone`.
    """
    measure = measure or in_fresh_clone
    ways = {"": os.environ.get("PATH", os.defpath)}
    if shutil.which("uv"):
        ways = {" with uv on PATH": ways[""]}
        if not shutil.which("uv", path=os.defpath):
            ways[" without uv"] = os.defpath
    for way, path in ways.items():
        measure(path)  # fills the cache
        times = [measure(path) for _ in range(repetitions)]
        first, second = (statistics.median(each) for each in zip(*times, strict=True))
        yield Figure(f"`make lab` in a fresh clone{way}, until JupyterLab answers", first, at_most=30)
        yield Figure("the second start", second)


def in_fresh_clone(path: str) -> tuple[float, float]:
    """The seconds of the first and of the second start in a clone of what is committed.

    Args:
        path: the value of PATH.
    """
    with fresh_clone() as clone:
        return start(clone, path), start(clone, path)


@contextmanager
def fresh_clone() -> Iterator[Path]:
    """A clone of what is committed, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="lab-") as temporary:
        clone = Path(temporary) / "course"
        subprocess.run(["git", "clone", "--quiet", str(places.course_root()), str(clone)], check=True)
        yield clone


def start(clone: Path, path: str) -> float:
    """The seconds until JupyterLab's first page comes; it is stopped afterwards."""
    # The interpreter behind this environment, because PATH may begin with another one.
    command = ["make", "lab", f"PYTHON={Path(sys.base_prefix, 'bin', 'python3')}", "ARGS=--no-browser"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "JUPYTER_"))}
    began = time.perf_counter()
    running = subprocess.Popen(
        command,
        cwd=clone,
        env={**env, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        wait_for_answer(address(running.stdout), began + LIMIT)
        return time.perf_counter() - began
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def address(output: IO[str]) -> str:
    """The address that the start prints.

    Raises:
        RuntimeError: it ended without one; the text is what it said.
    """
    said = []
    for line in output:
        said.append(line)
        found = ADDRESS.search(line)
        if found:
            return found[1]
    raise RuntimeError(f"JupyterLab did not start:\n{''.join(said)}")


def wait_for_answer(url: str, deadline: float) -> None:
    """Ask until the page comes.

    Raises:
        OSError: it has not come at the deadline.
    """
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            if time.perf_counter() > deadline:
                raise
        time.sleep(0.02)
