"""What the transactions of a command do to others; for judges.

On Postgres: what each statement did to a table, and which sessions its transaction blocked. The server counts, nothing
is timed, so the result is the same on a fast machine and on a busy one. On SQLite, where a writing transaction locks
the whole file: how long the longest one lasted.

    most = noted_upgrade(large, "users").rows_in_one_transaction(under_lock=True)

You may put the numbers into `found`. The table must still be large: ten thousand rows are no batch in a table of forty.
Compare `longest.seconds` of `longest_transaction` with a naive statement in the same check.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from migration_lab.instruments.locks.sessions import sqlite_file
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.expectations import JudgeError, Miss
from migration_lab.teaching.judging.statements import Statement, let_arrive, note_statements, noted_statements

ARRIVE = 20  # rows of another program, at most
COUNTER_AT = 24  # the byte of a SQLite file at which the counter of its changes stands
LOOK_SECONDS = 0.001
BACK_SECONDS = 60.0  # so that there is time for pauses between batches
GIVES_UP_SECONDS = 10.0  # the longest `lock_timeout` of a statement that others have to wait behind
BY_RANGES = "Fill in the rows by ranges of the primary key, and commit after each range."
STEP_BY_STEP = "Give each step a transaction of its own: a lock lasts until its transaction ends."
INDEXES = """
    SELECT indexrelid, indexrelid::regclass::text, pg_relation_filenode(indexrelid) FROM pg_index
    WHERE indrelid = to_regclass('{table}') ORDER BY 1
