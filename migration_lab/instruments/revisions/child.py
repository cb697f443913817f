"""Runs revision files with Alembic's loader, in a separate process."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from alembic.util import load_python_file, to_tuple

from migration_lab.instruments.revisions.files import make_config
from migration_lab.instruments.revisions.literals import ATTRIBUTES


def main() -> None:
    """Load the files that the first argument's file names; write an answer for each to that of the second.

    An answer is a line of JSON, written before the next file is loaded: so that the parent knows at which one this
    process was ended. The output of the files is separate.
    """
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path[:0] = make_config(Path(task["ini"]), task["script"]).get_prepend_sys_paths_list() or []
    with Path(sys.argv[2]).open("w", encoding="utf-8") as answers:
        for file in map(Path, task["files"]):
            answers.write(json.dumps(_said(file)) + "\n")
            answers.flush()


def _said(file: Path) -> dict[str, Any]:
    try:
        module = load_python_file(file.parent, file.name)
        values = {each: _plain(getattr(module, each)) for each in ATTRIBUTES if hasattr(module, each)}
        return values | {"doc": str(module.__doc__ or "")}
    except (Exception, SystemExit) as error:  # each kind of failure is a sentence in the parent
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(file)]
        said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        place = f" in line {lines[-1]}" if lines else ""
        return {"error": f"{type(error).__name__}{': ' if said else ''}{said}{place}"}


def _plain(value: Any) -> Any:
    """A text, None, or a list of what else Alembic would make of the value; what is not a text becomes False."""
    if value is None or isinstance(value, str):
        return value
    return [each if isinstance(each, str) else False for each in to_tuple(value)]
