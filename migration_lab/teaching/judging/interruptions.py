"""Commands that die at one of their statements, or meet another command there: for judges.

A hook in the copy's `env.py` counts the statements that change something. COMMIT is not one of them: dying before it is
the same as dying before the last statement that it would have kept.

    statements = Interruptions(self.fresh()).statements("db upgrade")
    for crash in crashes(self.fresh, "db upgrade", statements, meanwhile="INSERT INTO users (email) VALUES ('late')"):
        self.expect(not crash.error, expected="The second run succeeds.", found=f"{crash.when}\n{crash.error}")
        differ = undisturbed.differences(crash.after, self.may)

`meetings` lets two commands meet in the same way. `paused_before`, of which it is made, keeps a process waiting with
all its locks while the block does something else, such as `in_background(copy, "db upgrade")`; `paused.completed()`
lets it go on.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from shlex import split
from textwrap import shorten

from migration_lab.shops.process import Completed
from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.later import hook
from migration_lab.teaching.judging.running import (
    POLL_SECONDS,
    Background,
    in_background,
    run,
    wait_for,
    wait_for_its_sessions,
    wait_until_stuck,
    why_it_failed,
)
from migration_lab.teaching.judging.statements import note_statements, noted_statements
from migration_lab.teaching.judging.words import error_in

DIED = 70  # the exit code of a command that the hook ended
PAUSED_SECONDS = 60.0  # how long a paused command may take in all: another one begins and ends meanwhile
VALUES = re.compile(r"'(?:[^']|'')*'|\b\d+\b")

HOOK = """
def _interrupt():
    import json, os, pathlib, re, time
    import sqlalchemy

    folder = pathlib.Path(__file__).parent
    try:  # the plan is for one command; another that runs in this copy meanwhile finds none
        plan = json.loads((folder / "interruption.json").replace(folder / "interruption.taken").read_text())
    except FileNotFoundError:
        return
    log = (folder / "statements.txt").open("a", encoding="utf-8")
    looks = re.compile(r"\\s*(select|pragma|show|set|begin|savepoint|release|rollback|explain)\\b", re.IGNORECASE)
    sent = 0

    def about_to(statement):
        nonlocal sent
        sent += 1
        log.write(" ".join(statement.split()) + "\\n")
        log.flush()
        if sent != plan["before"]:
            return
        if plan["dies"]:
            os._exit(plan["dies"])
        (folder / "waits").touch()
        until = time.monotonic() + plan["patience"]  # a judge that was killed says no word
        while not (folder / "goes_on").exists() and time.monotonic() < until:
            time.sleep(plan["poll"])

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def execute(connection, cursor, statement, *_):
        if not looks.match(statement):
            about_to(statement)


_interrupt()
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Crash:
    """A command that died, and the second run.

    Args:
        when: where it died, in a sentence.
        left: what the database held at that point.
        error, why: the error of the second run, and its cause as far as the error shows it; empty if it succeeded.
        after: what the database held in the end.
    """

    when: str
    left: Snapshot
    error: str
    why: str
    after: Snapshot

    def expect_recovery(self, *, next_step: str) -> None:
        """The second run succeeded.

        Raises:
            Miss: it did not.
        """
        if self.error:
            raise Miss(
                expected="The second run ends without an error, wherever the first one died.",
                found=f"{self.when}\nThe second run ended with:\n{self.error}",
                cause=self.why,
                next_step=next_step,
            )


def crashes(
    fresh: Callable[[], Database], command: str, statements: Sequence[str], *, meanwhile: str
) -> Iterator[Crash]:
    """Kill a command before each kind of statement, and run it again; crashes that leave the same state count once.

    Args:
        fresh: makes a copy.
        statements: what the command sends when it is not interrupted.
        meanwhile: SQL to run between the two runs.

    Raises:
        Miss: the database does not accept `meanwhile`.
    """
    seen = []
    for number in sampled(statements)[1:]:  # before the first one nothing has been done
        copy = fresh()
        Interruptions(copy).die_before(number, command)
        left = copy.snapshot()
        if (state := (left.schema, left.tables, left.revisions)) in seen:
            continue
        seen.append(state)
        when = f"It died before this statement: {shorten(statements[number - 1], 70, placeholder=' …')}"
        if refused := copy.refusal(meanwhile):
            raise Miss(
                expected="When the first run has died, the shop works as before.",
                found=f"{when}\n{refused}",
                next_step="Leave the tables of the shop as they are until the last statement.",
            )
        again = run(copy, command)
        error = error_in(again.output, copy.folder) if again.exit_code else ""
        yield Crash(when, left, error, why_it_failed(again) if error else "", copy.snapshot())


@dataclass(frozen=True)
class Meeting:
    """Two commands that met.

    Args:
        when: where they met, in a sentence.
        errors: the errors of commands that failed, in sentences.
        why: the cause of the first one, as far as its error shows it.
        after: what the database held in the end.
        deadlocks: how many deadlocks the server had to end.
    """

    when: str
    errors: list[str]
    why: str
    after: Snapshot
    deadlocks: int


