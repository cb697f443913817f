"""Workspaces: a learner's copies of the shop, opened in well under a second and never lost when they hold work."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from migration_lab.ground import course
from migration_lab.ground.course import Lesson
from migration_lab.ground.engines import Engine
from migration_lab.ground.engines import engine as engine_named
from migration_lab.ground.errors import LabError, reason
from migration_lab.ground.layers import files_in
from migration_lab.shops import kept
from migration_lab.shops.flask_command import lesson_in
from migration_lab.shops.leases import candidates, held, hold, shops, take
from migration_lab.shops.origin import (
    FILE_NAME,
    LOST,
    NOT_WORK,
    Record,
    database_sign,
    files_sign,
    is_untouched,
    read_record,
    write_record,
)
from migration_lab.shops.scenes import write_flaskenv
from migration_lab.shops.templates import Template, template_at

_log = logging.getLogger(__name__)
COPY = "-copy"
_signs_of_clones: dict[str, str] = {}  # by the template's key


@dataclass(frozen=True)
class Workspace:
    """A folder with the shop, its `.flaskenv`, and a database of its own. `title` is what a learner calls it."""

    folder: Path
    lesson: Lesson
    engine: Engine
    title: str

    @property
    def url(self) -> str:
        """Its database, for SQLAlchemy in any process on this machine."""
        return self.engine.sqlalchemy_url(self.folder)


@dataclass(frozen=True)
class Opened:
    """A workspace as it starts.

    `kept`: where the earlier one is now, because it held work. `dropped`: the oldest kept one, removed for it.
    `goes_on`: whether it holds earlier work.
    """

    workspace: Workspace
    kept: Path | None = None
    dropped: Path | None = None
    goes_on: bool = False

    @property
    def is_second(self) -> bool:
        """Whether another process holds the workspace of that name, so that this is one more."""
        return not self.workspace.folder.name.endswith(self.workspace.engine.name)


def open_lesson(lesson: Lesson, engine: Engine, scene: str | None = None) -> Opened:
    """Open a lesson's workspace at its start, or at one of its scenes. Other errors: as `open_workspace`."""
    with engine.at_once():
        template = template_at(lesson, scene, engine)
        return open_workspace(f"{lesson.slug}-{scene}" if scene else lesson.slug, template, lesson, scene=scene)


def open_exercise(exercise_id: str, engine: Engine, *, fresh: bool = False) -> Opened:
    """Open an exercise's workspace: with the work that is in it, or at its start where there is none.

    Args:
        fresh: open it at its start in any case.
    """
    lesson, exercise = course.exercise(exercise_id)
    scene = exercise.scene
    if not fresh:
        folder = take(f"exercise-{exercise_id}-{engine.name}")
        if _can_go_on(folder, engine):
            return Opened(_workspace(folder, f"exercise-{exercise_id}", engine), goes_on=True)
    with engine.at_once():
        template = template_at(lesson, scene, engine)
        return open_workspace(f"exercise-{exercise_id}", template, lesson, scene=scene)


def engine_for(exercise_id: str, *, asked: str | None, usual: str) -> Engine:
    """The engine on which to open an exercise.

    Args:
        asked: what the learner asks for here and now, if anything.
        usual: what is used where the exercise is for it; where it is not, the exercise's own first engine is.

    Raises:
        LabError: the exercise is not for the engine that was asked for, or there is no such engine.
    """
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


def open_workspace(
    name: str, template: Template, lesson: Lesson, *, scene: str | None = None, leased: bool = True
) -> Opened:
    """Make a workspace from a template, in place of the earlier one of that name.

    An earlier one that holds work is moved to `shops/kept/`, with its database. When another process has the same
    workspace open, this one gets `<name>-<engine>-2`, and so on.

    Args:
        name: `02_first_migration` or `exercise-02.1`; the engine's name is added.
        scene: recorded, so that a reset starts at the same scene.
        leased: whether this process holds the workspace from now on; a reset from outside does not.

    Raises:
        LabError: more processes than there are places have it open, or the folder cannot be written.
    """
    folder = take(f"{name}-{template.engine.name}") if leased else shops() / f"{name}-{template.engine.name}"
    try:
        if folder.is_symlink():  # what it leads to is not ours to empty
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        aside, dropped = _clear(folder, template)
        shutil.copytree(template.files, folder, dirs_exist_ok=True)
        write_flaskenv(folder, template.engine)
        template.engine.clone(template.key, folder)
        record = Record(
            name=name,
            lesson=lesson.slug,
            engine=template.engine.name,
            template=template.key,
            scene=scene,
            files=files_sign(folder),
            database=_sign_of_clone(template, folder),
        )
        write_record(folder, record)
    except OSError as error:
        raise LabError(
            f"The folder {folder.name} cannot be written: {reason(error)}.",
            f"Check the free space, and that {folder.parent} and everything in it is yours.",
        ) from error
    return Opened(Workspace(folder, lesson, template.engine, title_of(name)), aside, dropped)


