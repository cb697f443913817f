"""Finds lines of `lab new` that an author has yet to replace, so that they can never land."""

from collections.abc import Iterator

from migration_lab.ground.course import Lesson

UNWRITTEN = "TO BE WRITTEN"  # a line with it is removed when an author has written what it asks for
BY_HAND = (".md", ".yaml", ".py", ".sql")


def unwritten_faults(lesson: Lesson, only: str | None = None) -> Iterator[str]:
    """The lines that are yet to be replaced; with `only`, those of that exercise."""
    mark = f"{UNWRITTEN} ({only})" if only else UNWRITTEN
    for path in sorted(each for each in lesson.folder.rglob("*") if each.suffix in BY_HAND):
        file = path.relative_to(lesson.folder).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if mark in line:
                what = line.partition(UNWRITTEN)[2].partition(":")[2].replace("-->", "").replace('"""', "").strip()
                yield f"lessons/{lesson.slug}/{file}, line {number}: this is to be written: {what}"
