"""Shows what each lesson leaves in the shop: `lab spine` in a terminal, and the page `docs/spine.md`."""

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path

from migration_lab.ground import course, places
from migration_lab.ground.layers import CHANGES
from migration_lab.ground.spine import Left, spine

CONTEXT = 2  # lines around a change
INTRO = """\
# What each lesson leaves in the shop

Made by `make build` from `sample_app/` and from `leaves/` of each lesson; `lab spine 10` shows the same in a terminal.
The shop at the start of a lesson is `sample_app/` with what the lessons before it leave laid over it, in order.
"""


def path() -> Path:
    """The page that the build makes."""
    return places.course_root() / "docs" / "spine.md"


def page() -> str:
    """The page: a table of the lessons, then each lesson's revisions, new files, and changes to existing files.

    Raises:
        LabError: an edit in a lesson's `leaves/changes.md` does not fit.
    """
    all_left = spine()
    rows = ["| lesson | revisions | head | new files | changed files |", "|---|---|---|---:|---:|"]
    for left in all_left:
        name = f"[{_title(left)}](#{anchor(_title(left))})" if left.made else _title(left)
        rows.append(f"| {name} | {_range(left)} | {left.head or ''} | {len(left.new)} | {len(left.changed)} |")
    sections = [_section(left) for left in all_left if left.made]
    return "\n\n".join([INTRO.rstrip(), "\n".join(rows), *sections]) + "\n"


def table() -> str:
    """A line for each lesson, for a terminal."""
    lines = [f"{'':44}{'revisions':>13}{'head':>6}{'new':>5}{'changed':>9}"]
    for left in spine():
        counts = f"{len(left.new) or '':>5}{len(left.changed) or '':>9}"
        lines.append(f"{_title(left)[:43]:44}{_range(left):>13}{left.head or '':>6}{counts}".rstrip())
    return "\n".join(lines)


def of_lesson(name: str) -> str:
    """What one lesson leaves: its revisions, its new files, and a unified diff of all its files.

    Raises:
        LabError: there is no such lesson, or an edit does not fit.
    """
    slug = course.lesson(name).slug
    left = next(each for each in spine() if each.lesson.slug == slug)
    if not left.made:
        return f"Lesson {_title(left)} leaves the shop as it was{f', at {left.head}' if left.head else ''}."
    lines = [f"Lesson {_title(left)} leaves the shop at {left.head}." if left.head else f"Lesson {_title(left)}:"]
    lines += ["", "New files:", *(f"  {name}{_what(left, name)}" for name in left.new)] if left.new else []
    lines += ["", "Changed files:", *(f"  {name}" for name in left.changed)] if left.changed else []
    for name in [*left.changed, *left.new]:
        lines += ["", *_diff(left, name)]
    return "\n".join(lines)


def _section(left: Left) -> str:
    parts = [f"## {_title(left)}"]
    if left.new:
        new = [f"- [`{name}`]({_link(left, name)}){_what(left, name)}" for name in left.new]
        parts.append("\n".join(["New files:", "", *new]))
    for name in left.changed:
        parts.append("\n".join(["```diff", *_diff(left, name), "```"]))
    return "\n\n".join(parts)


def _link(left: Left, name: str) -> str:
    """The link from the page to a new file."""
    is_file = (left.lesson.folder / "leaves" / name).is_file()
    return f"../lessons/{left.lesson.slug}/leaves/{name if is_file else CHANGES}"


def _diff(left: Left, name: str) -> Iterator[str]:
    before = left.before.get(name)
    old = f"a/{name}" if before is not None else "/dev/null"
    one, other = ((content or b"").decode().splitlines() for content in (before, left.made[name]))
    return difflib.unified_diff(one, other, old, f"b/{name}", n=CONTEXT, lineterm="")


def _what(left: Left, name: str) -> str:
    """The first line of a revision's docstring, which is its message."""
    if name not in left.revisions:
        return ""
    said = ast.get_docstring(ast.parse(left.made[name])) or ""
    return f": {said.partition(chr(10))[0]}" if said else ""


def _range(left: Left) -> str:
    ids = [Path(each).name.partition("_")[0] for each in left.revisions]
    return "" if not ids else ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"


def _title(left: Left) -> str:
    return f"{left.lesson.number} {left.lesson.manifest.title}"


def anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return "".join(each for each in title.lower() if each.isalnum() or each in " -_").replace(" ", "-")