def _sign_of_clone(template: Template, folder: Path) -> str:
    """The sign of a database that nobody has used; on Postgres all clones have the same, and asking costs a session."""
    if template.engine.name == "sqlite":
        return database_sign(template.engine, folder)
    known = _signs_of_clones.get(template.key, LOST)
    if known == LOST:  # not asked yet, or the server was away for a moment
        known = _signs_of_clones[template.key] = database_sign(template.engine, folder)
    return known


def copy_workspace(workspace: Workspace, engine: Engine, *, empty: bool) -> Workspace:
    """A second workspace with the same files, and a database that is empty or as at the start of the first.

    It is a workspace like any other, called `<name>-copy`: it can be reset, and is kept when it holds work.
    """
    record = read_record(workspace.folder)
    if record is None:
        raise _damaged(workspace.folder, workspace.title)
    template = template_at(workspace.lesson, record.scene, engine)
    copied = open_workspace(record.name + COPY, template, workspace.lesson, scene=record.scene).workspace
    not_copied = NOT_WORK | {".git"}
    own = {Path(FILE_NAME), Path(".flaskenv")}
    theirs = {path.relative_to(workspace.folder) for path in files_in(workspace.folder, not_copied)} - own
    for deleted in {path.relative_to(copied.folder) for path in files_in(copied.folder, not_copied)} - theirs - own:
        (copied.folder / deleted).unlink()
    for relative in theirs:
        (copied.folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(workspace.folder / relative, copied.folder / relative)
    repository = workspace.folder / ".git"
    if repository.is_dir():  # as a whole: git takes one without its empty folders for none
        shutil.copytree(repository, copied.folder / ".git", dirs_exist_ok=True)
    if empty:
        engine.create(copied.folder)
    return copied


def resume(name: str, engine: Engine) -> Workspace:
    """Take up a workspace as it was left, and hold it.

    Raises:
        LabError: there is none, it is damaged, or another process has it open.
    """
    for folder in candidates(f"{name}-{engine.name}"):
        if folder.exists() and hold(f"{name}-{engine.name}", folder):
            return _workspace(folder, name, engine)
    raise _open_elsewhere(find(name, engine))


def take_up(folder: Path) -> Workspace | None:
    """The workspace in a folder, held from now on; None where there is none, or none that was made to the end.

    Raises:
        LabError: another process has it open.
    """
    record = read_record(folder)
    if record is None:
        return None
    found = _workspace(folder, record.name, engine_named(record.engine))
    if not hold(f"{record.name}-{record.engine}", folder):
        raise _open_elsewhere(found)
    return found


def find(name: str, engine: Engine) -> Workspace:
    """The workspace of that name: this process's own if it has one open, else the one opened last.

    Raises:
        LabError: there is none, or it is damaged.
    """
    own = held(f"{name}-{engine.name}")
    if own is not None:
        return _workspace(own, name, engine)
    found = [folder for folder in candidates(f"{name}-{engine.name}") if folder.exists()]
    whole = [folder for folder in found if read_record(folder) is not None]
    if whole:
        return _workspace(max(whole, key=lambda each: (each / FILE_NAME).stat().st_mtime), name, engine)
    return _workspace(found[0] if found else shops() / f"{name}-{engine.name}", name, engine)


def reset(target: str, engine: Engine) -> Opened:
    """Start a workspace afresh, from outside a notebook, at the scene that it was opened with.

    Args:
        target: a lesson (`02`, `02_first_migration`) or an exercise (`02.1`).
    """
    if "." in target:
        lesson, exercise = course.exercise(target)
        name, scene = f"exercise-{target}", exercise.scene
    else:
        lesson = course.lesson(target)
        name, scene = _opened_last(lesson, engine)
    template = template_at(lesson, scene, engine)
    return open_workspace(name, template, lesson, scene=scene, leased=held(f"{name}-{engine.name}") is not None)


def restore(asked: str, *, leased: bool = True) -> Opened:
    """Bring work that was kept aside back to its place; what is there now is kept aside, if it holds work.

    Args:
        asked: its name in `shops/kept/`; or a lesson (`02`) or an exercise (`02.1`), for the newest that is kept of it.
        leased: as for `open_workspace`.

    Raises:
        LabError: nothing of that name is kept, or the folder cannot be written.
    """
    found = kept.find(asked)
    name, engine = found.record.name, found.engine
    lesson = course.lesson(found.record.lesson)
    folder = take(f"{name}-{engine.name}") if leased else shops() / f"{name}-{engine.name}"
    aside = None
    try:
        if folder.exists() and any(folder.iterdir()) and not is_untouched(folder, engine):
            aside = kept.keep(folder, engine)
        elif folder.exists():
            engine.drop(folder)
            shutil.rmtree(folder)
        try:
            kept.move(found.folder, folder, engine)
        except BaseException:
            if aside is not None:
                kept.move(aside, folder, engine)
            raise
    except OSError as error:
        raise LabError(
            f"{found.name} cannot be moved back: {reason(error)}.",
            f"Check that {folder.parent} and everything in it is yours.",
        ) from error
    return Opened(Workspace(folder, lesson, engine, title_of(name)), aside, goes_on=True)


def name_of(target: str, engine: Engine) -> str:
    """The name of the workspace that `02` or `02.1` means: for a lesson, the one of its workspaces opened last.

    The whole name of a workspace that is there, `14_drift_and_stamping-restored_snapshot`, means that one.
    """
    if read_record(shops() / f"{target}-{engine.name}") is not None:
        return target
    if "." not in target:
        return _opened_last(course.lesson(target), engine)[0]
    exercise_id = target.removeprefix("exercise-")
    course.exercise(exercise_id)
    return f"exercise-{exercise_id}"


def others(workspace: Workspace) -> list[tuple[str, str]]:
    """Name and engine of the other workspaces of a lesson, copies left out; none for those of an exercise."""
    found = set()
    for folder in shops().glob(f"{workspace.lesson.slug}*"):
        record = read_record(folder)
        if record and folder != workspace.folder and not record.name.endswith(COPY):
            found.add((record.name, record.engine))
    return sorted(found) if workspace.folder.name.startswith(workspace.lesson.slug) else []


def _opened_last(lesson: Lesson, engine: Engine) -> tuple[str, str | None]:
    """The name and scene of the lesson's workspace that was opened last; at first, of its start without a scene."""
    found = []
    for folder in shops().glob(f"{lesson.slug}*"):
        record = read_record(folder)
        if record and record.engine == engine.name and not record.name.endswith(COPY):
            found.append(((folder / FILE_NAME).stat().st_mtime_ns, record.name, record.scene))
    return max(found, default=(0, lesson.slug, None))[1:]


def title_of(name: str) -> str:
    """`exercise-02.1` as a learner says it: `exercise 02.1`."""
    return name.replace("exercise-", "exercise ")


# ------------------------------------------------------------------------------------------- what was there before


def _clear(folder: Path, template: Template) -> tuple[Path | None, Path | None]:
    """Empty the folder; what holds work is moved aside with its database first."""
    if _holds_work(folder, template):
        aside = kept.keep(folder, template.engine)
        folder.mkdir()
        return aside, kept.drop_oldest(folder.name, template.engine)
    # In place: terminals and editors that are in this folder stay in it. The record goes first and comes last.
    (folder / FILE_NAME).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return None, None


def _can_go_on(folder: Path, engine: Engine) -> bool:
    """Whether there is work in a folder, with its database; without that, what is left of it is kept aside."""
    record = read_record(folder)
    if record is None:
        return False
    sign = database_sign(engine, folder)
    is_gone = sign == LOST != record.database
    return not is_gone and (record.files, record.database) != (files_sign(folder), sign)


def _holds_work(folder: Path, template: Template) -> bool:
    """Whether anything in a folder or its database is the learner's; when in doubt, yes."""
    record = read_record(folder)
    if record is None:
        # Half-written: nothing but files of a template, perhaps not all of them, and no database, which comes later.
        # A database beside files may hold rows of the learner's; in an empty folder it is left from a deleted one.
        return files_sign(folder, only_if_not_in=template.files) != "" or (
            any(folder.iterdir()) and database_sign(template.engine, folder) != LOST
        )
    if record.files != files_sign(folder):
        _log.info("%s holds work: its files have changed", folder.name)
        return True
    sign = database_sign(template.engine, folder)
    if record.database != sign:
        _log.info("%s holds work: the sign of its database was %s and is %s", folder.name, record.database, sign)
    return record.database != sign


def _workspace(folder: Path, name: str, engine: Engine) -> Workspace:
    record = read_record(folder)
    if record is None:
        raise _damaged(folder, title_of(name))
    return Workspace(folder, course.lesson(record.lesson), engine, title_of(name))


def _open_elsewhere(workspace: Workspace) -> LabError:
    return LabError(
        f"{workspace.title} is open in another notebook.", "Shut that notebook's kernel down, then run this cell again."
    )


def _damaged(folder: Path, title: str) -> LabError:
    word, what = ("reset", "is incomplete: opening it was interrupted") if folder.is_dir() else ("open", "is not there")
    return LabError(
        f"The folder of {title} ({folder.name}) {what}.",
        f"Run `lab {word} {lesson_in(folder.name)}`, or the notebook's cell that opens it.",
    )
