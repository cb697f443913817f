"""Runs notebooks like a learner, each in a home of its own, and stores their outputs."""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import migration_lab.ground.jupyter.lean  # noqa: F401  # before nbformat
from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making.cells import FAILS, read_cells
from migration_lab.making.notebooks import METADATA, Notebook, as_json

CELL_SECONDS = 600  # a limit for a cell that hangs; a check of 15.1 takes two minutes on a machine with other load
# Output that contains the time of the run; stored and compared as if it were always the same.
MOMENTS = (
    (re.compile(r"Create Date: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+"), "Create Date: 2026-01-05 09:00:00.000000"),
)
FIX = "Fix the cell in lessons/, then run `lab build`."
WIDGET = "application/vnd.jupyter.widget-view+json"
TWIN = 'class="lab-quiz-twin"'


def executed(notebook: Notebook, *, title: str, home: Path | None = None, engine: str | None = None) -> Notebook:
    """Run all cells in a fresh kernel and return the notebook with its outputs.

    Args:
        title: the notebook's path in the course, such as `solutions/02_first_migration.ipynb`. The kernel starts in
            the folder of that name in the learner's folder, as it does in JupyterLab.
        home: the learner's folder for this run; by default one that is deleted afterwards.
        engine: `postgres` runs everything that does not name its engine on Postgres.

    Raises:
        LabError: a cell failed or took longer than its limit; the error names the cell and what it printed last.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as temporary:
        environment = {"LAB_WORK": str(home or Path(temporary) / "my_work")}
        if engine:
            environment["LAB_ENGINE"] = engine
        try:
            return _executed(notebook, title, environment)
        except LabError as error:
            if not engine:
                raise
            raise LabError(f"On {engine}: {error.message}", error.next_step) from error.__cause__


def _executed(notebook: Notebook, title: str, environment: dict[str, str]) -> Notebook:
    try:
        import nbclient
        import nbformat
        import traitlets.config
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    except ImportError as error:
        raise LabError(
            "Running the notebooks needs nbclient, which learners do not get.",
            "Run it as `make build` or `python run.py build`.",
        ) from error
    folder = Path(environment["LAB_WORK"], title).parent
    folder.mkdir(parents=True, exist_ok=True)
    node = nbformat.reads(as_json(notebook), as_version=4)
    client = nbclient.NotebookClient(
        node,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        coalesce_streams=True,
        record_timing=False,
        config=traitlets.config.Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env=kernel_environment(environment))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        last = next((cell.id for cell in reversed(node.cells) if cell.get("execution_count")), "")
        words = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip()
        raise LabError(f"{title} does not run. It ends {written_at(last)}:\n{words}\n", FIX) from error
    for cell in node.cells:
        if FAILS in cell.metadata.get("tags", ()) and not any(each.output_type == "error" for each in cell.outputs):
            raise LabError(f"{title} runs, but nothing fails {written_at(cell.id)}, which is tagged {FAILS!r}.", FIX)
    cells = [dict(cell) for cell in nbformat.from_dict(node).cells]
    for cell in cells:
        cell["source"] = cell["source"].splitlines(keepends=True)
        cell["metadata"] = {name: value for name, value in cell["metadata"].items() if name != "execution"}
        if cell["cell_type"] == "code":
            cell["outputs"] = [_output(dict(output)) for output in cell["outputs"] if not _is_twin(output)]
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def refuse_unpassed(lesson: course.Lesson, ran: Notebook) -> None:
    """Refuse a solution whose last check of an exercise, if it has one, did not pass.

    Raises:
        LabError: it names the exercise, and has the check's verdict.
    """
    for exercise_id in lesson.manifest.exercises:
        own = [cell for cell in ran["cells"] if cell["metadata"].get("exercise") == exercise_id]
        call = re.compile(rf'^lab\.check\("{re.escape(exercise_id)}"', re.MULTILINE)
        checks = [cell for cell in own if call.search("".join(cell["source"]))]
        said = "".join(_texts(checks[-1])) if checks else ""
        if checks and "\nPassed on " not in said:
            raise LabError(f"The solution of exercise {exercise_id} does not pass:\n{said}\n", FIX)


def _texts(cell: dict[str, Any]) -> list[str]:
    """What a cell printed, or displayed as plain text."""
    return ["".join(each.get("text") or each.get("data", {}).get("text/plain", "")) for each in cell["outputs"]]


def written_at(identity: str) -> str:
    """Where a cell of a notebook is written: `in cell 13, lessons/02_first_migration/lesson.md, line 120`."""
    made = re.fullmatch(r"(\d\d)-(lesson|exercises)-(\d+)((?:-again)*)", identity)
    if not made:
        return f"in cell {identity}" if identity else "before its first cell"
    source = course.lesson(made[1]).folder / f"{made[2]}.md"
    cell = read_cells(source)[int(made[3]) - 1]
    place = f"in cell {cell.position}, lessons/{source.parent.name}/{source.name}, line {cell.line}"
    return f"{place}, where it runs again" if made[4] else place


def kernel_environment(added: dict[str, str]) -> dict[str, str]:
    """The environment of a kernel in JupyterLab: this environment's commands first, no other project's database."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "PYTHONOPTIMIZE") and not name.startswith(("FLASK_", "SQLALCHEMY_"))
    }
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    return {**env, **added}


def _is_twin(output: dict[str, Any]) -> bool:
    """Whether it replaces a quiz's dead widget; a stored notebook keeps the widget's text instead."""
    return TWIN in output.get("data", {}).get("text/html", "")


def _output(output: dict[str, object]) -> dict[str, object]:
    """An output as Jupyter stores it: text split into lines, so that a change shows as lines in a diff."""
    if isinstance(text := output.get("text"), str):
        output["text"] = timeless(text).splitlines(keepends=True)
    if isinstance(data := output.get("data"), dict):
        output["data"] = {
            kind: timeless(value).splitlines(keepends=True) if isinstance(value, str) else value
            for kind, value in data.items()
            if kind != WIDGET  # dead in a stored notebook, with a new id each time
        }
    return output


def timeless(text: str) -> str:
    """A text in which each moment of a run is always the same; see `MOMENTS`."""
    for moment, always in MOMENTS:
        text = moment.sub(always, text)
    return text
