"""A notebook's kernel without a notebook: cells go in, and how long each took comes out."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from benchmarks.timing import seconds
from migration_lab.ground import places
from migration_lab.making.cells import FAILS
from migration_lab.making.solutions import kernel_environment

CELL_SECONDS = 120


class Cell(NamedTuple):
    """A cell's code. `may_fail` is true for one that shows an error, after which the lesson goes on."""

    code: str
    may_fail: bool = False


class Kernel:
    """A running kernel. `pid` is its process."""

    def __init__(self, client: BlockingKernelClient, pid: int) -> None:
        self._client = client
        self.pid = pid

    def run(self, cell: Cell) -> float:
        """Run a cell; the seconds from sending it until the kernel has said its last word.

        Raises:
            RuntimeError: the cell failed, and was not meant to.
        """
        reply: dict[str, Any] = {}
        printed: list[str] = []

        def run() -> None:
            reply.update(
                self._client.execute_interactive(
                    cell.code, timeout=CELL_SECONDS, allow_stdin=False, output_hook=lambda m: printed.append(_text(m))
                )
            )

        took = seconds(run)
        if reply["content"]["status"] != "ok" and not cell.may_fail:
            raise RuntimeError(f"This cell failed:\n{cell.code}\n{''.join(printed)}")
        return took


@contextmanager
def kernel(folder: str, **environment: str) -> Iterator[Kernel]:
    """A kernel that starts in a folder of `my_work/`, as those of JupyterLab do."""
    cwd = places.my_work() / folder
    cwd.mkdir(parents=True, exist_ok=True)
    manager = KernelManager(kernel_name="python3", transport_encryption="auto")
    manager.start_kernel(env=kernel_environment({**os.environ, **environment}), cwd=str(cwd))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(client, manager.provisioner.pid)  # type: ignore[union-attr]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def code_cells(notebook: Path, *, exercise: str | None = None, tag: str | None = None) -> list[Cell]:
    """The code cells of a notebook, all of it or what belongs to an exercise or carries a tag."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        Cell("".join(cell["source"]), FAILS in cell["metadata"].get("tags", ()))
        for cell in cells
        if cell["cell_type"] == "code"
        and (exercise is None or cell["metadata"].get("exercise") == exercise)
        and (tag is None or tag in cell["metadata"].get("tags", ()))
    ]


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return str(content.get("text") or "\n".join(content.get("traceback", ())))
