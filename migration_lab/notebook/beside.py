"""Commands that run beside the cells: they hang on purpose, for as long as the learner looks at them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from migration_lab.ground.errors import LabError
from migration_lab.instruments import query
from migration_lab.instruments.readonly import keeping_sessions
from migration_lab.notebook import under_way
from migration_lab.notebook.displays import Note, show
from migration_lab.shops import process
from migration_lab.shops.flask_command import session_name
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed

LOOK_SECONDS = 0.05
END_SECONDS = 30.0  # much more than a command gets to end by itself
BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = '{name}' AND cardinality(pg_blocking_pids(pid)) > 0
"""


class Run(Protocol):
    """Runs the command until it ends."""

    def __call__(self, *, on_output: Callable[[str], None]) -> Completed: ...


class Started:
    """A command that runs, or ran, beside the cells; `shop.start` starts one.

    It has no time limit. It ends by itself, by `stop()`, or with its lesson or the kernel.
    """

    def __init__(self, workspace: Workspace, words: str, run: Run) -> None:
        self._workspace = workspace
        self._words = words
        self._run = run
        self._said: list[str] = []
        self._completed: Completed | None = None
        self._error: LabError | None = None
        self._given_up = threading.Event()
        self._has_ended = threading.Event()  # an interrupted `Thread.join` reports a running thread as ended
        threading.Thread(target=self._work, name=words, daemon=True).start()

    @property
    def is_running(self) -> bool:
        """Whether it is still running."""
        return not self._has_ended.is_set()

    @property
    def output(self) -> str:
        """Its output so far."""
        return "".join(self._said)

    def wait(self) -> Completed:
        """Wait until it ends, and return its `exit_code` and `output`.

        Raises:
            LabError: you interrupted the wait, or the command was stopped before it had finished.
        """
        try:
            while not self._has_ended.wait(1):
                pass
        except KeyboardInterrupt:
            raise LabError(
                f"`{self._words}` is still running.",
                "End what it waits for, then run this cell again; its `.stop()` ends the command itself.",
            ) from None
        if self._completed is None:
            raise self._error or LabError(f"`{self._words}` was stopped before it had finished.", "Start it again.")
        return self._completed

    def until_blocked(self) -> None:
        """Wait until it is blocked by a lock of another session. (On SQLite, sessions do not queue.)

        Raises:
            LabError: it has ended, so it is not waiting; or you interrupted the wait.
        """
        if self._workspace.engine.name != "postgres":
            raise LabError("On SQLite no session waits in a queue.", "Look at this on Postgres.")
        blocked = BLOCKED.format(name=session_name("flask", self._words.split()[1:]).replace("'", "''"))
        try:
            with keeping_sessions():  # a new one for each look may take longer than the command waits
                while not query.query(self._workspace.url, blocked).scalar:
                    if not self.is_running:
                        raise LabError(
                            f"`{self._words}` is no longer waiting: it {self._ended()}.",
                            "To see it wait, run the cells of this section again, in order from its first one.",
                        )
                    time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            raise LabError(
                f"`{self._words}` is running, and not waiting for a lock so far.", "Look at its `.output`."
            ) from None

    def stop(self) -> None:
        """End it like Ctrl-C in a terminal; nothing happens if it has ended already."""
        self._given_up.set()
        self._has_ended.wait(END_SECONDS)

    def __repr__(self) -> str:
        return f"`{self._words}` {'runs beside the cells' if self.is_running else self._ended()}"

    def _ended(self) -> str:
        if self._completed is None:
            return "was stopped before it had finished"
        return f"has ended with exit code {self._completed.exit_code}"

    def _work(self) -> None:
        try:
            with process.until(self._given_up):
                self._completed = self._run(on_output=self._said.append)
        except LabError as error:
            self._error = error
        except KeyboardInterrupt:  # the exit of a command that was abandoned
            pass
        finally:
            self._has_ended.set()


_started: dict[Path, Started] = {}  # the last one in each workspace


def start(workspace: Workspace, words: str, run: Run) -> Started:
    """Start a command beside the cells; it ends with its lesson.

    Args:
        workspace: where it runs.
        words: the whole command, as typed in a terminal.
        run: runs it.

    Returns:
        It, or the one that was started by the same words before and still runs.

    Raises:
        LabError: another command still runs beside the cells in this workspace.
    """
    earlier = _started.get(workspace.folder)
    if earlier is not None and earlier.is_running:
        if earlier._words != words:
            raise LabError(
                f"`{earlier._words}` is still running in this shop, beside the cells.",
                "End what it waits for, or run its `.stop()`; then run this cell again.",
            )
        show(Note(f"`{words}` is still running from an earlier cell, so it was not started again."))
        return earlier
    started = _started[workspace.folder] = Started(workspace, words, run)
    under_way.note(under_way.UnderWay(workspace, f"`{words}`", lambda: started.is_running, started.stop))
    return started
