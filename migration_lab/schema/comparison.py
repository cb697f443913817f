"""What changed between two looks at a database, in sentences; and one schema as plain text."""

from dataclasses import dataclass

from migration_lab.schema.model import Schema, Table


@dataclass(frozen=True)
class Change:
    """One difference between two schemas. `before` or `after` is None for what was added or removed."""

    subject: str
    kind: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        what = " ".join(filter(None, [self.kind, self.name]))
        where = f"{self.subject}: {what}" if self.subject else what
        if self.before is None:
            return f"{where} added ({self.after})"
        if self.after is None:
            return f"{where} removed (it was {self.before})"
        return f"{where} changed from ({self.before}) to ({self.after})"


def diff(before: Schema, after: Schema) -> list[Change]:
    """What changed from one schema to the other. A new or lost table is one change.

    The list is empty exactly when the two are equal.
    """
    changes = []
    old, new = {t.name: t for t in before.tables}, {t.name: t for t in after.tables}
    for name in sorted(old.keys() | new.keys()):
        if name in old and name in new:
            changes += _compare(name, _texts(old[name]), _texts(new[name]))
        else:
            columns = ", ".join(column.name for column in (old.get(name) or new[name]).in_order)
            changes.append(
                Change(name, "table", "", columns if name in old else None, columns if name in new else None)
            )
    others = [{(kind, each.name): str(each) for kind, each in schema.beside_tables()} for schema in (before, after)]
    return changes + _compare("", *others)


def as_text(schema: Schema) -> str:
    """The schema as plain text, one line per thing."""
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
    return "\n\n".join([*blocks, *(["\n".join(others)] if others else [])]) or "(no tables)"


def _texts(table: Table) -> dict[tuple[str, str], str]:
    return {(kind, name): str(part) for kind, name, part in table.parts()}


def _compare(subject: str, old: dict[tuple[str, str], str], new: dict[tuple[str, str], str]) -> list[Change]:
    keys = [*old, *(key for key in new if key not in old)]
    return [
        Change(subject, key[0], "" if key[1].startswith("without a name") else key[1], old.get(key), new.get(key))
        for key in keys
        if old.get(key) != new.get(key)
    ]
