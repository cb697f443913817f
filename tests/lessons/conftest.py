"""Runs the course's notebooks like a learner, and checks which cells ran."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.making import build
from migration_lab.making.notebooks import lesson_notebook
from migration_lab.making.parts import cells_of_part
from migration_lab.making.solutions import executed
from tests.lessons.twice import each_section_twice, name_each_cell

Run = Callable[..., dict[str, Any]]


def is_thorough(config: pytest.Config) -> bool:
    """Whether this run proves all, however long it takes: `lab prove`, or `--thorough`."""
    return config.pluginmanager.has_plugin("proof") or bool(config.getoption("--thorough"))


def is_proof(cell: dict[str, Any]) -> bool:
    """Whether it is a cell that proves what the prose says."""
    return "proof" in cell["metadata"].get("tags", ())


@pytest.fixture
def with_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two minutes pass before each cell of the kernels that a test starts; see `pauses`."""
    at_start = tmp_path / "ipython/profile_default/startup"
    at_start.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("pauses.py"), at_start)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.fixture
def run_notebook(with_pauses: None) -> Run:
    """A function that runs a lesson's notebook in a home and proves that every cell ran.

    Its reader takes two minutes before each cell, and no test has to wait for it.

    It is made from the lesson's text: `tests/making/test_build.py` holds that the one in `notebooks/` is the same. With
    a `part`, nothing but that part runs. With `twice`, each section but the opening runs again before the next, and in
    that second run each edit of a file is made twice.
    """

    def run(
        lesson: course.Lesson,
        home: Path,
        engine: str,
        *,
        part: course.Part | None = None,
        twice: bool = False,
    ) -> dict[str, Any]:
        name = f"notebooks/{lesson.slug}.ipynb"
        cells = build.cells_of(lesson)[0]
        if twice:
            cells = each_section_twice(cells)
        shipped = lesson_notebook(lesson, cells_of_part(lesson, cells, part) if part else cells)
        name_each_cell(shipped["cells"])
        try:
            ran = executed(shipped, title=name, home=home, engine=engine)
        except LabError as error:
            if type(error.__cause__).__name__ != "DeadKernelError":
                raise
            # About one kernel in 800 dies at its start on a loaded machine: once is bad luck, twice is a fault.
            warnings.warn(f"The kernel of {name} died and was started again.", stacklevel=1)
            ran = executed(shipped, title=name, home=home, engine=engine)
        code = [cell for cell in ran["cells"] if cell["cell_type"] == "code"]
        assert code, f"{name} has no code"
        assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
        return ran

    return run
