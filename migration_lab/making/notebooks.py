"""Notebooks built from a lesson's cells, the same bytes every time."""

import json
from collections.abc import Iterable
from typing import Any

from migration_lab.ground.course import Lesson
from migration_lab.making import ways
from migration_lab.making.cells import Cell

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

Notebook = dict[str, Any]


def lesson_notebook(lesson: Lesson, cells: Iterable[Cell]) -> Notebook:
    """The lesson as learners open it, with links in its opening and at its end."""
    made = _notebook(lesson, "lesson", cells)
    for number, part in enumerate(lesson.manifest.parts[1:], start=2):
        headings = ["".join(cell["source"]).partition("\n")[0] for cell in made["cells"]]
        if f"## {part.section}" in headings:  # not when one part is built alone
            words = _prose(f"{lesson.number}-lesson-part-{number}", ways.part_begins(lesson, number))
            made["cells"].insert(headings.index(f"## {part.section}"), words)
    opening = made["cells"][0]
    if opening["cell_type"] == "markdown":
        opening["source"] = ways.with_top(lesson, "".join(opening["source"])).splitlines(keepends=True)
    made["cells"].append(_prose(f"{lesson.number}-lesson-next", ways.ending(lesson, exercises=True)))
    return made


def exercise_notebook(lesson: Lesson, cells: Iterable[Cell]) -> Notebook:
    """The exercises without their solutions, with what comes next at the end."""
    made = _notebook(lesson, "exercises", (cell for cell in cells if "solution" not in cell.tags))
    made["cells"].append(_prose(f"{lesson.number}-exercises-next", ways.ending(lesson, exercises=False)))
    return made


def solution_notebook(lesson: Lesson, cells: Iterable[Cell]) -> Notebook:
    """The exercises solved: the same cells, with each solution where its stub was."""
    return _notebook(lesson, "exercises", (cell for cell in cells if "stub" not in cell.tags))


def contents_notebook() -> Notebook:
    """The page that opens first."""
    cells = [_prose("contents-001", ways.contents_words()), _code("contents-002", ways.CONTENTS_CALL)]
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def as_json(notebook: Notebook) -> str:
    """The text of the notebook's file, in the form that Jupyter itself writes."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def without_outputs(notebook: Notebook) -> Notebook:
    """The same notebook without outputs."""
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def _notebook(lesson: Lesson, kind: str, cells: Iterable[Cell]) -> Notebook:
    made = [_cell(f"{lesson.number}-{kind}-{cell.position:03}", cell) for cell in cells]
    return {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def _cell(identity: str, cell: Cell) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if cell.exercise:
        metadata["exercise"] = cell.exercise
    if cell.is_code:
        return _code(identity, cell.source, metadata)
    return _prose(identity, ways.with_planned(cell.source), metadata)


def _code(identity: str, source: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identity,
        "metadata": metadata or {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def _prose(identity: str, source: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "markdown", "id": identity, "metadata": metadata or {}, "source": lines}
