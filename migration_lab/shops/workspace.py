"""Workspaces: a learner's copies of the shop, opened in well under a second, and never lost if they hold work."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from migration_lab.ground import course
from migration_lab.ground.course import Lesson
from migration_lab.ground.engines import Engine
from migration_lab.ground.engines import engine as engine_named
from migration_lab.ground.errors import LabError, cure, reason
from migration_lab.ground.layers import files_in
from migration_lab.shops import kept
from migration_lab.shops.finding import opened_at, opened_last
from migration_lab.shops.identity import FILE_NAME, Identity, Record, Workspace, read_record, write_record
from migration_lab.shops.leases import candidates, folder_of, held, hold, take
from migration_lab.shops.origin import LOST, NOT_WORK, database_sign, files_sign, is_untouched
from migration_lab.shops.scenes import write_flaskenv
from migration_lab.shops.templates import Template, template_at

_log = logging.getLogger(__name__)
_signs_of_clones: dict[str, str] = {}  # by the template's key


@dataclass(frozen=True)
class Opened:
    """A workspace as it starts.

    `kept`: where the earlier workspace is now, if it held work. `dropped`: the oldest kept one, removed to make room.
    `goes_on`: whether it holds earlier work.
    """

    workspace: Workspace
    kept: Path | None = None
    dropped: Path | None = None
    goes_on: bool = False

    @property
    def is_second(self) -> bool:
        """Whether another process holds the workspace of that name, so that this is an additional one."""
        return self.workspace.identity.number > 1


def open_lesson(lesson: Lesson, engine: Engine, scene: str | None = None) -> Opened:
    """Open a lesson's workspace at its start, or at one of its scenes. Other errors: as `open_workspace`."""
    with engine.at_once():
        return open_workspace(Identity(lesson.slug, engine.name, scene=scene))


def open_exercise(exercise_id: str, engine: Engine, *, fresh: bool = False) -> Opened:
    """Open an exercise's workspace: with the work in it, or at its start if it has none.

    Args:
        fresh: open it at its start in any case.
    """
    identity = Identity.of_exercise(exercise_id, engine.name)
    if not fresh:
        identity = take(identity)
        if _can_go_on(folder_of(identity), engine):
            return Opened(_workspace(identity), goes_on=True)
    with engine.at_once():
        return open_workspace(identity)


def open_workspace(identity: Identity, *, leased: bool = True) -> Opened:
    """Create a workspace from its template, in place of the earlier one.

    An earlier one that holds work is moved to `shops/kept/`, with its database. If another process has the same
    workspace open, this one gets the next number.

    Args:
        leased: whether this process holds the workspace from now on; a reset from outside does not.

    Raises:
        LabError: too many processes have it open, or the folder cannot be written.
    """
    template = template_at(course.lesson(identity.lesson), identity.scene, engine_named(identity.engine))
    identity = take(identity) if leased else identity.first
    folder = folder_of(identity)
    try:
        if folder.is_symlink():  # its target is not ours to empty
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        aside, dropped = _clear(folder, template)
        shutil.copytree(template.files, folder, dirs_exist_ok=True)
        write_flaskenv(folder, template.engine)
        template.engine.clone(template.key, folder)
        database = _sign_of_clone(template, folder)
        write_record(
            folder, Record(identity=identity, template=template.key, files=files_sign(folder), database=database)
        )
    except OSError as error:
        raise LabError(
            f"The folder {folder.name} cannot be written: {reason(error)}.",
            cure(error, f"Check the free space, and that {folder.parent} and everything in it is yours."),
        ) from error
    return Opened(Workspace(folder, identity), aside, dropped)


def _sign_of_clone(template: Template, folder: Path) -> str:
    """The signature of an unused database. On Postgres all clones have the same one, and reading it costs a session."""
    if template.engine.name == "sqlite":
        return database_sign(template.engine, folder)
    known = _signs_of_clones.get(template.key, LOST)
    if known == LOST:  # not read yet, or the server did not answer
        known = _signs_of_clones[template.key] = database_sign(template.engine, folder)
    return known


