"""Notebooks made of a lesson's cells, the same bytes every time."""

import json
from collections.abc import Iterable
from typing import Any

from migration_lab.build.cells import Cell
from migration_lab.course import Lesson

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

Notebook = dict[str, Any]


def lesson_notebook(lesson: Lesson, cells: Iterable[Cell]) -> Notebook:
    """The lesson, as learners open it."""
    return _notebook(lesson, "lesson", cells)


def exercise_notebook(lesson: Lesson, cells: Iterable[Cell]) -> Notebook:
    """The exercises without their solutions."""
    return _notebook(lesson, "exercises", (cell for cell in cells if "solution" not in cell.tags))


def solution_notebook(lesson: Lesson, cells: Iterable[Cell]) -> Notebook:
    """The exercises solved: the same cells, with each solution where its stub was."""
    return _notebook(lesson, "exercises", (cell for cell in cells if "stub" not in cell.tags))


def as_json(notebook: Notebook) -> str:
    """The text of the notebook's file, in the form that Jupyter itself writes."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def without_outputs(notebook: Notebook) -> Notebook:
    """The same notebook as it was before it ran."""
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
    source = cell.source.splitlines(keepends=True)
    if cell.is_code:
        return {
            "cell_type": "code",
            "execution_count": None,
            "id": identity,
            "metadata": metadata,
            "outputs": [],
            "source": source,
        }
    return {"cell_type": "markdown", "id": identity, "metadata": metadata, "source": source}
