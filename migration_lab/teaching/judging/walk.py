"""The walk of an answer's revisions over one database: up, back one step at a time, up one step at a time, and back.

A deploy may stop at each revision, so the walk stops there and looks; it may also be taken back from there. While the
database stands at the head, rows arrive and values change, as in a shop in use. Before the last way back, somebody has
used the columns that were empty until then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from migration_lab.teaching.judging.arrivals import arrive, leave_empty, use
from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.expectations import part_of
from migration_lab.teaching.judging.numbering import Taken, newly_taken, taken_numbers
from migration_lab.teaching.judging.rows import MayChange


@dataclass(frozen=True)
class Stop:
    """The database at one stop. `way` is "up" or "down"; `when` is the same in words."""

    way: str
    when: str
    snapshot: Snapshot


class Walk:
    """Walks one database as far as a caller needs.

    Args:
        database: at the start; it is not watched, because others compare `stops`.
        may: how rows may change, for the rows that arrive.
        back_to: the revision of the start, or "base".
        empty: the new columns that a ticket leaves empty, of what a database holds.
        may_refuse: whether a downgrade may refuse; then the walk ends there, and `refuses` is true.

    Attributes:
        taken: where the next row of a table would meet the number of an old one, in sentences: after the first upgrade,
            and after the downgrade.
        was_used: whether a column that was empty had a value before the last way back.
    """

    def __init__(
        self,
        database: Database,
        start: Snapshot,
        may: MayChange,
        back_to: str,
        *,
        empty: Callable[[Snapshot], Sequence[str]] = lambda _: (),
        may_refuse: bool = False,
    ) -> None:
        self.database = database
        self.start = start
        self.stops: list[Stop] = []
        self.refuses = False
        self.was_used = False
        self.taken: list[str] = []
        self._taken_before: list[Taken] = []
        self._may = may
        self._back_to = back_to
        self._empty = empty
        self._may_refuse = may_refuse
        self._head: Snapshot | None = None
        self._lived: Snapshot | None = None
        self._has_been_back = self._is_done = False

    @property
    def head(self) -> Snapshot:
        """After the first `flask db upgrade`. Raises `Miss` of `upgrade`."""
        if self._head is None:
            self._taken_before = taken_numbers(self.database)
            self._head = self._go("upgrade", "up", "after the upgrade", self.database.upgrade)
            self._look_at_numbers("After the upgrade")
        return self._head

    @property
    def lived(self) -> Snapshot:
        """The same later, when rows have arrived and values have changed."""
        if self._lived is None:
            arrive(self.database.url, self.start, self.head, self._may)
            self._lived = self.database.snapshot(schema=self.head.schema, at=self.head.revisions)
        return self._lived

    def back(self) -> Snapshot:
        """At the start again, after `flask db downgrade` through each revision. Raises `Miss` of `downgrade`."""
        if not self._has_been_back:
            _ = self.lived
            for each in self._steps_down():
                if not self.refuses:
                    self._go("downgrade", "down", f"after the downgrade to {_said(each)}", self._down_to(each))
            self._has_been_back = True
        return next(each.snapshot for each in reversed(self.stops) if each.way == "down")

    def again(self) -> Snapshot:
        """At the head again, one revision at a time, and then back once more; or where a downgrade refuses to go on.

        Raises `Miss` of `upgrade_again`.
        """
        back = self.back()
        if self.refuses:
            return back
        if not self._is_done:
            for each in self._steps_up():
                up = self._up_to(each)
                self._go("upgrade_again", "up", f"after the second upgrade, to {_said(each)}", up)
            self._go("downgrade", "down", "after the second downgrade", self._down_from_use)
            self._look_at_numbers("After the downgrade")
            self._is_done = True
        return next(each.snapshot for each in reversed(self.stops) if each.way == "up")

    def turned_back(self) -> list[Stop]:
        """At the start, after ways up that ended at each revision before the head, and went back from there.

        Raises `Miss` of `upgrade_again` or `downgrade`.
        """
        self.again()
        stops: list[Stop] = []
        for each in [] if self.refuses else self._ahead()[:-1]:
            stops.append(stop := self._turn(each))
            if stop.snapshot.revisions == (each,):  # it refuses to go back
                break
        return stops

    # ------------------------------------------------------------------------------------------------------- inside

    def _look_at_numbers(self, when: str) -> None:
        self.taken += [f"{when}: {each}" for each in newly_taken(self._taken_before, taken_numbers(self.database))]

    def _turn(self, revision: str) -> Stop:
        with part_of("upgrade_again"):
            self.database.upgrade(revision)
        with part_of("downgrade"):
            snapshot = self.database.downgrade(self._back_to, may_refuse=self._may_refuse)
        return Stop("down", f"after a way up to `{revision}` and back from there", snapshot)

    def _go(self, of: str, way: str, when: str, step: Callable[[], Snapshot]) -> Snapshot:
        with part_of(of):
            snapshot = step()
        snapshot = replace(snapshot, name=f"{snapshot.name} {when}")
        self.stops.append(Stop(way, when, snapshot))
        return snapshot

    def _down_to(self, revision: str) -> Callable[[], Snapshot]:
        def down() -> Snapshot:
            now = self.database.downgrade(revision, may_refuse=self._may_refuse)
            self.refuses = now.revisions != (() if revision == "base" else (revision,))
            return now

        return down

    def _down_from_use(self) -> Snapshot:
        """Go back to the start when the empty columns have been used; a downgrade may refuse while they are."""
        empty = self._empty(self.head)
        self.was_used = use(self.database.url, self.head, empty)
        if self.was_used:
            now = self.database.downgrade(self._back_to, may_refuse=True)
            if now.revisions == self.start.revisions:
                return now
            leave_empty(self.database.url, empty)
        return self._down_to(self._back_to)()

    def _up_to(self, revision: str) -> Callable[[], Snapshot]:
        return lambda: self.database.upgrade(revision)

    def _ahead(self) -> list[str]:
        """The new revisions, in order; empty if they do not form one line."""
        history = self.database.history()
        line: list[str] = []
        at = history.heads[0] if len(history.heads) == 1 else None
        while at is not None and at != self._back_to:
            revision = history.revision(at)
            if revision is None or len(revision.down) > 1:
                return []
            line.append(at)
            at = revision.down[0] if revision.down else None
        return line[::-1] if (at or "base") == self._back_to else []

    def _steps_down(self) -> list[str]:
        return [*self._ahead()[:-1][::-1], self._back_to]

    def _steps_up(self) -> list[str]:
        return [*self._ahead()[:-1], "head"]


def _said(revision: str) -> str:
    return {"base": "the start of the history", "head": "the head"}.get(revision, f"`{revision}`")
