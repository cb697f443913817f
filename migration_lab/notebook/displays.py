"""How the lab's objects look in a cell: as HTML for JupyterLab, and as plain text that says the same.

HTML here follows the theme (`--jp-*` variables), runs no script, loads nothing, and says nothing by colour alone.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, display

from migration_lab import course, revisions, schema

STYLE = """<style>
.lab-card { border-inline-start: 4px solid var(--jp-border-color0); padding: 0.1em 0 0.1em 0.8em; margin: 0.3em 0 }
.lab-card > div { margin: 0.2em 0 }
.lab-card button { font: inherit; padding: 0.1em 0.7em; cursor: pointer; color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color2); border: 1px solid var(--jp-ui-font-color2); border-radius: 3px }
.lab-card button:focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 2px }
.lab-verdict > p { margin: 0.3em 0 }
.lab-verdict { border-inline-start: 4px solid var(--jp-border-color0); padding-inline-start: 0.8em }
.lab-verdict.lab-passed { border-color: var(--jp-success-color1) }
.lab-verdict.lab-missed { border-color: var(--jp-error-color1) }
.lab-title { font-weight: bold }
.jp-RenderedHTMLCommon .lab-expectations { list-style: none; padding: 0; margin: 0.3em 0 }
.lab-mark { display: inline-block; width: 1.2em; font-weight: bold }
.jp-RenderedHTMLCommon .lab-finding :is(dt, dd) { display: block; float: none; width: auto }
.jp-RenderedHTMLCommon .lab-finding dt { font-weight: bold }
.jp-RenderedHTMLCommon .lab-finding dd { margin: 0 0 0.4em; padding: 0 0 0 1.2em }
.jp-RenderedHTMLCommon .lab-finding pre { white-space: pre-wrap; word-break: normal;
  overflow-wrap: break-word }
.jp-RenderedHTMLCommon .lab-table caption { text-align: start; color: inherit; font-weight: bold; padding: 0.2em 0 }
.jp-RenderedHTMLCommon .lab-table :is(th, td) { text-align: start; vertical-align: top; max-width: 40em;
  white-space: pre-wrap }
</style>"""

Bundle = dict[str, str]


class Source(str):
    """Text that a cell shows as it is, not as a Python string in quotes; `language` colours it."""

    language: str

    def __new__(cls, text: str, language: str = "") -> "Source":
        """Make a string that knows its language, `python` or none."""
        made = super().__new__(cls, text)
        made.language = language
        return made

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str | None:
        fence = "````" if "```" in self else "```"
        return f"{fence}{self.language}\n{self}\n{fence}" if self.language else None


@dataclass(frozen=True)
class EditButton:
    """A button that opens a file beside the notebook; `path` is relative to JupyterLab's root, `shown` to the shop."""

    SAVE = "Save it with Ctrl+S (on a Mac ⌘S) before you run the next cell."

    path: str
    shown: str

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        arguments = {"path": self.path, "factory": "Editor", "options": {"mode": "split-right"}}
        html = button("docmanager:open", arguments, f"Open {self.shown} beside the notebook")
        return {
            "text/html": card(f"{html} {self.SAVE}"),
            "text/plain": f"Open my_work/{self.path} in the editor. {self.SAVE}",
        }


@dataclass(frozen=True)
class Note:
    """A sentence or two, with a button or a list of points if need be. Words between backticks are code."""

    text: str
    button: str = ""
    points: tuple[str, ...] = ()

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        listed = f"<ul>{''.join(f'<li>{inline(point)}</li>' for point in self.points)}</ul>" if self.points else ""
        plain = "\n".join([self.text, *(f"- {point}" for point in self.points)])
        return {
            "text/html": card(" ".join(filter(None, [inline(self.text), self.button])), listed),
            "text/plain": plain,
        }


