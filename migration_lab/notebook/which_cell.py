"""Says what to do where Python's error does not: an undefined name, an assert without a message, a full disk.

Each kernel of the environment loads this at its start, as an extension of IPython; so it imports almost nothing.
"""

import dis
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

MAGIC = re.compile(r"^(\s*)[%!].*", re.MULTILINE)
OWN_MAGICS = re.compile(r"magic function `%(flask|git)\w*` not found")
FIRST = "the first code cell of this notebook"
FRESH = (
    f"This kernel has not run a cell of the course yet. Run {FIRST}. To go on with earlier work instead, run "
    "`from migration_lab.notebook import lab` and `lab.resume()` in a cell of their own."
)
OPENS = re.compile(r"\blab\.(open|exercise|reset)\(")
USUAL = {"lab", "shop", "sqlite", "postgres"}  # names that a lesson begins with, where its notebook is not known
LINES = 3  # of what a command printed last


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Look at each cell that fails from now on; calling this twice has no effect."""
    shell.events.register("post_run_cell", _after)


@dataclass(frozen=True)
class CodeCell:
    """A code cell of a notebook: its place among them, from 0, the heading above it, and its text."""

    place: int
    heading: str
    text: str

    @property
    def makes(self) -> set[str]:
        """The names that it assigns."""
        if self.text.lstrip().startswith("%%"):
            return set()
        try:
            code = compile(MAGIC.sub(r"\1pass", self.text), "", "exec")
        except (SyntaxError, ValueError):
            return set()
        return {each.argval for each in dis.get_instructions(code) if each.opname.startswith("STORE_")}

    def __str__(self) -> str:
        if self.place == 0:
            return FIRST
        begins = next((line.strip() for line in self.text.splitlines() if line.strip()), "")
        return f"the cell that begins `{begins}`" + (f", under “{self.heading}”" if self.heading else "")


def code_cells(notebook: Path) -> list[CodeCell]:
    """The code cells of a notebook file; empty if it cannot be read."""
    found: list[CodeCell] = []
    heading = ""
    try:
        texts = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook.read_bytes())["cells"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    for kind, text in texts:
        if kind == "code":
            found.append(CodeCell(len(found), heading, text))
        elif titles := re.findall(r"^#{2,} +(.+?)\s*$", text, re.MULTILINE):
            heading = titles[-1]
    return found


def advice(error: BaseException, cell: str, cells: list[CodeCell]) -> str:
    """What to do about a cell's error; empty where the error says it itself, or where nothing is known.

    Args:
        cell: the text of the cell that failed.
        cells: those of its notebook.
    """
    here = next((each for each in cells if each.text.strip() == cell.strip()), None)
    is_fresh = "migration_lab.notebook.lab" not in sys.modules
    if isinstance(error, UsageError) and OWN_MAGICS.search(str(error)):
        return FRESH
    if isinstance(error, FileNotFoundError) and is_fresh and cell.lstrip().startswith("%%writefile"):
        return FRESH
    if isinstance(error, NameError):
        makers = [each for each in cells if error.name in each.makes]
        if not makers:
            return FRESH if is_fresh and error.name in USUAL else ""
        if is_fresh:
            return FRESH
        if not _shop_is_open():
            opener = _last_before(here, [each for each in cells if OPENS.search(each.text)])
            return (
                f"No shop is open in this kernel. Run {opener or FIRST}, or `lab.resume()` to go on with earlier work."
            )
        return f"Run {_last_before(here, makers)}. It makes `{error.name}`. Then run this cell again."
    if isinstance(error, AssertionError) and not str(error):
        section = f" of “{here.heading}”" if here and here.heading else " of this section"
        return (
            f"What this cell asserts is not true here. Run the cells{section} again, from its first one and in order. "
            f"If that does not help, begin again at {FIRST}."
        )
    return _refused(error)


def _refused(error: BaseException) -> str:
    """What the machine or the server refused to the course; empty for any other error."""
    frame = error.__traceback__
    while frame is not None and not frame.tb_frame.f_globals.get("__name__", "").startswith("migration_lab."):
        frame = frame.tb_next
    if frame is None:
        return ""
    from migration_lab.ground.database_errors import out_of_reach
    from migration_lab.ground.errors import from_the_machine

    is_from_database = type(error).__module__.startswith(("psycopg", "sqlalchemy", "sqlite3"))
    said = out_of_reach(error) if is_from_database else from_the_machine(error)
    return str(said or "")


def _last_before(here: CodeCell | None, found: list[CodeCell]) -> CodeCell | None:
    """The last of these cells above the one that failed; below it, if there is none above."""
    above = [each for each in found if here is None or each.place < here.place]
    return next(reversed(above or found), None)


def _after(result: Any) -> None:
    error = result.error_in_exec or result.error_before_exec
    if error is None or result.info is None:
        return
    said = advice(error, result.info.raw_cell, code_cells(_notebook()))
    if said:
        from migration_lab.notebook.displays import Note, show  # half a second, which only an error need take

        show(Note(said, points=_last_command() if isinstance(error, AssertionError) else ()))


def _notebook() -> Path:
    """The file of this notebook, which JupyterLab names; elsewhere that of the lesson whose shop is open."""
    named = os.environ.get("JPY_SESSION_NAME", "")
    shop = sys.modules.get("migration_lab.notebook.shop")
    if named or shop is None or shop.used is None:
        return Path(named)
    from migration_lab.ground import places

    return places.course_root() / "notebooks" / f"{shop.used.workspace.lesson.slug}.ipynb"


def _shop_is_open() -> bool:
    shop = sys.modules.get("migration_lab.notebook.shop")
    return shop is not None and shop.used is not None


def _last_command() -> tuple[str, ...]:
    """The last command of this kernel, and the end of what it printed."""
    running = sys.modules.get("migration_lab.notebook.under_way")
    if running is None or running.last is None:
        return ()
    words, completed = running.last
    lines = [line for line in completed.output.splitlines() if line.strip()][-LINES:]
    head = f"The last command was `{words}`, with exit code {completed.exit_code}."
    return (f"{head} It printed last:" if lines else head, *(f"`{line.strip()}`" for line in lines))
