"""A history as lines of text, as `git log --graph` draws it."""

from migration_lab.instruments.revisions.model import History, Revision
from migration_lab.instruments.revisions.standing import VERSION_TABLE


def as_text(history: History) -> str:
    """The graph as lines, newest first, as `git log --graph` draws it, with where each database stands."""
    lines: list[str] = []
    lanes: list[str] = []
    for revision in history.revisions:
        if revision.id not in lanes:
            lanes.append(revision.id)
        lane = lanes.index(revision.id)
        while lanes.count(revision.id) > 1:
            last = len(lanes) - 1 - lanes[::-1].index(revision.id)
            lines += _join(len(lanes), last, lane)
            del lanes[last]
        row = " ".join("*" if at == lane else "|" for at in range(len(lanes)))
        lines.append(f"{row}  {_label(history, revision)}")
        down = [parent for parent in revision.down if parent not in history.earlier]
        lanes[lane : lane + 1] = down[:1]
        for parent in down[1:]:
            lines.append(" ".join(["|"] * (lane + 1)) + "\\" + " \\" * (len(lanes) - lane - 1))
            lanes.insert(lane + 1, parent)
    return "\n".join([*lines, *_notes(history)]) or "(no revisions yet)"


def _join(lanes: int, moving: int, into: int) -> list[str]:
    """The lines that lead lane `moving` into lane `into`, on its left; the lanes beyond it move up by one."""
    lines = []
    for step in range(moving, into, -1):
        line = [" "] * (2 * lanes)
        for lane in range(lanes):
            if lane < moving:
                line[2 * lane] = "|"
            elif lane > moving:
                line[2 * lane - (1 if step == moving else 2)] = "/" if step == moving else "|"
        line[2 * step - 1] = "/"
        lines.append("".join(line).rstrip())
    return lines


def _label(history: History, revision: Revision) -> str:
    marks = [name for name, ids in (("head", history.heads), ("base", history.bases)) if revision.id in ids]
    here = [standing.name for standing in history.databases if revision.id in standing.revisions]
    words = [revision.id, revision.message]
    words += [f"({', '.join(marks)})"] if marks else []
    words += [f"<- {', '.join(here)}"] if here else []
    return " ".join(words)


def _notes(history: History) -> list[str]:
    """What the graph cannot show: databases at no revision, or at one that no file has."""
    notes = []
    for standing in history.databases:
        if standing.is_lost:
            notes.append(
                f"{standing.name}: at no revision, though it has tables: {VERSION_TABLE} "
                f"{'is empty' if standing.has_table else 'is missing'}. "
                "Compare the tables with the revisions, then say where it stands: flask db stamp REVISION"
            )
        elif not standing.has_table:
            notes.append(f"{standing.name}: at no revision; it has no table {VERSION_TABLE}")
        elif not standing.revisions:
            notes.append(f"{standing.name}: at no revision; its table {VERSION_TABLE} is empty")
        before = [each for each in standing.revisions if each in history.earlier]
        notes += [f"{standing.name}: at revision {each}, which comes before these" for each in before]
        notes += [
            f"{standing.name}: at revision {each}, which no file has. "
            "Bring its file back, or say which revision the schema equals: flask db stamp --purge REVISION"
            for each in history.unknown(standing)
        ]
    return [*([""] if notes and history.revisions else []), *notes]
