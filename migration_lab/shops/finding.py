"""Which workspace a learner means: by lesson, by exercise, by full name, or the last opened."""

from contextlib import suppress
from pathlib import Path

from migration_lab.ground import course
from migration_lab.ground.engines import Engine
from migration_lab.ground.engines import engine as engine_named
from migration_lab.ground.errors import LabError
from migration_lab.shops.identity import FILE_NAME, Identity, exercise_in, named, parse, read_record
from migration_lab.shops.leases import folder_of, shops


def engine_for(target: str, *, asked: str | None, usual: str) -> Engine:
    """The engine on which to open a lesson (`02`) or an exercise (`02.1`).

    Args:
        asked: the engine that the learner asks for in this call, if any.
        usual: the engine to use otherwise; an exercise that does not support it uses its own first engine.

    Raises:
        LabError: the exercise does not support the engine asked for, or there is no such engine.
    """
    exercise_id = exercise_in(target)
    if exercise_id is None:
        return engine_named(asked or usual)
    _, exercise = course.exercise(exercise_id)
    wanted = engine_named(asked or usual)
    if wanted.name in exercise.engines:
        return wanted
    if asked:
        raise LabError(
            f"Exercise {exercise_id} is not for {asked}.",
            f"Open it without an engine: it is for {exercise.engines[0]}.",
        )
    return engine_named(exercise.engines[0])


def meant(target: str, engine: Engine) -> Identity:
    """The workspace that `02` or `02.1` means, as in `opened_last`; or an existing one, by its full name.

    Args:
        target: `02`, `02_first_migration`, `02.1`, `14_drift_and_stamping-restored_snapshot`.
    """
    whole = named(target, engine.name)
    record = read_record(folder_of(whole)) if whole else None
    return record.identity if record else opened_last(target, engine)


def opened_last(target: str, engine: Engine) -> Identity:
    """The workspace of an exercise (`02.1`), or the last opened of a lesson (`02`); by default, the one at its start.

    Raises:
        LabError: there is no such lesson or exercise.
    """
    lesson, exercise_id = parse(target)
    if exercise_id:
        return Identity.of_exercise(exercise_id, engine.name)
    found = [each for each in _of_lesson(lesson.slug) if each.engine == engine.name]
    return found[-1].first if found else Identity(lesson.slug, engine.name)


def others(than: Identity) -> list[Identity]:
    """The other workspaces of a lesson, without copies; empty for an exercise."""
    if than.exercise:
        return []
    found = {each.first for each in _of_lesson(than.lesson) if each != than}
    return sorted(found, key=lambda each: (each.name, each.engine))


def opened() -> list[Identity]:
    """All workspaces except copies, the last opened at the end."""
    found = []
    for path in shops().glob(f"*/{FILE_NAME}"):
        with suppress(FileNotFoundError):  # another process is making that one again
            record, moment = read_record(path.parent), opened_at(path.parent)
            if record and not record.identity.copy:
                found.append((moment, record.identity))
    return [identity for _, identity in sorted(found, key=lambda each: each[0])]


def opened_at(folder: Path) -> int:
    """When a workspace was opened, as a number that increases."""
    return (folder / FILE_NAME).stat().st_mtime_ns


def _of_lesson(slug: str) -> list[Identity]:
    """The workspaces of a lesson itself, without those of its exercises."""
    return [each for each in opened() if each.lesson == slug and not each.exercise]
