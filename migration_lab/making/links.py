"""Checks links between the course's notebooks, as JupyterLab resolves them, and in the repository's pages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from migration_lab.ground import places
from migration_lab.ground.errors import LabError

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"^(https:|mailto:)")
FOR_LEARNERS = ("notebooks", "exercises")


def refuse_broken() -> None:
    """Refuse a link in a notebook or in a page of the repository that leads nowhere.

    Raises:
        LabError: it lists every such link, with the file and the reason.
    """
    broken = list(broken_links(places.course_root()))
    if broken:
        raise LabError("\n".join(broken), "Correct them where they are written, in lessons/ or in the page itself.")


def broken_links(root: Path) -> Iterator[str]:
    """A sentence for each link that leads nowhere."""
    for folder in (*FOR_LEARNERS, "solutions"):
        for path in sorted((root / folder).glob("*.ipynb")):
            for target in _targets(_notebook_prose(path)):
                why = _broken_in_notebook(root, path, target)
                if why:
                    yield f"{folder}/{path.name}: the link {target} {why}"
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "sample_app").rglob("*.md")]
    for page in sorted(pages):
        for target in _targets(page.read_text(encoding="utf-8")):
            if not ELSEWHERE.match(target) and not target.startswith("#"):
                aim = (page.parent / unquote(target.partition("#")[0])).resolve()
                if not aim.exists():
                    yield f"{page.relative_to(root).as_posix()}: the link {target} leads to no file."


def _broken_in_notebook(root: Path, path: Path, target: str) -> str | None:
    """Why a link of a notebook does not work in JupyterLab, whose root holds `notebooks/` and `exercises/` alone."""
    if ELSEWHERE.match(target):
        return None
    if target.startswith(("http:", "/")):
        return "is not relative to the notebook."
    file, _, anchor = unquote(target).partition("#")
    aim = (path.parent / file).resolve() if file else path
    if path.parent.name in FOR_LEARNERS and not any(aim.is_relative_to(root / folder) for folder in FOR_LEARNERS):
        return "leaves what JupyterLab shows: notebooks/ and exercises/."
    if not aim.exists():
        return "leads to no file."
    if anchor and aim.suffix == ".ipynb" and anchor not in _anchors(_notebook_prose(aim)):
        return f"leads to no heading of {aim.name}; a heading `## 02.1 Title` is #02.1-Title."
    return None


def _anchors(prose: str) -> set[str]:
    """The ids that JupyterLab gives to headings: their text, with hyphens for spaces."""
    return {re.sub(r"[`*]", "", heading).replace(" ", "-") for heading in HEADING.findall(FENCED.sub("", prose))}


def _notebook_prose(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def _targets(prose: str) -> list[str]:
    """The targets of all links outside code."""
    return LINK.findall(re.sub(r"`[^`\n]*`", lambda code: "`" + "·" * len(code[0]) + "`", FENCED.sub("", prose)))
