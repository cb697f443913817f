"""Records one run: requests that keep arriving, the commands during them, and who waits for which lock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from migration_lab.instruments.locks import Watch, open_on
from migration_lab.instruments.timeline.model import Blocked, Mark, Span, Timeline, spanning
from migration_lab.instruments.timeline.text import as_text
from migration_lab.instruments.traffic import Figures, Outcome, Requests


class Recording:
    """Use it as `with recording as seen:`; what it saw is there during the block and after it.

    Args:
        requests: not started yet; they run as long as the block does.
        title: the run's name, when several are compared.
        watch: samples the locks during the run; not started either.
        on_end: called when the block has ended, however it ended; a message that it returns goes into `trouble`.
    """

    def __init__(
        self,
        requests: Requests,
        *,
        title: str,
        watch: Watch | None = None,
        on_end: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.requests = requests
        self.title = title
        self.locks = watch
        self.trouble: str | None = None
        self._on_end = on_end
        self._spans: list[Span] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            if self.locks is not None:
                self._stack.enter_context(self.locks)
            self._stack.enter_context(self.requests)
        except BaseException:
            self._stack.close()
            self._on_end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._stack.__exit__(kind, error, traceback)
        finally:
            said = self._on_end()
            self.trouble = said or (self.locks.trouble if self.locks is not None else None)

    @contextmanager
    def span(self, name: str) -> Iterator[Span]:
        """Record when a block began and ended, under this name."""
        with spanning(self._spans, name) as span:
            yield span

    # ---- what the requests say

    def phase(self, name: str) -> None:
        """Begin a new phase with this name."""
        self.requests.phase(name)

    def wait_for(self, count: int) -> None:
        """Wait until this many requests of the current phase have ended; see `Requests.wait_for`."""
        self.requests.wait_for(count)

    @property
    def outcomes(self) -> list[Outcome]:
        """All finished requests, in the order in which they were due."""
        return self.requests.outcomes

    @property
    def answered(self) -> int:
        """How many requests succeeded."""
        return self.requests.answered

    @property
    def failed(self) -> int:
        """How many requests got an error, or no answer."""
        return self.requests.failed

    def failed_in(self, phase: str) -> int:
        """How many requests of this phase failed."""
        return self.requests.failed_in(phase)

    def answered_in(self, phase: str) -> int:
        """How many requests of this phase succeeded."""
        return self.requests.answered_in(phase)

    @property
    def longest_wait(self) -> float:
        """The longest that any sender waited, in seconds."""
        return self.requests.longest_wait

    @property
    def reads(self) -> Figures:
        """The requests that only read: `reads.median`, `reads.p99`, `reads.worst` in seconds, and `count`, `failed`."""
        return self.timeline.reads

    @property
    def writes(self) -> Figures:
        """The requests that write."""
        return self.timeline.writes

    def in_words(self) -> str:
        """The results of the requests, without numbers: the same words on every machine."""
        return self.requests.in_words()

    # ---- what the locks say

    def strongest(self, table: str) -> str | None:
        """The strongest lock that a session was seen to hold on a table, in the database's words."""
        return self.locks.strongest(table) if self.locks is not None else None

    def blocked_for(self, table: str | None = None) -> float:
        """Seconds in which at least one session waited for a lock."""
        return self.locks.blocked_for(table) if self.locks is not None else 0.0

    # ---- all of it

    @property
    def took(self) -> float:
        """Seconds that the commands of the block took."""
        return self.timeline.working

    @property
    def timeline(self) -> Timeline:
        """Everything that was recorded, on one clock."""
        outcomes = self.outcomes
        began = self.requests.began or (outcomes[0].due if outcomes else 0.0)
        waits = self.locks.waits if self.locks is not None else ()
        return Timeline(
            self.title,
            began,
            outcomes,
            tuple(self._spans),
            tuple(Mark(at, name) for at, name in self.requests.phases[1:]),
            tuple(Blocked(each.who, each.table, each.begin, each.end) for each in waits),
            tuple(open_on(self.locks.url)) if self.locks is not None else (),
        )

    def as_text(self) -> str:
        """The numbers, and what happened when."""
        text = as_text([self.timeline])
        return f"{text}\n{self.trouble}" if self.trouble else text
