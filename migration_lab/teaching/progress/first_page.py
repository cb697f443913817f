"""Start JupyterLab with the contents in front, which say how far the learner is before any cell has run."""

import json
import sys

from migration_lab.ground import places
from migration_lab.ground.errors import LabError
from migration_lab.ground.jupyter import start
from migration_lab.teaching import progress

CALL = "lab.contents()"


def main(options: list[str] | None = None) -> int:
    """Update the contents and become JupyterLab; `options` are passed on to it.

    Returns:
        The exit code for the shell, if JupyterLab could not be started.
    """
    return start.main(options, ready=fill)


def fill() -> None:
    """Put the learner's progress into the copy of the contents that JupyterLab opens, as the output of its cell.

    A notebook or a progress file that cannot be read stays as it is: running its cell says what is wrong.
    """
    path = places.my_work() / "notebooks" / "contents.ipynb"
    try:
        page = json.loads(path.read_text(encoding="utf-8"))
        shown = progress.contents()
        data = {"text/html": shown.as_html().splitlines(True), "text/plain": shown.as_text().splitlines(True)}
        cell = next(each for each in page["cells"] if CALL in "".join(each["source"]) and "outputs" in each)
        if [output["data"]["text/plain"] for output in cell["outputs"]] == [data["text/plain"]]:
            return  # it may be open in JupyterLab, which asks about files that change on disk
        cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
        half = path.with_name(f".{path.name}.new")
        half.write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        half.replace(path)
    except (LabError, OSError, ValueError, LookupError, TypeError, StopIteration):
        return


if __name__ == "__main__":
    sys.exit(main())
