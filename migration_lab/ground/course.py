"""The manifest: which lessons and exercises exist, and what is said of each."""

import fnmatch
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from migration_lab.ground.authored import as_model, read_yaml, state_of
from migration_lab.ground.errors import LabError, meant
from migration_lab.ground.places import course_root

EngineName = Literal["sqlite", "postgres"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Minutes(Strict):
    """How long a lesson takes. `running` is the measured time of its cells; `reading` is everything else."""

    reading: int
    running: int


class Part(Strict):
    """A part of a lesson that can be done on another day. `section` is the first heading of the part."""

    title: str
    section: str
    minutes: Minutes


class Hints(Strict):
    """The first two of an exercise's three hints; the third is its solution."""

    question: str
    pointer: str


class Exercise(Strict):
    """One ticket. `scene` names a scene of the lesson; without one it starts where the lesson starts."""

    title: str
    engines: tuple[EngineName, ...]
    scene: str | None = None
    hints: Hints


class Manifest(Strict):
    """The content of `lesson.yaml`. The minutes of a lesson in parts are their sum, and are not in the file.

    Attributes:
        leaves: the revision at which the lesson leaves the shop's database; None if it adds no revision.
        scenes: for scenes that start where another lesson does, by name: that lesson's number.
    """

    title: str
    summary: str
    delivers: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    engines: tuple[EngineName, ...] = ("sqlite", "postgres")
    needs: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    minutes: Minutes | None = Field(default=None, validate_default=True)
    leaves: str | None = None
    scenes: dict[str, str] = Field(default_factory=dict)
    exercises: dict[str, Exercise] = Field(default_factory=dict)

    @field_validator("minutes")
    @classmethod
    def _sum_of_parts(cls, minutes: Minutes | None, info: ValidationInfo) -> Minutes | None:
        parts: tuple[Part, ...] = info.data.get("parts", ())
        if not parts:
            return minutes
        if minutes is not None:
            raise ValueError("leave it out where there are `parts`; it is their sum")
        return Minutes(
            reading=sum(part.minutes.reading for part in parts), running=sum(part.minutes.running for part in parts)
        )


class Lesson(Strict):
    """A lesson's folder and manifest."""

    folder: Path
    manifest: Manifest

    @property
    def slug(self) -> str:
        """The folder's name, `02_first_migration`: part of every file name that belongs to the lesson."""
        return self.folder.name

    @property
    def number(self) -> str:
        """Two digits, as text: `02`."""
        return self.slug[:2]

    @property
    def exercises_file(self) -> str:
        """The name of its notebook in `exercises/`; not the lesson's, because tabs of JupyterLab show only names."""
        return f"{self.number}_exercises.ipynb"

    @property
    def is_written(self) -> bool:
        """Whether the lesson is written; otherwise there is only what it leaves."""
        return (self.folder / "lesson.md").exists()

    @property
    def planned(self) -> str:
        """The message for opening it before it is written; empty for a written lesson."""
        if self.is_written:
            return ""
        return f"Lesson {self.number} is planned: it has no notebook yet. This is the shop as the lesson will find it."


class InTheRoom(Strict):
    """What a workshop does of a lesson: its exercises, and all of its sections or those before a heading."""

    exercises: tuple[str, ...] = ()
    until: str | None = None


class Track(Strict):
    """Lessons for a workshop, in order, each with what is done of it in the room."""

    name: str
    title: str
    summary: str
    lessons: dict[str, InTheRoom]

    def with_lessons(self) -> list[tuple[Lesson, InTheRoom]]:
        """The same, with the lessons themselves.

        Raises:
            LabError: there is no such lesson, or a written one has no such exercise.
        """
        found = [(lesson(slug), chosen) for slug, chosen in self.lessons.items()]
        for each, chosen in found:
            if not each.is_written:
                continue
            for name in chosen.exercises:
                if name not in each.manifest.exercises:
                    raise LabError(f"The track {self.name} names exercise {name}.", "Correct lessons/tracks.yaml.")
        return found


def lessons() -> tuple[Lesson, ...]:
    """All lessons in the order of the course, planned ones included. A manifest is read again when it has changed.

    Raises:
        LabError: a manifest cannot be read; it names the file and the field.
    """
    folder = os.path.join(course_root(), "lessons")  # noqa: PTH118  # asked often, and pathlib takes six times as long
    found = []
    for name in sorted(fnmatch.filter(os.listdir(folder), "[0-9][0-9]_*")):  # noqa: PTH208
        manifest = os.path.join(folder, name, "lesson.yaml")  # noqa: PTH118
        with suppress(FileNotFoundError):
            found.append(_load(manifest, state_of(manifest)))
    return tuple(found)


def tracks() -> tuple[Track, ...]:
    """The tracks for workshops; empty in a course without lessons/tracks.yaml.

    Raises:
        LabError: the file cannot be read.
    """
    path = course_root() / "lessons" / "tracks.yaml"
    if not path.is_file():
        return ()
    said = read_yaml(path)
    if not isinstance(said, dict) or not all(isinstance(each, dict) for each in said.values()):
        raise LabError("lessons/tracks.yaml: it must hold tracks, each with its name.", "Correct it.")
    return tuple(as_model(Track, {"name": name, **each}, path) for name, each in said.items())


def lesson(slug: str) -> Lesson:
    """The lesson with this slug or number (`02_first_migration`, `02`, `2`)."""
    wanted = slug.zfill(2) if slug.isdigit() else slug
    for candidate in lessons():
        if wanted in (candidate.slug, candidate.number):
            return candidate
    names = [each.slug for each in lessons()]
    raise LabError(f"There is no lesson {slug!r}.", f"{meant(slug, names)}The lessons are {', '.join(names)}.")


def exercise(exercise_id: str) -> tuple[Lesson, Exercise]:
    """The exercise with this id (`02.1`), and its lesson."""
    for candidate in lessons():
        if exercise_id in candidate.manifest.exercises:
            return candidate, candidate.manifest.exercises[exercise_id]
    names = [name for each in lessons() for name in each.manifest.exercises]
    raise LabError(
        f"There is no exercise {exercise_id!r}.", f"{meant(exercise_id, names)}The exercises are {', '.join(names)}."
    )


@lru_cache(maxsize=256)
def _load(manifest: str, _state: object) -> Lesson:
    path = Path(manifest)
    return Lesson(folder=path.parent, manifest=as_model(Manifest, read_yaml(path), path))
