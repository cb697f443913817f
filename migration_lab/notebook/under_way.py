"""Everything that a notebook runs beside its cells: services, a stream of requests, sessions that hold locks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from migration_lab.instruments.timeline import Recording, Span
from migration_lab.notebook import running_note
from migration_lab.notebook.displays import Note, show
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed

if TYPE_CHECKING:
    from migration_lab.instruments import locks
    from migration_lab.instruments.service import Service
    from migration_lab.instruments.traffic import Requests

PER_SECOND = 50.0


@dataclass(frozen=True)
class UnderWay:
    """Something that runs: its shop, its name, and how to end it."""

    workspace: Workspace
    words: str
    is_running: Callable[[], bool]
    end: Callable[[], None]


_running: list[UnderWay] = []
recordings: list["Noting"] = []
last: tuple[str, Completed] | None = None  # the command that ended last
finished: list[tuple[str, float, float, float]] = []  # of each run: title, longest wait, blocked, commands; in seconds


def note(running: UnderWay) -> None:
    """Record something that runs, so that it ends when another lesson is opened."""
    _running[:] = [each for each in _running if each.is_running()] + [running]


def end_for(workspace: Workspace) -> list[str]:
    """End what earlier lessons left running, and what uses the shop that this one replaces.

    Returns:
        A short description of each.
    """
    ended = []
    for each in [each for each in _running if each.is_running()]:
        if each.workspace.lesson.slug != workspace.lesson.slug or each.workspace.folder == workspace.folder:
            each.end()
            ended.append(each.words)
    _running[:] = [each for each in _running if each.is_running()]
    return ended


@contextmanager
def command(words: str, on_output: Callable[[str], None] | None) -> Iterator["Commanded"]:
    """Add a command and the revisions that it runs to all current recordings."""
    with running_note.command(words), ExitStack() as stack:
        spans = [stack.enter_context(each.span(words)) for each in recordings]
        yield Commanded(words, spans, on_output)


def under_requests_elsewhere(workspace: Workspace) -> Workspace | None:
    """Another shop that gets requests now, if this one gets none."""
    asked = [each.workspace for each in recordings]
    return asked[-1] if asked and all(each.folder != workspace.folder for each in asked) else None


@dataclass(frozen=True)
class Commanded:
    """A command that is recorded while it runs."""

    words: str
    spans: list[Span]
    on_output: Callable[[str], None] | None

    def heard(self, text: str) -> None:
        """Record the command's output, and pass it on."""
        for span in self.spans:
            span.heard(text)
        if self.on_output is not None:
            self.on_output(text)

    def ended(self, completed: Completed) -> None:
        """Record how it ended."""
        global last
        last = self.words, completed
        for span in self.spans:
            span.exit_code = completed.exit_code


class Noting(Recording):
    """A recording that includes the notebook's commands while its block runs."""

    def __init__(self, workspace: Workspace, requests: "Requests", **options: Any) -> None:
        super().__init__(requests, **options)
        self.workspace = workspace

    def __enter__(self) -> Self:
        super().__enter__()
        recordings.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self in recordings:
            recordings.remove(self)
        super().__exit__(kind, error, traceback)
        finished.append((self.title, self.longest_wait, self.blocked_for(), self.took))
        if self.trouble:
            show(Note(self.trouble))


def serve(workspace: Workspace) -> "Service":
    """Start the shop as a service; it ends with its lesson."""
    from migration_lab.instruments.service import serve as start  # here, because it imports Flask

    service = start(workspace)
    note(UnderWay(workspace, "a service", lambda: service.is_running, service.stop))
    return service


def http_traffic(
    workspace: Workspace,
    *,
    title: str,
    per_second: float,
    mix: Sequence[Any] | None,
    service: "Service | None",
    beside: "Service | None",
) -> Recording:
    """Requests over HTTP; a service started for them ends with them."""
    from migration_lab.instruments import locks
    from migration_lab.instruments.traffic import ONE_ROW_EACH, ids_in

    serving = service or serve(workspace)
    ids, mix = ids_in(workspace.url, "users"), mix or ONE_ROW_EACH
    for each in filter(None, (serving, beside)):
        each.warm([path.format(id=ids[0]) for method, path, _ in mix if method == "GET" and "{new}" not in path])
    requests = serving.requests(per_second=per_second, mix=mix, ids=ids, beside=beside)

    def end() -> str | None:
        alive, said = serving.is_running, serving.log(1)
        if service is None:
            serving.stop()
        return None if alive else f"The shop ended while it was receiving requests. Its last output: {said or 'none'}."

    return Noting(workspace, requests, title=title, watch=locks.watch(workspace.url), on_end=end)


def sql_traffic(
    workspace: Workspace,
    *,
    title: str,
    per_second: float,
    reads: str | Sequence[str],
    writes: str | Sequence[str],
    of: str,
) -> Recording:
    """Statements sent straight to the database."""
    from migration_lab.instruments import locks
    from migration_lab.instruments.traffic import Requests, ids_in, over_sql

    plan = over_sql(workspace.url, listed(reads), listed(writes), per_second=per_second, ids=ids_in(workspace.url, of))
    return Noting(workspace, Requests(plan), title=title, watch=locks.watch(workspace.url))


def hold(workspace: Workspace, statement: str, *, idle: bool) -> "locks.Held":
    """Open a session that keeps its transaction open; it ends with its lesson."""
    from migration_lab.instruments import locks

    held = (locks.idle_reader if idle else locks.holding)(workspace.url, statement)
    note(UnderWay(workspace, "an open transaction", lambda: held.is_open, held.close))
    return held


def listed(statements: str | Sequence[str]) -> list[str]:
    """One statement or several."""
    return [statements] if isinstance(statements, str) else list(statements)
