"""The pieces of HTML in the lab's outputs.

The HTML has structure but no style: that is in `jupyter/labextension/static/lab.css`, for all outputs.
"""

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

TALL, WIDE = 10, 50  # rows, and characters side by side, that half a small screen shows without scrolling


def inline(text: str) -> str:
    """One line of prose as HTML: escaped, with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def card(*parts: str) -> str:
    """A block of HTML set off by a line at its start; each part is HTML."""
    return f'<div class="lab-card">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'


def button(command: str, arguments: dict[str, Any], label: str) -> str:
    """A button that runs a command of JupyterLab; elsewhere it does nothing."""
    return (
        f'<button type="button" data-commandlinker-command="{escape(command)}" '
        f'data-commandlinker-args="{escape(json.dumps(arguments))}">{escape(label)}</button>'
    )


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a caption and a heading for each column; the contents of cells are escaped.

    A table that does not fit a small panel scrolls.
    """
    cells = [[str(value) for value in row] for row in rows]
    body = "".join(f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row)}</tr>" for row in cells)
    made = f'<table class="lab-table"><caption>{inline(caption)}</caption>{head(columns)}<tbody>{body}</tbody></table>'
    wide = sum(max(map(len, column)) for column in zip(columns, *cells, strict=False))
    if len(cells) <= TALL and wide <= WIDE:
        return made
    return scrolling(caption.replace("`", "").strip("()"), made)


def head(columns: Iterable[str]) -> str:
    """The headings of a table's columns; a column without a name gets an empty cell, which is not a heading."""
    cells = "".join(f'<th scope="col">{escape(column)}</th>' if column else "<td></td>" for column in columns)
    return f"<thead><tr>{cells}</tr></thead>"


def scrolling(label: str, made: str) -> str:
    """A block of HTML with a label, which can be reached by Tab and scrolled with the arrow keys.

    It is a group and not a region: a notebook has many tables of the same name, and regions are landmarks, whose names
    must differ.
    """
    return f'<div class="lab-scroll" role="group" tabindex="0" aria-label="{escape(label)}">{made}</div>'


def notice(text: str | None) -> str:
    """A text that screen readers read out when it appears; empty if there is none."""
    return f'<p role="status">{escape(text)}</p>' if text else ""
