"""Commands while the shop serves requests, for judges: what customers notice.

    with under_traffic(copy, mix=(("GET", "/users/{id}", None), ("POST", "/users/{id}/logins", None))) as live:
        live.wait_for(10)
        live.flask("db upgrade")
        live.wait_for(10)
    self.expect(not live.failed, expected="Every request is answered.", found=listed(live.failed))

It takes about two seconds more than what is in it. Judge waits for locks rather than times, choose bounds that a busy
machine cannot reach (three times what a right answer needs, a third of what the mildest wrong one does), and put no
number that was measured into `found`.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event

from migration_lab.instruments import locks
from migration_lab.instruments.service import serve
from migration_lab.instruments.timeline import Recording
from migration_lab.instruments.traffic import ONE_ROW_EACH, Request, ids_in
from migration_lab.instruments.traffic.outcome import reasons
from migration_lab.shops.flask_command import HasFolder
from migration_lab.shops.process import Completed
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.rows import quoted
from migration_lab.teaching.judging.running import ABORTED, LEFT_BEHIND, Background, run, why_it_failed

PER_SECOND = 40.0  # enough for a stall of a tenth of a second to hold some up, and little work for two cores
POLL_SECONDS = 0.05
COMMAND = "flask"  # the names of the commands' sessions begin with it
A_FEW = 10  # requests before and after what is judged
STAYS_SECONDS = (2.0, 2.7)  # how long a report blocks the change: a revision cannot know when to begin
ATTEMPTS, HOPELESS = 60, 3  # of a deploy after the report has ended; of one that fails in the same way each time
REPORT = "finance"  # the session's name: not the one that the lessons show, so that a revision cannot look for it
REPORTS = f"""
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = '{REPORT}' AND datname = current_database() AND xact_start IS NOT NULL
"""


class Live:
    """A copy whose shop serves requests, from `under_traffic`. Use it within the block or after it.

    Judge waits for locks where you can: the server reports how long each lasted. How long a request took also
    depends on how busy the machine was.
    """

    def __init__(self, copy: Database, seen: Recording, watch: locks.Watch) -> None:
        self.copy = copy
        self.seen = seen
        self._watch = watch

    def flask(self, command: str, *, seconds: float | None = None) -> Completed:
        """Run a command, as `copy.flask` does; one that reaches the time limit ends with exit code `STOPPED`."""
        with self.seen.span(f"{COMMAND} {command}") as span:
            completed = run(self.copy, command, seconds=seconds)
            span.exit_code = completed.exit_code
            return completed

    def wait_for(self, count: int) -> None:
        """Wait until so many requests of the current phase have ended."""
        self.seen.wait_for(count)

    def wait_for_a_command(self, *, or_until: Event) -> None:
        """Wait until a command waits for a lock or the first one has ended, however long that takes.

        Args:
            or_until: also ends the wait.
        """
        while not (self._a_command_waited() or any(each.end for each in self.seen.timeline.spans)):
            if or_until.wait(POLL_SECONDS):
                return

    def _a_command_waited(self) -> bool:
        return any(each.who.startswith(COMMAND) for each in self._watch.waits)

    @property
    def waits(self) -> list[locks.Wait]:
        """The waits for locks of all sessions except the commands'. SQLite has no queue, so there are none there."""
        return [each for each in self._watch.waits if not each.who.startswith(COMMAND)]

    @property
    def longest_wait(self) -> float:
        """The longest that a request waited for a lock, in seconds by the server's clock; 0 when none did."""
        return max((each.at_least for each in self.waits), default=0.0)

    @property
    def longest_request(self) -> float:
        """The longest that a request took, in seconds from when it was due: all that can be measured on SQLite."""
        return self.seen.longest_wait

    @property
    def failed(self) -> list[str]:
        """Why requests failed, each reason once and sorted, the same on every machine; empty if none failed."""
        return sorted(reasons(self.seen.outcomes))


@contextmanager
def under_traffic(
    copy: Database,
    *,
    mix: Sequence[Request] = ONE_ROW_EACH,
    per_second: float = PER_SECOND,
    table: str = "users",
    beside: HasFolder | None = None,
) -> Iterator[Live]:
    """Serve requests with the shop of a copy while a block runs.

    It takes about two seconds to begin and to end, so use one block for several commands rather than several blocks.

    Args:
        copy: the trial, or another copy of it.
        mix: the requests, in turn; see `traffic.over_http`.
        per_second: how many requests.
        table: whose ids stand for `{id}` in the mix.
        beside: a folder with another release, whose `.flaskenv` names the same database; it gets every second request.

    Raises:
        LabError: a shop does not start.
    """
    with ExitStack() as stack:
        service = stack.enter_context(serve(copy.workspace))
        other = stack.enter_context(serve(beside)) if beside else None
        requests = service.requests(per_second=per_second, mix=mix, ids=ids_in(copy.url, table), beside=other)
        watch = locks.watch(copy.url)
        seen = stack.enter_context(Recording(requests, title="under requests", watch=watch))
        yield Live(copy, seen, watch)


@dataclass(frozen=True)
class Deploy:
    """A command that was run until it succeeded, behind a report.

    Args:
        live: what customers noticed.
        last: the last run; if it failed, another one would have failed too.
        left_report_alone: whether the report's transaction was left open.
    """

    live: Live
    last: Completed
    left_report_alone: bool


def deploy_behind_report(
    copy: Database, command: str, table: str, *, mix: Sequence[Request], seconds: float, pause: float
) -> Deploy:
    """Run a command again and again until it succeeds, while the shop serves requests and a report reads.

    The report stays until a run waits for a lock or has ended, and a while longer. Postgres only.

    Args:
        table: the table that the report has read in its open transaction.
        mix: the requests.
        seconds: how long a run may take.
        pause: how long the deploy waits after a run that failed, in seconds.
    """
    gone = Event()

    def until_it_succeeds() -> Completed:
        attempts = 0
        while True:
            attempts += gone.is_set()
            completed = live.flask(command, seconds=seconds)
            is_hopeless = why_it_failed(completed) in (LEFT_BEHIND, ABORTED)
            if completed.exit_code == 0 or attempts >= (HOPELESS if is_hopeless else ATTEMPTS):
                return completed
            time.sleep(pause)

    with under_traffic(copy, mix=mix) as live:
        live.wait_for(A_FEW)
        with locks.holding(copy.url, f"SELECT count(*) FROM {quoted(table)}", REPORT):
            runs = Background(until_it_succeeds)
            live.wait_for_a_command(or_until=Event())
            time.sleep(random.uniform(*STAYS_SECONDS))
            left_alone = copy.sql(REPORTS).scalar == 1
        gone.set()
        last = runs.completed()
        live.wait_for(A_FEW)
    return Deploy(live, last, left_alone)
