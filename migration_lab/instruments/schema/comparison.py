"""What changed between two snapshots of a database, in sentences; and one schema as plain text."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migration_lab.instruments.schema.model import Detail, Schema

# Details of nearly every database, or of a thing that is shown.
USUAL = {"extension", "function", "procedure", "schema", "sequence", "sequence of column"}
SWITCHED = "state of trigger"
Parts = Mapping[tuple[str, str], list[Any]]


@dataclass(frozen=True)
class Change:
    """One difference between two schemas. `before` or `after` is None for what was added or removed."""

    subject: str
    kind: str
    name: str
    before: str | None
    after: str | None

    @property
    def switches_off(self) -> bool:
        """Whether a trigger no longer runs as usual. That of a foreign key has the name of the key."""
        return self.kind == SWITCHED and self.after is not None

    def __str__(self) -> str:
        what = " ".join(filter(None, [self.kind, self.name]))
        where = f"{self.subject}: {what}" if self.subject else what
        if self.before is None:
            return f"{where} added ({self.after})"
        if self.after is None:
            return f"{where} removed (it was {self.before})"
        return f"{where} changed from ({self.before}) to ({self.after})"


def diff(before: Schema, after: Schema) -> list[Change]:
    """What changed from one schema to another, both from `read_schema`. A new or lost table is one change.

    The list is empty exactly when the two are equal.
    """
    changes = [] if before.engine == after.engine else [Change("", "engine", "", before.engine, after.engine)]
    old, new = {t.name: t for t in before.tables}, {t.name: t for t in after.tables}
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            columns = ", ".join(column.name for column in (old.get(name) or new[name]).in_order)
            changes.append(
                Change(name, "table", "", columns if name in old else None, columns if name in new else None)
            )
        elif old[name] != new[name]:
            changes += _compare(name, _parts(old[name].parts()), _parts(new[name].parts()))
    others = [_parts((kind, each.name, each) for kind, each in each.beside_tables()) for each in (before, after)]
    changes += _compare("", *others)
    return changes + _in_detail(before, after, changes)


def _in_detail(before: Schema, after: Schema, changes: Iterable[Change]) -> list[Change]:
    """What changed in the details, except what these changes already show."""
    come_or_gone = {
        each.subject or each.name
        for each in changes
        if not (each.subject and each.name) and None in (each.before, each.after)
    }
    shown = {(each.subject, each.name) for each in changes if each.name}
    gone = {(each.subject, each.name) for each in changes if each.after is None}  # no other change says what is off
    found = []
    old, new = _by_owner(before.details), _by_owner(after.details)
    for owner in sorted((old.keys() | new.keys()) - come_or_gone):
        compared = _compare(
            owner, *(_parts((d.kind, d.name, d.definition) for d in each[owner]) for each in (old, new))
        )
        found += [each for each in compared if (owner, each.name) not in (gone if each.kind == SWITCHED else shown)]
    return found


def as_text(schema: Schema) -> str:
    """The schema as plain text, one line per thing; of the details only how many there are of each kind."""
    blocks = []
    for table in schema.tables:
        width = max((len(column.name) for column in table.columns), default=0)
        lines = [f"table {table.name}"]
        for kind, name, part in table.parts():
            if kind == "column":
                lines.append(f"  {name:{width}}  {part}")
            elif name.startswith("without a name"):
                lines.append(f"  {kind} {name}")
            else:
                lines.append("  " + " ".join(filter(None, [kind, name, str(part)])))
        blocks.append("\n".join(lines))
    others = [f"{kind} {each.name}: {each}" for kind, each in schema.beside_tables()]
    shown = "\n\n".join([*blocks, *(["\n".join(others)] if others else [])]) or "(no tables)"
    return "\n\n".join(filter(None, [shown, not_shown(schema)]))


def not_shown(schema: Schema) -> str:
    """A sentence about the details that are compared, but not part of the text; empty if they are usual ones."""
    counts = Counter(each.kind for each in schema.details if each.kind not in USUAL)
    listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(counts.items()))
    return listed and f"Compared, but shown only in `.details`: {listed}."


def _by_owner(details: Iterable[Detail]) -> Mapping[str, list[Detail]]:
    found: defaultdict[str, list[Detail]] = defaultdict(list)
    for each in details:
        found[each.owner or ""].append(each)
    return found


def _parts(parts: Iterable[tuple[str, str, Any]]) -> Parts:
    found: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for kind, name, part in parts:
        found[kind, name].append(part)
    return found


def _compare(subject: str, old: Parts, new: Parts) -> list[Change]:
    keys = [*old, *(key for key in new if key not in old)]
    return [
        Change(subject, kind, "" if name.startswith("without a name") else name, *_texts(old.get(key), new.get(key)))
        for key in keys
        for kind, name in [key]
        if old.get(key) != new.get(key)
    ]


def _texts(old: list[Any] | None, new: list[Any] | None) -> tuple[str | None, str | None]:
    """Both descriptions; in full if they would look the same."""
    texts = [None if each is None else "; ".join(map(str, each)) for each in (old, new)]
    if texts[0] == texts[1]:
        texts = [repr(old), repr(new)]
    return texts[0], texts[1]