def copy_workspace(workspace: Workspace, engine: Engine, *, empty: bool) -> Workspace:
    """A second workspace with the same files, and a database that is empty or as at the start of the first.

    It is a workspace like any other: it can be reset, and is kept if it holds work.
    """
    if read_record(workspace.folder) is None:
        raise _damaged(workspace.identity)
    identity = replace(workspace.identity, engine=engine.name, copy=workspace.identity.copy + 1)
    copied = open_workspace(identity).workspace
    not_copied = NOT_WORK | {".git"}
    own = {Path(FILE_NAME), Path(".flaskenv")}
    theirs = {path.relative_to(workspace.folder) for path in files_in(workspace.folder, not_copied)} - own
    for deleted in {path.relative_to(copied.folder) for path in files_in(copied.folder, not_copied)} - theirs - own:
        (copied.folder / deleted).unlink()
    for relative in theirs:
        (copied.folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(workspace.folder / relative, copied.folder / relative)
    repository = workspace.folder / ".git"
    if repository.is_dir():  # all of it: git does not recognize a repository without its empty folders
        shutil.copytree(repository, copied.folder / ".git", dirs_exist_ok=True)
    if empty:
        engine.create(copied.folder)
    return copied


def resume(identity: Identity) -> Workspace:
    """Continue in a workspace as it was left, and hold it.

    Raises:
        LabError: it does not exist, it is damaged, or another process has it open.
    """
    for each in candidates(identity):
        if folder_of(each).exists() and hold(each):
            return _workspace(each)
    raise _open_elsewhere(find(identity))


def take_up(folder: Path) -> Workspace | None:
    """The workspace in a folder, held from now on; None if there is no complete one.

    Raises:
        LabError: another process has it open.
    """
    record = read_record(folder)
    if record is None:
        return None
    found = Workspace(folder, record.identity)
    if not hold(record.identity):
        raise _open_elsewhere(found)
    return found


def find(identity: Identity) -> Workspace:
    """The workspace itself: this process's own if it has one open, otherwise the last opened.

    Raises:
        LabError: it does not exist, or it is damaged.
    """
    own = held(identity)
    if own is not None:
        return _workspace(own)
    found = [each for each in candidates(identity) if folder_of(each).exists()]
    whole = [each for each in found if read_record(folder_of(each)) is not None]
    if whole:
        return _workspace(max(whole, key=lambda each: opened_at(folder_of(each))))
    return _workspace(found[0] if found else identity.first)


def reset(target: str, engine: Engine) -> Opened:
    """Reset a workspace from outside a notebook, to the scene that it was opened with.

    Args:
        target: a lesson (`02`, `02_first_migration`) or an exercise (`02.1`).
    """
    identity = opened_last(target, engine)
    return open_workspace(identity, leased=held(identity) is not None)


def restore(asked: str, *, leased: bool = True) -> Opened:
    """Move work that was kept aside back to its place; the workspace there now is kept aside if it holds work.

    Args:
        asked: its name in `shops/kept/`; or a lesson (`02`) or an exercise (`02.1`), for its newest kept work.
        leased: as for `open_workspace`.

    Raises:
        LabError: nothing of that name is kept, or the folder cannot be written.
    """
    found = kept.find(asked)
    engine = found.engine
    identity = take(found.identity) if leased else found.identity.first
    folder, aside = folder_of(identity), None
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
        record = read_record(folder)
        if record and record.identity != identity:  # it may have had another number
            write_record(folder, record.model_copy(update={"identity": identity}))
    except OSError as error:
        raise LabError(
            f"{found.name} cannot be moved back: {reason(error)}.",
            f"Check that {folder.parent} and everything in it is yours.",
        ) from error
    return Opened(Workspace(folder, identity), aside, goes_on=True)


# ------------------------------------------------------------------------------------------- what was there before


def _clear(folder: Path, template: Template) -> tuple[Path | None, Path | None]:
    """Empty the folder; if it holds work, it is first moved aside with its database."""
    if _holds_work(folder, template):
        aside = kept.keep(folder, template.engine)
        folder.mkdir()
        return aside, kept.drop_oldest(folder.name, template.engine)
    # In place: terminals and editors in this folder stay in it. The record is deleted first and written last.
    (folder / FILE_NAME).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return None, None


def _can_go_on(folder: Path, engine: Engine) -> bool:
    """Whether a folder holds work and still has its database; without the database, the rest is kept aside."""
    record = read_record(folder)
    if record is None:
        return False
    sign = database_sign(engine, folder)
    is_gone = sign == LOST != record.database
    return not is_gone and (record.files, record.database) != (files_sign(folder), sign)


def _holds_work(folder: Path, template: Template) -> bool:
    """Whether a folder or its database holds anything of the learner's; if in doubt, yes."""
    record = read_record(folder)
    if record is None:
        # Half-written: only files of a template, perhaps not all of them, and no database, which is created later.
        # A database beside files may hold the learner's rows; in an empty folder it is left from a deleted workspace.
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


def _workspace(identity: Identity) -> Workspace:
    """The workspace in its folder, with the scene that it was opened with."""
    record = read_record(folder_of(identity))
    if record is None:
        raise _damaged(identity)
    return Workspace(folder_of(identity), replace(record.identity, number=identity.number))


def _open_elsewhere(workspace: Workspace) -> LabError:
    return LabError(
        f"{workspace.title} is open in another notebook.", "Shut that notebook's kernel down, then run this cell again."
    )


def _damaged(identity: Identity) -> LabError:
    folder = folder_of(identity)
    word, what = ("reset", "is incomplete: opening it was interrupted") if folder.is_dir() else ("open", "is not there")
    return LabError(
        f"The folder of {identity.title} ({folder.name}) {what}.",
        f"Run `lab {word} {identity.typed}`, or the notebook's cell that opens it.",
    )