def meetings(fresh: Callable[[], Database], statements: Mapping[str, Sequence[str]]) -> Iterator[Meeting]:
    """Start one of two commands while the other is at one of its statements: at each kind, and in both orders.

    Postgres only.

    Args:
        fresh: makes a copy.
        statements: what each of the two commands sends when it is not interrupted.
    """
    for first, second in permutations(statements):
        for number in sampled(statements[first])[1:]:  # before the first one it holds nothing
            copy = fresh()
            with Interruptions(copy).paused_before(number, first) as paused:
                other = in_background(copy, second)
                wait_until_stuck(copy, other)
                ended = {first: paused.completed(), second: other.completed()}
            wait_for_its_sessions(copy)  # they hand in their deadlocks when they end
            failed = {command: each for command, each in ended.items() if each.exit_code != 0}
            errors = [f"`flask {command}` ended with:\n{_first_line(each, copy)}" for command, each in failed.items()]
            why = next(map(why_it_failed, failed.values()), "")
            when = f"`flask {first}` was at its statement {number} when `flask {second}` began."
            yield Meeting(when, errors, why, copy.snapshot(), copy.sql(DEADLOCKS).scalar)


def _first_line(completed: Completed, copy: Database) -> str:
    """Shorten an error: in that of a deadlock, the rest names processes."""
    return error_in(completed.output, copy.folder).partition("\n")[0]


class Interruptions:
    """Interrupts commands in one copy, whose `env.py` is changed until the command has ended."""

    def __init__(self, copy: Database) -> None:
        self._copy = copy

    def statements(self, command: str) -> list[str]:
        """Run a command that has to succeed, and list what it sent to the database to change something.

        Raises:
            Miss: it fails, or does not finish.
        """
        with self._hooked(command, before=0, dies=0) as folder:
            self._copy.must(command)
        log = folder / "statements.txt"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def die_before(self, number: int, command: str) -> Completed:
        """Run a command that dies, as in a power cut, before its statement of this number (from 1).

        The exit code is `DIED` unless it ended earlier. Afterwards none of its sessions remain on the server.
        """
        with self._hooked(command, before=number, dies=DIED):
            completed = run(self._copy, command)
        wait_for_its_sessions(self._copy)
        return completed

    @contextmanager
    def paused_before(self, number: int, command: str) -> "Iterator[Paused]":
        """Run a command up to its statement of this number; it waits there until released, or until the block ends."""
        with self._hooked(command, before=number, dies=0) as folder:
            paused = Paused(folder, lambda: run(self._copy, command, seconds=PAUSED_SECONDS))
            try:
                yield paused
            finally:
                paused.completed()

    @contextmanager
    def _hooked(self, command: str, *, before: int, dies: int) -> Iterator[Path]:
        words = split(command)
        migrations = words[words.index("--directory") + 1] if "--directory" in words else "migrations"
        folder = self._copy.folder / migrations
        for name in ("waits", "goes_on", "statements.txt"):
            (folder / name).unlink(missing_ok=True)
        plan = {"before": before, "dies": dies, "poll": POLL_SECONDS, "patience": PAUSED_SECONDS}
        (folder / "interruption.json").write_text(json.dumps(plan), encoding="utf-8")
        theirs = hook(env := folder / "env.py", HOOK)
        try:
            yield folder
        finally:
            theirs.replace(env)


class Paused(Background):
    """A command that is paused, or that ended before it reached the pause."""

    def __init__(self, folder: Path, run: Callable[[], Completed]) -> None:
        super().__init__(run)
        self._folder = folder
        wait_for(lambda: (folder / "waits").exists() or self.has_ended)

    def go_on(self) -> None:
        """Let it continue."""
        (self._folder / "goes_on").touch()

    def completed(self) -> Completed:
        """Let it continue, and wait until it ends."""
        self.go_on()
        return super().completed()


def sampled(statements: Sequence[str]) -> list[int]:
    """Which statements to interrupt a command at: the numbers (from 1) of each distinct statement's first, second and
    last occurrence. Statements that differ only in their values are the same, so that a thousand rows take three."""
    places = defaultdict(list)
    for number, statement in enumerate(statements, start=1):
        places[VALUES.sub("?", statement)].append(number)
    return sorted({number for each in places.values() for number in (*each[:2], each[-1])})


def gaps_in(copy: Database, command: str, table: str) -> list[tuple[int, str]]:
    """The statements of a command, with their numbers, before which another session may write to a table.

    None if the command is one transaction: it holds its lock until the end. On Postgres only.
    """
    note_statements(copy, table)
    statements = Interruptions(copy).statements(command)
    if len({each.transaction for each in noted_statements(copy)}) == 1:
        return []
    return [(each, shorten(statements[each - 1], 70, placeholder=" …")) for each in sampled(statements)[1:]]
