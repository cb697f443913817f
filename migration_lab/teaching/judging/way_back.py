"""The way back of an answer, and what each stop on it shows; for the judge of files."""

from typing import TYPE_CHECKING

from migration_lab.instruments.schema import Change, diff
from migration_lab.teaching.judging.database import Snapshot
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.walk import Stop
from migration_lab.teaching.judging.words import listed, shown

if TYPE_CHECKING:
    from migration_lab.teaching.judging.usual import FilesJudge

UNDO = "In `downgrade()`, undo every operation of `upgrade()`, the last one first."


def not_undone(judge: "FilesJudge", back: Snapshot) -> list[Change]:
    """How the schema differs from the start, after the way back, apart from what may be left."""

    def may_stay(change: Change) -> bool:
        column = back.column(name := f"{change.subject}.{change.name}") if change.kind == "column" else None
        is_new = change.before is None and name in judge.may_leave if column else False
        return bool(is_new and column and column.nullable and column.default is None)

    return [each for each in diff(judge.start.schema, back.schema) if not may_stay(each)]


def expect_kept_on_the_way(judge: "FilesJudge") -> None:
    """At each stop, everything that the ticket does not name is as at the start."""
    for stop in judge.walk.stops:
        others = judge.other_changes(judge.start.schema, stop.snapshot.schema)
        differ = [str(each) for each in others if each.before is not None]
        if differ:
            raise Miss(
                expected="At each revision, everything that is not in the ticket is as it was at the start.",
                found=listed([f"{stop.when[:1].upper()}{stop.when[1:]}:", *differ]),
                cause="A revision takes something away that a later one brings back. A deploy may stop between them.",
                next_step="Let each revision leave a database that the shop can work with.",
                of="no_other_change",
            )


def expect_undone(judge: "FilesJudge", up: Stop) -> None:
    """What the ticket names is the same at a revision after upgrade and downgrade; helpers may differ."""
    down = (each for each in judge.walk.stops if each.way == "down")
    back = next((each for each in down if each.snapshot.revisions == up.snapshot.revisions), up)
    named = set(judge.changes)
    differ = [
        str(each)
        for each in diff(up.snapshot.schema, back.snapshot.schema)
        if {each.subject or each.name, f"{each.subject}.{each.name}"} & named and not _is_validated(each)
    ]
    if differ:
        raise Miss(
            expected=f"{back.when[:1].upper()}{back.when[1:]} the schema is what the upgrade to there makes.",
            found=listed(["Compared with the upgrade:", *differ]),
            cause="The `downgrade()` of the revision above does not undo all that its `upgrade()` does.",
            next_step=UNDO,
            of="downgrade",
        )


def other_new_values(judge: "FilesJudge") -> list[str]:
    """Which values of new columns differ after the second upgrade, in rows that did not change otherwise."""
    head, lived, again = judge.head, judge.walk.lived, judge.walk.again()
    may_differ, found = {*judge.random, *judge.writes, *judge.moves.values()}, []
    for name, table in judge.start.tables.items():
        there = head.tables[name].columns if name in head.tables else ()
        new = {each for each in there if f"{name}.{each}" not in may_differ} - set(table.columns)
        if name in judge.writes or not new:  # there may be many rows
            continue
        then = {row.get("id"): row for row in lived.rows_of(name)}
        untouched = [row for row in head.rows_of(name) if then.get(row.get("id")) == row]
        now = {row.get("id"): row for row in again.rows_of(name)}
        for column in sorted(new):
            for row in untouched:
                value = now.get(row.get("id"), {}).get(column)
                if value != row[column]:
                    which = f"`{name}.{column}` of the row with id {row.get('id')}"
                    found.append(f"{which} was {shown(row[column])} and is {shown(value)}, after the second upgrade")
                    break
    return found


def _is_validated(change: Change) -> bool:
    """Whether the only difference is a validated constraint, which is at least as strong and may stay."""
    return bool(change.before and change.before.replace(" NOT VALID", "") == change.after)
