"""One session: what happened in it, and what went wrong."""

import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from migration_lab.ground import course, places
from migration_lab.ground.errors import LabError
from migration_lab.making import build

CELL_LIMIT = 120.0  # seconds; a cell that takes longer is stopped, and one that cannot be stopped is a finding
STOP_LIMIT = 30.0  # seconds until a stopped cell has to be over
OURS = re.compile(r"migration_lab[/\\]")
# Each with its share: what a learner, or the machine, does next.
ACTIONS = (("next", 60), ("jump", 15), ("stop", 10), ("spoil", 7), ("restart", 4), ("kill the server", 2), ("kill", 2))


@dataclass
class Session:
    """What one learner did, in order, and what went wrong.

    Args:
        lesson: whose cells run.
        seed: decides all that happens, but for the moments of it.
        steps: how many things happen.
    """

    lesson: course.Lesson
    seed: int
    steps: int
    happened: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.lesson.number} {self.seed}")
        self.cells = [cell for cell in build.cells_of(self.lesson)[0] if cell.is_code]
        self.position = 0

    def play(self) -> None:
        """Run all accidents, and check at the end that a new kernel can begin the lesson again."""
        self.kernel = Kernel()
        try:
            for action in self._actions():
                self.happened.append(action)
                self._do(action)
            self.kernel.restart()
            for number, cell in enumerate(self.cells):
                if "start" in cell.tags and number <= self.position:
                    name, said = self.kernel.run(cell.source)
                    if name:
                        self.findings.append(f"cannot begin again, cell {cell.position}: {said[-600:]}")
        finally:
            self.kernel.stop()

    def _actions(self) -> Iterator[str]:
        names, shares = zip(*ACTIONS, strict=True)
        yield "next"
        for _ in range(self.steps):
            yield self.random.choices(names, shares)[0]

    def _do(self, action: str) -> None:
        match action:
            case "next" | "jump" | "stop":
                if action == "jump":
                    self.position = self.random.randrange(len(self.cells))
                cell = self.cells[self.position % len(self.cells)]
                self.position += 1
                self.happened[-1] += f" (cell {cell.position})"
                stop_after = self.random.random() ** 2 * 2 if action == "stop" else CELL_LIMIT
                self._judge(cell.position, *self.kernel.run(cell.source, stop_after))
            case "restart":
                self.kernel.restart()
            case "kill":
                self.kernel.kill()
            case "kill the server":
                for process in psutil.process_iter(["name", "cmdline"]):
                    with suppress(psutil.Error):
                        if "-D" in (process.info["cmdline"] or ()) and str(_state()) in " ".join(
                            process.info["cmdline"]
                        ):
                            process.kill()
            case "spoil":
                self._spoil()

    def _judge(self, cell: int, name: str, said: str) -> None:
        if name == "Hangs" and self.kernel.run("None", STOP_LIMIT)[0] == "":
            # ipykernel loses its answer where Stop meets it before a cell's code, or after it; the kernel goes on.
            self.happened[-1] += " without an answer"
        elif name == "Hangs":
            self.findings.append(f"cell {cell} does not end, not by Stop either")
            self.kernel.kill()
        elif name and name not in _understood() and OURS.search(said):
            self.findings.append(f"cell {cell}: {said[-1500:]}")

    def _spoil(self) -> None:
        """Delete a file of a shop, empty it, or fill it with what is not text."""
        shops = places.my_work() / "shops"
        files = sorted(path for path in shops.rglob("*") if path.is_file() and "kept" not in path.parts)
        if not files:
            return
        path = self.random.choice(files)
        how = self.random.choice(("deleted", "emptied", "garbage"))
        self.happened[-1] += f" ({path.relative_to(shops)} {how})"
        with suppress(OSError):
            match how:
                case "deleted":
                    path.unlink()
                case "emptied":
                    path.write_bytes(b"")
                case "garbage":
                    path.write_bytes(b"\xff\xfe\x00garbage\x00")


class Kernel:
    """A kernel that can be stopped, restarted and killed."""

    def __init__(self) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(env=dict(os.environ))
        self._connect()

    def _connect(self) -> None:
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def restart(self) -> None:
        """As the button in JupyterLab does."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self._connect()

    def kill(self) -> None:
        """As the system does when memory runs out."""
        os.kill(self.manager.provisioner.pid, signal.SIGKILL)  # type: ignore[union-attr]
        self.restart()

    def stop(self) -> None:
        """End it, and give its ports back."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, cell: str, stop_after: float = CELL_LIMIT) -> tuple[str, str]:
        """Run a cell, and press Stop after so many seconds: the name of its error, or none, and what it said."""
        said: list[str] = []
        stop = threading.Timer(stop_after, self.manager.interrupt_kernel)
        stop.start()
        try:
            reply = self.client.execute_interactive(
                cell, timeout=stop_after + STOP_LIMIT, output_hook=_to(said.append), store_history=False
            )
        except TimeoutError:
            return "Hangs", "".join(said)
        finally:
            stop.cancel()
        content = reply["content"]
        if content["status"] == "aborted":  # it was stopped before it had begun
            return "KeyboardInterrupt", ""
        return content.get("ename", ""), "\n".join(content.get("traceback", ()))


def _to(say: Callable[[str], object]) -> Callable[[dict[str, Any]], None]:
    def hear(message: dict[str, Any]) -> None:
        say(str(message["content"].get("text", "")))

    return hear


def _understood() -> frozenset[str]:
    """The names of errors that say what to do, and of those that anyone's own code may end with."""
    from migration_lab.notebook import magics  # noqa: F401  # defines one more

    def below(kind: type[LabError]) -> Iterator[type[LabError]]:
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    names = {each.__name__ for each in below(LabError)}
    return frozenset({"LabError", "KeyboardInterrupt", "UsageError", *names})


def _state() -> Path:
    return places.state().resolve()


def left_running(since: float) -> list[str]:
    """Processes of the course that outlive a session, but for the server and its watcher, which end by themselves.

    Args:
        since: the moment, as `time.time()`, before which no process is ours.
    """
    until = time.monotonic() + STOP_LIMIT
    while True:
        found = []
        for process in psutil.process_iter(["cmdline", "create_time", "environ", "name"]):
            with suppress(psutil.Error):
                ours = (process.info["environ"] or {}).get("LAB_STATE") == os.environ.get("LAB_STATE")
                words = " ".join(process.info["cmdline"] or ())
                ends_itself = "postgres" in (process.info["name"] or "") or "watcher.py" in words
                if ours and process.info["create_time"] > since and not ends_itself and process.pid != os.getpid():
                    found.append(words)
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)