def inline(text: str) -> str:
    """One line of prose as HTML: escaped, with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def card(*parts: str) -> str:
    """A block of HTML set off by a line at its start; each part is HTML."""
    return f'{STYLE}<div class="lab-card">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'


def button(command: str, arguments: dict[str, Any], label: str) -> str:
    """A button that runs a command of JupyterLab; elsewhere it does nothing."""
    return (
        f'<button type="button" data-commandlinker-command="{escape(command)}" '
        f'data-commandlinker-args="{escape(json.dumps(arguments))}">{escape(label)}</button>'
    )


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a caption and a heading for each column; what the cells hold is escaped."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row)}</tr>" for row in rows)
    return (
        f'{STYLE}<table class="lab-table"><caption>{inline(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def show(shown: object) -> None:
    """Show an object in the cell that runs now."""
    display(shown)  # type: ignore[no-untyped-call]


class Waiting:
    """A sentence in the cell while something takes long, and then what came of it in its place.

    Where nobody looks on, as in a run that stores outputs, only the latter is shown.
    """

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    def say(self, text: str) -> None:
        """Say what is being done now, in place of what was said before."""
        if not os.environ.get("JPY_SESSION_NAME"):  # JupyterLab says which notebook a kernel runs
            return
        if self._handle is None:
            self._handle = display(Note(text), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(Note(text))  # type: ignore[no-untyped-call]

    def end(self, shown: object = None) -> None:
        """Show what came of it; without anything, take the sentence away."""
        if self._handle is None:
            if shown is not None:
                show(shown)
        elif shown is None:
            self._handle.update({"text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown)  # type: ignore[no-untyped-call]


def register(shell: InteractiveShell) -> None:
    """Teach IPython how to show what the floors below give back; the kinds are named, so that nothing is imported."""
    assert shell.display_formatter is not None
    for (module, name), bundle in SHOWN.items():
        shell.display_formatter.mimebundle_formatter.for_type_by_name(f"migration_lab.{module}", name, bundle)


def _rows(rows: Any) -> Bundle:
    if rows.if_none and not rows.rows:
        return {"text/html": card(inline(rows.if_none)), "text/plain": rows.if_none}
    return {"text/html": table(rows.footer(), rows.columns, rows.as_cells()), "text/plain": rows.as_text()}


def _schema(shown: Any) -> Bundle:
    columns = ("Part", "Name", "What it says")
    parts = [table(f"Table `{each.name}`", columns, each.parts()) for each in shown.tables]
    others = [(kind, each.name, each) for kind, each in shown.beside_tables()]
    parts += [table("Beside the tables", columns, others)] if others else []
    text = schema.as_text(shown)
    return {"text/html": "".join(parts) or card(inline(text)), "text/plain": text}


def _history(history: Any) -> Bundle:
    return {"text/vnd.mermaid": revisions.as_mermaid(history), "text/plain": revisions.as_text(history)}


def _verdict(verdict: Any) -> Bundle:
    from migration_lab.checking import report

    return {"text/html": STYLE + report.as_html(verdict), "text/plain": report.as_text(verdict)}


def _guide_card(page: Any) -> Bundle:
    title = f"{page.id}: {page.says}" if page.id else page.says
    steps = "".join(f"<li>{inline(step)}</li>" for step in page.cure)
    lesson = ""
    path = f"notebooks/{page.lesson}.ipynb"
    is_here = Path(os.environ.get("JPY_SESSION_NAME", "")).as_posix().endswith(path)  # what notebook a kernel runs
    if not is_here and any(each.slug == page.lesson and each.is_written for each in course.lessons()):
        lesson = button("docmanager:open", {"path": path}, f"Open lesson {page.lesson}")
    elif page.is_planned:
        lesson = f"Lesson {page.lesson} will say more. It is planned, not written yet."
    also = inline(page.others()) if page.also else ""
    head, cure = f"<strong>{inline(title)}</strong>", f"What to do: <ol>{steps}</ol>"
    html = card(head, inline(page.meaning), cure, also, lesson)
    return {"text/html": html, "text/plain": page.as_text()}


def _recording(recording: Any) -> Bundle:
    from migration_lab.notebook.live import SideBySide

    return {**_as_html(SideBySide((recording.timeline,))), "text/plain": recording.as_text()}


def _as_html(shown: Any) -> Bundle:
    return {"text/html": STYLE + shown.as_html(), "text/plain": shown.as_text()}


def _as_markdown(shown: Any) -> Bundle:
    return {"text/markdown": shown.as_markdown(), "text/plain": shown.as_text()}


def _as_text(shown: Any) -> Bundle:
    return {"text/plain": shown.as_text()}


def _response(response: Any) -> Bundle:
    try:
        body = json.dumps(json.loads(response.text), indent=2, ensure_ascii=False)
    except ValueError:
        body = response.text
    return {"text/plain": "\n".join(filter(None, [f"status {response.status}", response.reason, body]))}


SHOWN: dict[tuple[str, str], Callable[[Any], Bundle]] = {
    ("query", "Rows"): _rows,
    ("schema.model", "Schema"): _schema,
    ("revisions.model", "History"): _history,
    ("service.live", "Response"): _response,
    ("traffic.requests", "Requests"): _as_text,
    ("notebook.live", "Noting"): _recording,
    ("notebook.live", "SideBySide"): _as_html,
    ("storage", "Storage"): _as_text,
    ("storage", "Change"): _as_text,
    ("locks.watch", "Watch"): _as_text,
    ("explain", "Card"): _guide_card,
    ("doctor", "Report"): _as_text,
    ("checking.verdict", "Verdict"): _verdict,
    ("hints", "Hint"): _as_markdown,
    ("progress.summary", "Summary"): _as_html,
}
