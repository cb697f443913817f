"""A history as a Mermaid flowchart."""

import json
import textwrap

from migration_lab.instruments.revisions.model import History

# Colours that are visible on light and dark pages: the picture is drawn once, and the theme may change later.
LOOK = {
    "theme": "base",
    "themeVariables": {
        "primaryColor": "#eef2f7",
        "primaryTextColor": "#111111",
        "primaryBorderColor": "#767676",
        "lineColor": "#767676",
    },
    "flowchart": {"wrappingWidth": 400},  # pixels; the lines are broken here already
}


def as_mermaid(history: History) -> str:
    """The graph as a Mermaid flowchart, newest on top, with a title and a description for screen readers."""
    names = {revision.id: f"r{number}" for number, revision in enumerate(reversed(history.revisions))}
    lines = [
        f"%%{{init: {json.dumps(LOOK)}}}%%",
        "flowchart BT",
        "  accTitle: The history of revisions",
        f"  accDescr: {_description(history)}",
    ]
    for revision in reversed(history.revisions):
        label = "<br/>".join([_escape(revision.id), *map(_escape, textwrap.wrap(revision.message, 32))])
        lines.append(f'  {names[revision.id]}["{label}{"<br/>(head)" if revision.id in history.heads else ""}"]')
    for revision in reversed(history.revisions):
        lines += [f"  {names[parent]} --> {names[revision.id]}" for parent in revision.down if parent in names]
    for number, standing in enumerate(history.databases):
        nowhere = "" if standing.revisions else "<br/>at no revision"
        nowhere += "<br/>though it has tables" if standing.is_lost else ""
        lines.append(f'  d{number}[("{_escape(standing.name)}{nowhere}")]')
        for place, revision_id in enumerate(standing.revisions):
            if revision_id not in names:
                why = "comes before these" if revision_id in history.earlier else "no file has it"
                lines.append(f'  u{number}_{place}["{_escape(revision_id)}<br/>{why}"]')
            lines.append(f"  d{number} -.-> {names.get(revision_id, f'u{number}_{place}')}")
    return "\n".join(lines)


def _description(history: History) -> str:
    count = len(history.revisions)
    parts = [f"{count} revision{'' if count == 1 else 's'}, heads {', '.join(map(_plain, history.heads)) or 'none'}"]
    parts += [
        f"{_plain(each.name)} is at {', '.join(map(_plain, each.revisions)) or 'no revision'}"
        for each in history.databases
    ]
    return ". ".join(parts)


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isalnum() or character in " _-.")


def _escape(text: str) -> str:
    """A label's text: what Mermaid, Markdown or HTML would read as their own becomes a number code."""
    return "".join(each if each.isalnum() or each in " ,:()'/" else f"#{ord(each)};" for each in text)
