"""The progress file: one plain JSON file in `my_work/`, shared by all notebooks and the command line."""

import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from migration_lab.ground.errors import LabError
from migration_lab.ground.places import my_work
from migration_lab.teaching.quiz import Record

LOCK_SECONDS = 10.0
MADE_BY_TOOLS = {"__pycache__", ".git", ".ipynb_checkpoints", ".pytest_cache"}


class Kept(BaseModel):
    """Keeps fields that a newer course has added when the file is written again."""

    model_config = ConfigDict(extra="allow")


class ExerciseRecord(Kept):
    """One exercise: how often it was checked, how many checks were real attempts, whether one ever passed.

    A *real try* is a check of a workspace that differs from the one checked before.
    """

    checks: int = 0
    tries: int = 0
    failed_tries: int = 0
    passed: bool = False
    hints: int = 0
    last_try: str = ""


class Progress(Kept):
    """Everything in the file."""

    version: int = 1
    exercises: dict[str, ExerciseRecord] = Field(default_factory=dict)
    quiz: dict[str, Record] = Field(default_factory=dict)
    notice: str | None = Field(default=None, exclude=True)
    """A message for the learner, such as that the earlier file could not be read."""

    def exercise(self, exercise_id: str) -> ExerciseRecord:
        """The exercise's record, empty if it has not been begun."""
        return self.exercises.get(exercise_id, ExerciseRecord())


def path() -> Path:
    """Where the file is."""
    return my_work() / "progress.json"


def load() -> Progress:
    """Read the file. One that cannot be read is renamed, and `notice` says so.

    Raises:
        LabError: the folder cannot be written, or another process holds the file for too long.
    """
    return _locked(lambda progress: None, write=False)


def record_check(exercise_id: str, *, passed: bool, fingerprint: str | None) -> Progress:
    """Count a check; `fingerprint` (see `fingerprint`) shows whether it was a real attempt.

    It is None for an untouched workspace, whose check is not an attempt.
    """

    def edit(progress: Progress) -> None:
        record = progress.exercises.setdefault(exercise_id, ExerciseRecord())
        record.checks += 1
        if fingerprint not in (None, record.last_try):
            record.tries += 1
            record.failed_tries += not passed
            record.last_try = fingerprint
        record.passed = record.passed or passed

    return _locked(edit)


def record_hint(exercise_id: str, step: int) -> Progress:
    """Record that hint 1, 2 or 3 was read. Hints read after the exercise was passed do not count."""

    def edit(progress: Progress) -> None:
        record = progress.exercises.setdefault(exercise_id, ExerciseRecord())
        if not record.passed:
            record.hints = max(record.hints, step)

    return _locked(edit)


def record_quiz(question_id: str, record: Record) -> Progress:
    """Store a learner's state at a question."""
    return _locked(lambda progress: progress.quiz.update({question_id: record}))


def forget(exercises: Collection[str], questions: Collection[str]) -> Path | None:
    """Reset the progress of these; that of all others is kept.

    Returns:
        Where the earlier file is kept; None when there was nothing to forget.
    """
    known = load()
    if known.exercises.keys().isdisjoint(exercises) and known.quiz.keys().isdisjoint(questions):
        return None
    kept = _aside("before")

    def edit(progress: Progress) -> None:
        shutil.copyfile(path(), kept)
        for exercise_id in exercises:
            progress.exercises.pop(exercise_id, None)
        for question_id in questions:
            progress.quiz.pop(question_id, None)

    _locked(edit)
    return kept


def fingerprint(folder: Path, *more: str) -> str:
    """A text that changes when a workspace changes.

    Args:
        folder: the workspace; all its files count (also a SQLite database), except what tools leave there.
        more: anything else that counts, such as the schema of a database that is not in the folder.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not MADE_BY_TOOLS.intersection(name.parts):
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    for text in more:
        digest.update(b"\1" + text.encode())
    return digest.hexdigest()[:16]


def _locked(edit: Callable[[Progress], None], *, write: bool = True) -> Progress:
    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(".progress.lock"), timeout=LOCK_SECONDS):
            progress = _read(file)
            edit(progress)
            if write:
                _write(file, progress)
            return progress
    except Timeout as error:
        raise LabError(
            "Another notebook is using your progress file.", "Wait a moment and try again, or restart the other kernel."
        ) from error
    except OSError as error:
        raise LabError(
            f"Your progress cannot be saved: {error.strerror or error}.",
            "Make room on the disk and make the folder my_work writable, then try again.",
        ) from error


def _read(file: Path) -> Progress:
    try:
        return Progress.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Progress()
    except ValidationError:
        aside = _aside("unreadable")
        file.replace(aside)
        return Progress(
            notice=f"Your progress file could not be read. It is kept as my_work/{aside.name}, and a new one is begun."
        )


def _aside(why: str) -> Path:
    """A free name beside the file."""
    return path().with_name(f"progress-{why}-{datetime.now():%Y%m%d-%H%M%S-%f}.json")


def _write(file: Path, progress: Progress) -> None:
    # A reader, or a power cut, must never leave half a file: write beside it, then replace.
    beside = file.with_name(".progress.new")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(progress.model_dump_json(indent=2) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
