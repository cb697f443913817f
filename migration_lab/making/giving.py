"""Gives an answer like a learner: opens the exercise, runs the cells as a notebook does, and checks."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from migration_lab.ground.course import EngineName
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError, shown
from migration_lab.making.answers import Answer
from migration_lab.making.cells import FAILS, Cell
from migration_lab.notebook import displays, magics
from migration_lab.shops import workspace
from migration_lab.shops.identity import Identity
from migration_lab.teaching.judging import Verdict, check


def give(answer: Answer, on: EngineName, judged_on: Collection[EngineName]) -> Verdict:
    """Open the exercise on an engine, run the answer's cells, and check on these engines.

    Raises:
        LabError: a cell failed, or succeeded although it is tagged as one that fails; the message says which.
    """
    before = Path.cwd()
    shell: Any = InteractiveShell.instance()
    shell.user_ns.clear()  # `shell.reset()` would also collect garbage, which takes longer than the answer
    shell.init_user_ns()
    magics.register(shell)  # the import below does it only once, and this may be another shell by now
    displays.register(shell)
    opened = None
    try:
        _run(shell, answer, "from migration_lab.notebook import lab")
        _run(shell, answer, f"shop = lab.exercise({answer.exercise!r}, engine={on!r}, fresh=True)")
        opened = workspace.find(Identity.of_exercise(answer.exercise, on))
        for cell in answer.cells:
            _run(shell, answer, cell.source, cell)
        return check(answer.exercise, opened, only=judged_on)
    finally:
        os.chdir(before)
        if opened:
            engine(on).drop(opened.folder)


def _run(shell: Any, answer: Answer, source: str, cell: Cell | None = None) -> None:
    """Run a cell of the answer, or the setup before the first."""
    result = shell.run_cell(source, store_history=False)
    error = result.error_before_exec or result.error_in_exec
    fails = cell is not None and FAILS in cell.tags
    if isinstance(error, KeyboardInterrupt) and not fails:
        raise error  # Ctrl+C: the shell takes it for an error of the cell
    place = f"{answer}, the cell of {shown(cell.path)}, line {cell.line}," if cell else str(answer)
    if fails and error is None:
        raise LabError(f"{place} is tagged {FAILS!r} and goes well.\n{source}", "Remove the tag.")
    if error is not None and not fails:
        what = f"{place} failed with {type(error).__name__}: {error}\n{source}"
        raise LabError(what, f"Correct the cell, or tag it {FAILS!r} if it is to fail.")
