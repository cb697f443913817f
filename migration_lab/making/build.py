"""Makes what is derived from `lessons/` and `pyproject.toml`: notebooks, two tables, locks, environment.yml.

Only the command line imports this package, and only on demand: it needs packages that learners do not install.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from migration_lab.ground import course, places
from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError
from migration_lab.making import (
    agenda,
    environment_file,
    links,
    linter,
    notebooks,
    readme,
    solutions,
    spine_text,
    tracks,
)
from migration_lab.making.cells import Cell, read_cells, refuse_unbalanced
from migration_lab.teaching import hints

HINT = re.compile(r'lab\.hint\("(\d\d\.\d)"\)')
REBUILD = "Run `make build` and commit what it changes."


def build(only: str | None = None, *, check: bool = False, say: Callable[[str], None] = print) -> None:
    """Make each lesson's three notebooks, those of the tracks and the contents, two tables, environment.yml.

    Args:
        only: a lesson's slug or number, for its notebooks, tables and tracks; by default all lessons and the rest.
        check: write and run nothing, but refuse files that differ from a fresh build. Of the outputs in
            `solutions/` only the hints are compared, which need no run; the tests run them all again.
        say: called with what takes long, and at the end with the files that were written; with `check` when everything
            is right.

    Raises:
        LabError: a lesson breaks a rule, a link leads nowhere, a solution fails; with `check`: a file is out of date.
    """
    chosen = [course.lesson(only)] if only else [each for each in course.lessons() if each.is_written]
    written: list[str] = []

    def write(path: Path, text: str) -> None:
        _write(path, text, check=check, written=written)

    try:
        for lesson in chosen:
            _build_lesson(lesson, write, check=check, say=say)
        write(places.course_root() / "notebooks" / "contents.ipynb", notebooks.as_json(notebooks.contents_notebook()))
        write(readme.path(), readme.with_table())
        write(agenda.path(), agenda.with_table())
        write(spine_text.path(), spine_text.page())
        for track in course.tracks():
            write(tracks.path(track), tracks.text(track))
        if not only:
            _refuse_leftovers()
            write(environment_file.path(), environment_file.text())
        if check or not only:  # else the notebooks that it links to may not be made yet
            links.refuse_broken()
    finally:
        if written:
            files = [f"  {each}" for each in dict.fromkeys(written)]
            say("\n".join([f"Wrote {len(files)} {'file' if len(files) == 1 else 'files'}:", *files]))
    if check:
        say(f"Lesson {chosen[0].number} is as it should be." if only else "All is as it should be.")
    elif not written:
        say("Every file was up to date.")


def _build_lesson(
    lesson: Lesson, write: Callable[[Path, str], None], *, check: bool, say: Callable[[str], None]
) -> None:
    lesson_cells, exercise_cells = cells_of(lesson)
    linter.refuse_faults(lesson, lesson_cells, exercise_cells)
    name = f"{lesson.slug}.ipynb"
    root = places.course_root()
    lesson_text = notebooks.as_json(notebooks.lesson_notebook(lesson, lesson_cells))
    write(root / "notebooks" / name, lesson_text)
    if not exercise_cells:
        return
    exercise_text = notebooks.as_json(notebooks.exercise_notebook(lesson, exercise_cells))
    write(root / "exercises" / lesson.exercises_file, exercise_text)
    solved = notebooks.solution_notebook(lesson, exercise_cells)
    path = root / "solutions" / name
    if check:
        _refuse_old_solution(lesson, path, solved)
        return
    if _stored_cells(path) != solved:
        # The third hint reads the solution's cells from this file, and a solution may show that hint.
        write(path, notebooks.as_json(solved))
    say(f"Running solutions/{name}.")
    ran = solutions.executed(solved, title=f"solutions/{name}")
    solutions.refuse_unpassed(lesson, ran)
    write(path, notebooks.as_json(ran))


def cells_of(lesson: Lesson) -> tuple[list[Cell], list[Cell]]:
    """The cells of `lesson.md` and of `exercises.md`; the second list is empty for a lesson without exercises.

    Raises:
        LabError: a file cannot be read as cells, or has solutions and stubs that do not match.
    """
    if not lesson.is_written:
        raise LabError(f"Lesson {lesson.number} is planned.", f"Write lessons/{lesson.slug}/lesson.md first.")
    lesson_cells = read_cells(lesson.folder / "lesson.md")
    exercises = lesson.folder / "exercises.md"
    if not exercises.exists() and not lesson.manifest.exercises:
        return lesson_cells, []
    if not exercises.exists():
        raise LabError(f"lessons/{lesson.slug}/exercises.md is missing.", "lesson.yaml names exercises; write them.")
    exercise_cells = read_cells(exercises)
    refuse_unbalanced(lesson, lesson_cells, exercise_cells)
    return lesson_cells, exercise_cells


def _write(path: Path, text: str, *, check: bool, written: list[str]) -> None:
    """Write a derived file if it differs, and note its name; or (with `check`) refuse it."""
    shown = path.relative_to(places.course_root()).as_posix()
    if path.exists() and path.read_bytes() == text.encode():
        return
    if check:
        raise LabError(f"{shown} is not what a fresh build makes.", REBUILD)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    written.append(shown)


def _refuse_old_solution(lesson: Lesson, path: Path, solved: notebooks.Notebook) -> None:
    shown = f"solutions/{path.name}"
    if _stored_cells(path) != solved:
        raise LabError(f"{shown} does not have the cells of lessons/{path.stem}/exercises.md.", REBUILD)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and cell["execution_count"] is None:
            raise LabError(f"{shown}, cell {cell['id']}: it was never run, so no test compares its output.", REBUILD)
        asked = HINT.fullmatch("".join(cell["source"]))
        if asked and _is_out_of_date(cell, hints.last(lesson, asked[1])):
            raise LabError(f"{shown}, cell {cell['id']}: a reason has changed since it ran.", REBUILD)


def _is_out_of_date(cell: dict[str, Any], last: hints.Hint) -> bool:
    """Whether a cell's stored output is the last hint as it was once."""
    texts = ["".join(each.get("data", {}).get("text/markdown", "")) for each in cell["outputs"]]
    return any(last.title in text and text != solutions.timeless(last.as_markdown()) for text in texts)


def _stored_cells(path: Path) -> notebooks.Notebook | None:
    """The notebook in a file without its outputs; None if it is missing or cannot be read."""
    try:
        return notebooks.without_outputs(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse_leftovers() -> None:
    """Refuse notebooks that no lesson makes, such as those of a lesson that was renamed."""
    lessons = [each for each in course.lessons() if each.is_written]
    slugs = {f"{each.slug}.ipynb" for each in lessons}
    made = {
        "notebooks": slugs | {f"{each.name}.ipynb" for each in course.tracks()} | {"contents.ipynb"},
        "exercises": {each.exercises_file for each in lessons},
        "solutions": slugs,
    }
    for folder, names in made.items():
        for path in sorted((places.course_root() / folder).glob("*.ipynb")):
            if path.name not in names:
                raise LabError(f"{folder}/{path.name} belongs to no lesson.", "Delete it.")
