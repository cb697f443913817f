"""A notebook's shop as a live service: it serves, gets requests, holds locks, and reports the size of its tables."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migration_lab.instruments import storage
from migration_lab.instruments.timeline import Recording
from migration_lab.notebook import under_way
from migration_lab.notebook.beside import Started, start
from migration_lab.shops.flask_command import NO_LIMIT
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed

if TYPE_CHECKING:
    from migration_lab.instruments import locks
    from migration_lab.instruments.service import Service


class LiveShop:
    """The part of `Shop` for work under requests."""

    workspace: Workspace

    def check(self) -> None:
        """Raise LabError if the shop's folder no longer exists."""
        raise NotImplementedError

    def here(self) -> Path:
        """The notebook's current folder."""
        raise NotImplementedError

    def run_flask(
        self,
        *args: str,
        on_output: Callable[[str], None] | None = None,
        folder: Path | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command and wait until it ends."""
        raise NotImplementedError

    def start(self, command: str) -> Started:
        """Start a command and continue: `hanging = shop.start("db upgrade")`. It may wait as long as you like.

        `hanging.until_blocked()` waits until it is blocked by a lock, `hanging.wait()` until it ends. A command that
        is still running is not started a second time.
        """
        self.check()
        run = partial(self.run_flask, *shlex.split(command), folder=self.here(), timeout=NO_LIMIT)
        return start(self.workspace, f"flask {command}", run)

    def serve(self) -> "Service":
        """Start the shop as a service on this machine: `service = shop.serve(); service.get("/health")`."""
        self.check()
        return under_way.serve(self.workspace)

    def traffic(
        self,
        title: str = "requests",
        *,
        per_second: float = under_way.PER_SECOND,
        mix: Sequence[Any] | None = None,
        service: "Service | None" = None,
        beside: "Service | None" = None,
    ) -> Recording:
        """Requests to the shop while a block runs, recorded with locks and commands: `with shop.traffic() as seen:`.

        Args:
            title: the run's name, when several are compared.
            per_second: how many requests.
            mix: methods, paths and bodies, sent in turn; by default one user is read and another logs in. `{id}` in
                them is a user's id.
            service: a running service; by default one is started, and ended with the block.
            beside: another release that gets every second request.
        """
        self.check()
        return under_way.http_traffic(
            self.workspace, title=title, per_second=per_second, mix=mix, service=service, beside=beside
        )

    def sql_traffic(
        self,
        title: str = "statements",
        *,
        reads: str | Sequence[str],
        writes: str | Sequence[str],
        of: str = "users",
        per_second: float = under_way.PER_SECOND,
    ) -> Recording:
        """The same in direct SQL, which needs less than the shop: each statement is committed separately.

        Args:
            title, per_second: as for `traffic`.
            reads, writes: statements; `:id` in them is the id of a row.
            of: the table of these ids.
        """
        self.check()
        return under_way.sql_traffic(
            self.workspace, title=title, per_second=per_second, reads=reads, writes=writes, of=of
        )

    def idle_reader(self, statement: str) -> "locks.Held":
        """A session that has run this query in a transaction and leaves it open; `.close()` ends it."""
        self.check()
        return under_way.hold(self.workspace, statement, idle=True)

    def holding(self, statement: str) -> "locks.Held":
        """A session that has run this statement and does not commit; `.close()` rolls it back."""
        self.check()
        return under_way.hold(self.workspace, statement, idle=False)

    def storage(self, table: str) -> storage.Storage:
        """A table's size on disk; `shop.storage("users").since(before)` says whether it was rewritten."""
        self.check()
        return storage.read(self.workspace.url, table)
