"""Formats the lab's objects for a cell: as HTML for JupyterLab, and as equivalent plain text."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from migration_lab.ground import course, way
from migration_lab.ground.html import button, card, inline, table
from migration_lab.instruments import revisions, schema

Bundle = dict[str, str]


class Source(str):
    """Text that a cell shows unquoted, unlike a Python string; `language` is for highlighting."""

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
    """A sentence or two, with an optional button or list of points. Words between backticks are code."""

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


@dataclass(frozen=True)
class Next:
    """Where to go on, as a link."""

    stop: way.Stop

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return {"text/markdown": f"**Next:** {self.stop.as_markdown()}", "text/plain": f"Next: {self.stop.words}"}


def show(shown: object) -> None:
    """Show an object in the cell that runs now."""
    display(shown)  # type: ignore[no-untyped-call]


def register(shell: InteractiveShell) -> None:
    """Register how IPython shows objects of the lower floors; the types are named, so that nothing is imported."""
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
    parts += [table("Other than tables", columns, others)] if others else []
    text, left_out = schema.as_text(shown), schema.not_shown(shown)
    parts += [f"<p>{inline(left_out)}</p>"] if parts and left_out else []
    return {"text/html": "".join(parts) or card(inline(text)), "text/plain": text}


def _history(history: Any) -> Bundle:
    return {"text/vnd.mermaid": revisions.as_mermaid(history), "text/plain": revisions.as_text(history)}


def _verdict(verdict: Any) -> Bundle:
    from migration_lab.teaching.judging import report

    return {"text/html": report.as_html(verdict), "text/plain": report.as_text(verdict)}


def _guide_card(page: Any) -> Bundle:
    title = f"{page.id}: {page.says}" if page.id else page.says
    steps = "".join(f"<li>{inline(step)}</li>" for step in page.cure)
    lesson = ""
    path = f"notebooks/{page.lesson}.ipynb"
    is_here = Path(os.environ.get("JPY_SESSION_NAME", "")).as_posix().endswith(path)  # what notebook a kernel runs
    written = next((each for each in course.lessons() if each.slug == page.lesson and each.is_written), None)
    if written and not is_here:
        lesson = button("docmanager:open", {"path": path}, f"Open lesson {way.to_lesson(written).words}")
    elif page.is_planned:
        lesson = f"Lesson {page.lesson} (planned)"
    also = inline(page.others()) if page.also else ""
    head, cure = f"<strong>{inline(title)}</strong>", f"What to do: <ol>{steps}</ol>"
    html = card(head, inline(page.meaning), cure, also, lesson)
    return {"text/html": html, "text/plain": page.as_text()}


def _recording(recording: Any) -> Bundle:
    from migration_lab.notebook.pictures import SideBySide

    return {**_as_html(SideBySide((recording.timeline,))), "text/plain": recording.as_text()}


def _as_html(shown: Any) -> Bundle:
    return {"text/html": shown.as_html(), "text/plain": shown.as_text()}


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
    ("instruments.query", "Rows"): _rows,
    ("instruments.schema.model", "Schema"): _schema,
    ("instruments.revisions.model", "History"): _history,
    ("instruments.service.live", "Response"): _response,
    ("instruments.traffic.requests", "Requests"): _as_text,
    ("notebook.under_way", "Noting"): _recording,
    ("notebook.pictures", "SideBySide"): _as_html,
    ("shops.script", "Ran"): _as_text,
    ("instruments.storage", "Storage"): _as_text,
    ("instruments.storage", "Change"): _as_text,
    ("instruments.locks.watch", "Watch"): _as_text,
    ("teaching.explain.cards", "Card"): _guide_card,
    ("teaching.doctor", "Examination"): _as_text,
    ("teaching.judging.verdict", "Verdict"): _verdict,
    ("teaching.hints", "Hint"): _as_markdown,
    ("teaching.progress.summary", "Summary"): _as_html,
    ("teaching.progress.contents", "Contents"): _as_html,
}
