"""The spine of the course: what each lesson leaves in the shop, and the shop at the start of each lesson."""

from dataclasses import dataclass
from pathlib import Path

from migration_lab.ground.course import Lesson, lessons
from migration_lab.ground.layers import Files, history, write
from migration_lab.ground.places import course_root

REVISIONS = "migrations/versions/"


@dataclass(frozen=True)
class Left:
    """What a lesson leaves in the shop.

    Attributes:
        before: the shop's files at the lesson's start.
        made: the files that it adds or changes.
        head: the revision at which it leaves the database; None before the first migration.
    """

    lesson: Lesson
    before: Files
    made: Files
    head: str | None

    @property
    def new(self) -> list[str]:
        """The files that it adds, sorted."""
        return sorted(name for name in self.made if name not in self.before)

    @property
    def changed(self) -> list[str]:
        """The files that it changes, sorted."""
        return sorted(name for name in self.made if name in self.before)

    @property
    def revisions(self) -> list[str]:
        """The revision files that it adds, sorted."""
        return [name for name in self.new if name.startswith(REVISIONS) and name.endswith(".py")]


def spine() -> list[Left]:
    """What each lesson leaves, in the order of the course.

    Raises:
        LabError: an edit in a lesson's `leaves/changes.md` does not fit.
    """
    steps = history(course_root() / "sample_app", [each.folder / "leaves" for each in lessons()])
    _, shop = next(steps)
    found = []
    head = None
    for lesson, (made, after) in zip(lessons(), steps, strict=True):
        head = lesson.manifest.leaves or head
        found.append(Left(lesson, shop, made, head))
        shop = after
    return found


def head_at(start: Lesson) -> str | None:
    """The database's revision at a lesson's start: the last one that an earlier lesson leaves, or None."""
    heads = [each.manifest.leaves for each in lessons() if each.number < start.number and each.manifest.leaves]
    return heads[-1] if heads else None


def folders_before(start: Lesson) -> list[Path]:
    """The folders that make up the shop at a lesson's start, in order: `sample_app/`, then earlier lessons'."""
    return [course_root() / "sample_app", *(each.folder / "leaves" for each in lessons() if each.number < start.number)]


def files_at(start: Lesson) -> Files:
    """The shop's files at the start of a lesson.

    Raises:
        LabError: an edit in a lesson's `leaves/changes.md` does not fit.
    """
    sample_app, *folders = folders_before(start)
    *_, (_, shop) = history(sample_app, folders)
    return shop


def lay_checkpoint(start: Lesson, into: Path) -> None:
    """Write the shop's files, as they are at the start of a lesson, into a folder. Errors: as `files_at`."""
    write(files_at(start), into)
