"""Which workspace a learner means: by a lesson, by an exercise, by its whole name, or the one opened last."""

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
        asked: what the learner asks for here and now, if anything.
        usual: what is used unless it is an exercise that is not for it; that one's own first engine is used then.

    Raises:
        LabError: the exercise is not for the engine that was asked for, or there is no such engine.
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
    """What `02` or `02.1` means, as for `opened_last`; or the whole name of a workspace that is there.

    Args:
        target: `02`, `02_first_migration`, `02.1`, `14_drift_and_stamping-restored_snapshot`.
    """
    whole = named(target, engine.name)
    record = read_record(folder_of(whole)) if whole else None
    return record.identity if record else opened_last(target, engine)


def opened_last(target: str, engine: Engine) -> Identity:
    """The workspace of an exercise (`02.1`); of a lesson's (`02`) the one opened last, else the one at its start.

    Raises:
        LabError: there is no such lesson or exercise.
    """
    lesson, exercise_id = parse(target)
    if exercise_id:
        return Identity.of_exercise(exercise_id, engine.name)
    found = [each for each in _of_lesson(lesson.slug) if each.engine == engine.name]
    return found[-1].first if found else Identity(lesson.slug, engine.name)


def others(than: Identity) -> list[Identity]:
    """The other workspaces of a lesson, copies left out; none for those of an exercise."""
    if than.exercise:
        return []
    found = {each.first for each in _of_lesson(than.lesson) if each != than}
    return sorted(found, key=lambda each: (each.name, each.engine))


def opened() -> list[Identity]:
    """All workspaces but copies, the one opened last at the end."""
    found = []
    for path in shops().glob(f"*/{FILE_NAME}"):
        with suppress(FileNotFoundError):  # another process is just making that one afresh
            record, moment = read_record(path.parent), opened_at(path.parent)
            if record and not record.identity.copy:
                found.append((moment, record.identity))
    return [identity for _, identity in sorted(found, key=lambda each: each[0])]


def opened_at(folder: Path) -> int:
    """When a workspace was opened, as a number that grows."""
    return (folder / FILE_NAME).stat().st_mtime_ns


def _of_lesson(slug: str) -> list[Identity]:
    """Those of a lesson itself, and not of its exercises."""
    return [each for each in opened() if each.lesson == slug and not each.exercise]
