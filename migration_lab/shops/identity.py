"""A workspace, and which shop it is. Only this module turns that into a record, a folder's name, or words."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel

from migration_lab.ground import course
from migration_lab.ground.course import EngineName, Lesson
from migration_lab.ground.engines import Engine
from migration_lab.ground.engines import engine as engine_named

FILE_NAME = ".lab.json"
KEPT_AT = "%Y%m%d-%H%M%S"
_EXERCISE = "exercise-"
_COPY = "-copy"
_NAME = re.compile(
    rf"(?:{_EXERCISE}(?P<exercise>[\w.]+)|(?P<lesson>\w+)(?:-(?P<scene>[\w.-]+?))??)(?P<copies>(?:{_COPY})*)"
    r"-(?P<engine>sqlite|postgres)(?:-(?P<number>\d{1,2}))?"
)
_KEPT = re.compile(r"(?P<folder>.+)-(?P<moment>\d{8}-\d{6})(?:-\d+)?")


@dataclass(frozen=True)
class Identity:
    """Identifies one of a learner's shops.

    Attributes:
        lesson: its slug, `02_first_migration`.
        engine: `sqlite` or `postgres`.
        exercise: `02.1`; None for a shop of the lesson itself.
        scene: the scene at which it starts; None for the lesson's checkpoint.
        copy: 0, or 1 for a copy of a shop, 2 for a copy of a copy.
        number: 1, or more if other processes have the same shop open.
    """

    lesson: str
    engine: EngineName
    exercise: str | None = None
    scene: str | None = None
    copy: int = 0
    number: int = 1

    @classmethod
    def of_exercise(cls, exercise_id: str, engine: EngineName) -> Self:
        """The shop of an exercise, as the course describes it now.

        Raises:
            LabError: there is no such exercise.
        """
        lesson, exercise = course.exercise(exercise_id)
        return cls(lesson.slug, engine, exercise=exercise_id, scene=exercise.scene)

    @property
    def first(self) -> "Identity":
        """The same shop with the number 1: the one of the first process to open it."""
        return replace(self, number=1)

    @property
    def name(self) -> str:
        """What `lab.resume` takes: `02_first_migration`, `02_first_migration-five_checkouts-copy`, `exercise-02.1`."""
        own = f"{_EXERCISE}{self.exercise}" if self.exercise else "-".join(filter(None, (self.lesson, self.scene)))
        return own + _COPY * self.copy

    @property
    def folder_name(self) -> str:
        """`02_first_migration-sqlite`, `exercise-02.1-copy-postgres-2`."""
        return f"{self.name}-{self.engine}" + (f"-{self.number}" if self.number > 1 else "")

    @property
    def title(self) -> str:
        """What a learner calls it: `exercise 02.1`, `02_first_migration`."""
        return self.name.replace(_EXERCISE, "exercise ")

    @property
    def typed(self) -> str:
        """The words after `lab reset`: `02.1`, `02_first_migration --engine postgres`.

        On Postgres they include the engine: the same lesson on SQLite is another workspace.
        """
        return (self.exercise or self.lesson) + (" --engine postgres" if self.engine == "postgres" else "")


@dataclass(frozen=True)
class Workspace:
    """A folder with the shop, its `.flaskenv`, and a database of its own."""

    folder: Path
    identity: Identity

    @property
    def lesson(self) -> Lesson:
        """The lesson to which it belongs."""
        return course.lesson(self.identity.lesson)

    @property
    def engine(self) -> Engine:
        """The engine of its database."""
        return engine_named(self.identity.engine)

    @property
    def title(self) -> str:
        """Its name for learners."""
        return self.identity.title

    @property
    def url(self) -> str:
        """The URL of its database, for SQLAlchemy in any process on this machine."""
        return self.engine.sqlalchemy_url(self.folder)


class Record(BaseModel):
    """The hidden file `.lab.json`, written last when a workspace is made.

    `template` is the key of its template; `files` and `database` are their signatures when it was made.
    """

    identity: Identity
    template: str
    files: str
    database: str


def read_record(folder: Path) -> Record | None:
    """None if the folder is not a complete workspace."""
    try:
        said = json.loads((folder / FILE_NAME).read_bytes())
        if "identity" not in said:
            said["identity"] = _from_older_record(said, folder.name)
        return Record.model_validate(said)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Write the record completely or not at all."""
    new = folder / f"{FILE_NAME}.new"
    new.write_text(record.model_dump_json(indent=2), encoding="utf-8")
    new.replace(folder / FILE_NAME)


def kept_names(folder_name: str, moment: str) -> Iterator[str]:
    """Possible names for a workspace's folder when it is kept aside, in the order to try them.

    Args:
        moment: as `KEPT_AT` formats it.
    """
    yield f"{folder_name}-{moment}"
    yield from (f"{folder_name}-{moment}-{number}" for number in itertools.count(2))


def kept_from(name: str) -> tuple[str, datetime] | None:
    """The name that a folder had before it was kept aside, and when that was; None for other names."""
    found = _KEPT.fullmatch(name)
    return (found["folder"], datetime.strptime(found["moment"], KEPT_AT)) if found else None


def exercise_in(typed: str) -> str | None:
    """The exercise that a learner means by `02.1` or `exercise-02.1`; None for a lesson."""
    exercise_id = typed.removeprefix(_EXERCISE)
    return exercise_id if "." in exercise_id else None


def parse(typed: str) -> tuple[Lesson, str | None]:
    """The lesson that a learner means by `02` or `02_first_migration`; for `02.1` the exercise, too.

    Raises:
        LabError: there is no such lesson or exercise.
    """
    exercise_id = exercise_in(typed)
    return (course.exercise(exercise_id)[0] if exercise_id else course.lesson(typed)), exercise_id


def named(name: str, engine: EngineName) -> Identity | None:
    """The shop with this `name`; None for other text. Does not check that the course has its lesson."""
    return _from_folder_name(f"{name}-{engine}")


def how_to_reset(folder: Path) -> str:
    """The command that resets a workspace's folder. Without a record, the folder's name identifies the shop."""
    record = read_record(folder)
    found = record.identity if record else _from_folder_name(folder.name)
    return f"`lab reset {found.typed}`" if found else "`lab reset` with the lesson's number"


def _from_older_record(said: Mapping[str, Any], folder_name: str) -> Identity:
    """The identity in an older record, which has a name, a lesson and a scene instead."""
    found = _from_folder_name(f"{said['name']}-{said['engine']}")
    if found is None:
        raise ValueError(f"{said['name']!r} is not the name of a workspace")
    place = _from_folder_name(folder_name)
    return replace(found, lesson=said["lesson"], scene=said["scene"], number=place.number if place else 1)


def _from_folder_name(name: str) -> Identity | None:
    """Parse a folder's name. For an exercise, the lesson is its number, not its slug, and the scene is unknown."""
    was_kept = kept_from(name)
    found = _NAME.fullmatch(was_kept[0] if was_kept else name)
    if found is None:
        return None
    return Identity(
        lesson=found["lesson"] or found["exercise"][:2],
        engine="postgres" if found["engine"] == "postgres" else "sqlite",
        exercise=found["exercise"],
        scene=found["scene"],
        copy=len(found["copies"]) // len(_COPY),
        number=int(found["number"] or 1),
    )