"""
LOCKED = "SELECT xmax::text, count(*) FROM {table} WHERE xmax::text <> '0' GROUP BY 1"


@dataclass(frozen=True)
class Noted:
    """What an upgrade did to a table, with checks for judges; each raises `Miss` if it fails.

    Args:
        is_rewritten: whether the table has a new file.
        locked: the most rows that a single transaction locked and did not change, as `SELECT ... FOR UPDATE` does.
        arriving: how many rows of other programs may have arrived, all of them in one transaction.
        rebuilt: indexes that were rebuilt in place, as `REINDEX` does without CONCURRENTLY. Servers before 17 do not
            count that as a change of the schema, so it is not among the statements there.
    """

    copy: Database
    table: str
    statements: tuple[Statement, ...]
    is_rewritten: bool = False
    locked: int = 0
    arriving: int = 0
    rebuilt: tuple[str, ...] = ()

    def rows_in_one_transaction(self, *, under_lock: bool = False) -> int:
        """The most rows that a single transaction changed; `under_lock`, while it kept somebody out."""
        sums: Counter[str] = Counter()
        for each in self.statements:
            sums[each.transaction] += each.rows if each.keeps_out or not under_lock else 0
        return max(sums.values(), default=0)

    def back(self, to: str) -> "Noted":
        """What the downgrade to a revision does then.

        Raises:
            Miss: the downgrade fails.
        """
        locked = _locked(self.copy, self.table)
        self.copy.must(f"db downgrade {to}", seconds=BACK_SECONDS)
        statements = tuple(noted_statements(self.copy))[len(self.statements) :]
        return replace(self, statements=statements, locked=_most_locked(self.copy, self.table, locked, statements))

    def expect_in_place(self) -> None:
        """The table is not rewritten."""
        if self.is_rewritten:
            raise Miss(
                expected=f"The rows of `{self.table}` stay where they are on disk.",
                found="The whole table was rewritten into a new file, and locked until that was done.",
                next_step="Look at the table of changes in the lesson: which ones are made in place?",
            )

    def expect_open_doors(self, most: int, *, reads: bool = True, next_step: str = STEP_BY_STEP) -> None:
        """A lock that blocks other sessions lasts only for a moment, and no statement waits long for one.

        Args:
            most: the rows that a transaction may change while it blocks other sessions.
            reads: whether it must not read the whole table either.
        """
        rows = self.rows_in_one_transaction(under_lock=True)
        changes, builds = rows > most + self.arriving, reads and bool(self.rebuilt)
        closed = [each for each in self.statements if each.keeps_out and (each.rows or (reads and each.whole_reads))]
        if changes or builds or (reads and any(each.whole_reads for each in closed)):
            waits = "Everyone waits" if any(each.keeps_out == "everyone" for each in closed) else "Every writer waits"
            does = f"a transaction changes {rows:,} rows" if changes else "the whole table is read"
            raise Miss(
                expected=f"A lock that keeps people out of `{self.table}` is held for a moment only.",
                found=f"{waits} while {does}.",
                next_step=next_step,
            )
        strong = [each for each in self.statements if each.keeps_out == "everyone"]  # which waits for readers too
        limits = [each.gives_up for each in strong if each.gives_up is not None]
        if too_long := [each for each in limits if not 0 < each <= GIVES_UP_SECONDS]:
            limit = "as long as it takes" if 0 in too_long else f"up to {max(too_long):.0f} seconds"
            raise Miss(
                expected=f"A statement that keeps everyone out of `{self.table}` gives up when it does not get its "
                "lock for some seconds.",
                found=f"Behind a report that somebody has left open, one waits {limit}, and all others wait behind it.",
                cause="`lock_timeout` was changed, in the revision or in `migrations/env.py`.",
                next_step="Leave `lock_timeout` as `migrations/env.py` has it, or set a shorter one.",
            )

    @property
    def steps(self) -> int:
        """How many transactions changed rows."""
        return len({each.transaction for each in self.statements if each.rows})

    def expect_small_steps(self, most: int, *, few: "Noted | None" = None, next_step: str = BY_RANGES) -> None:
        """No transaction changes or locks more rows than `most`, however many there are.

        Args:
            few: what the same command does to a table of a few rows. It takes fewer steps there, or one.
        """
        if self.locked > most:
            raise Miss(
                expected=f"No transaction locks more than {most:,} rows of `{self.table}`.",
                found=f"One locks {self.locked:,}. Others who want to change one of them wait until it ends.",
                next_step="Lock only the rows that you change, and commit after each batch.",
            )
        rows = self.rows_in_one_transaction()
        if rows > most + self.arriving:
            raise Miss(
                expected=f"No transaction changes more than {most:,} rows of `{self.table}`.",
                found=f"One changes {rows:,}, and keeps them locked until it ends.",
                next_step=next_step,
            )
        if few is not None and 1 < few.steps == self.steps:
            raise Miss(
                expected=f"No transaction changes more than {most:,} rows of `{self.table}`, however many it has.",
                found=f"There are {self.steps} steps, in a small table as in a large one: their size grows with it.",
                next_step=next_step,
            )


def noted_upgrade(copy: Database, table: str, *, seconds: float | None = None, arriving: str = "") -> Noted:
    """Upgrade a copy whose schema is not judged, and record what that does to a table.

    Args:
        seconds: how long it may take, as for `Database.reach`.
        arriving: an `INSERT` of another program, which comes with each of the first `UPDATE`s.

    Raises:
        Miss: the upgrade fails.
    """
    note_statements(copy, table)
    if arriving:
        let_arrive(copy, table, arriving, ARRIVE)
    file = f"SELECT pg_relation_filenode('{table}')"
    before, indexes, locked = copy.sql(file).scalar, _indexes(copy, table), _locked(copy, table)
    copy.reach(seconds=seconds)
    statements, is_rewritten = tuple(noted_statements(copy)), copy.sql(file).scalar != before
    # CONCURRENTLY builds another index, and gives it the name.
    rebuilt = [name for oid, (name, now) in _indexes(copy, table).items() if now != indexes.get(oid, (name, now))[1]]
    most_locked = _most_locked(copy, table, locked, statements)
    return Noted(copy, table, statements, is_rewritten, most_locked, ARRIVE if arriving else 0, tuple(rebuilt))


def _indexes(copy: Database, table: str) -> dict[int, tuple[str, int]]:
    """The indexes of a table by their ids on the server, with name and file."""
    return {oid: (name, file) for oid, name, file in copy.sql(INDEXES.format(table=table)).rows}


def _locked(copy: Database, table: str) -> Counter[str]:
    """How many rows each transaction locked last; the mark stays with a row until somebody changes it."""
    return Counter(dict(copy.sql(LOCKED.format(table=table)).rows))


def _most_locked(copy: Database, table: str, before: Counter[str], statements: tuple[Statement, ...]) -> int:
    """The most rows that one transaction has locked since: by marks that are left, and by looks meanwhile."""
    return max([*(_locked(copy, table) - before).values(), *(each.locked for each in statements)], default=0)


@dataclass
class Longest:
    """The longest transaction so far, in seconds; 0 when nothing was written."""

    seconds: float = 0.0


@contextmanager
def longest_transaction(copy: Database) -> Iterator[Longest]:
    """Measure the longest transaction that writes to the copy's SQLite file while a block runs.

    Back-to-back transactions are distinguished, however short the pause between them. Compare the result with another
    measurement of the same check: seconds alone depend on how busy the machine is.

    Raises:
        JudgeError: the copy is not on SQLite, or its file cannot be read.
    """
    if copy.engine.name != "sqlite":
        raise JudgeError("transactions can be timed on SQLite only")
    longest, stop, failed = Longest(), threading.Event(), []

    def time_it() -> None:
        try:
            _time(Path(sqlite_file(copy.url)), longest, stop)
        except OSError as error:
            failed.append(error)

    timing = threading.Thread(target=time_it, daemon=True)
    timing.start()
    try:
        yield longest
    finally:
        stop.set()
        timing.join()
    if failed:  # 0 seconds would look like a measurement
        raise JudgeError(f"the transactions could not be timed: {failed[0]}")


def _time(file: Path, longest: Longest, stop: threading.Event) -> None:
    """The rollback journal exists while a session writes, and each commit raises the counter in the file's header.

    Both are described at https://www.sqlite.org/fileformat2.html. The file is read while this process has no connection
    to it: closing a file frees all locks that a process has on it.

    A transaction is timed from after the look that saw it first until before the look that saw it last: a look that
    takes long makes it shorter, and never longer.
    """
    journal = file.with_name(f"{file.name}-journal")
    began, counter = 0.0, b""
    with file.open("rb", buffering=0) as opened:
        while not stop.wait(LOOK_SECONDS):
            before = time.monotonic()
            opened.seek(COUNTER_AT)
            counted, is_there = opened.read(4), journal.exists()
            if not began or counted != counter or not is_there:
                began, counter = (time.monotonic() if is_there else 0.0), counted
            else:
                longest.seconds = max(longest.seconds, before - began)
