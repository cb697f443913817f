"""Templates: each start of a lesson or scene, built once per engine and then cloned."""

import hashlib
import importlib.metadata
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from migration_lab.ground import course, places
from migration_lab.ground.course import Lesson
from migration_lab.ground.engines import Engine
from migration_lab.ground.errors import LabError, cure, reason
from migration_lab.ground.layers import NOT_INPUT, files_in
from migration_lab.ground.spine import folders_before, head_at
from migration_lab.shops.identity import Identity, Workspace
from migration_lab.shops.scenes import build_checkpoint, inputs, play, read_scene, scene_folder

RECIPE = "2"  # increase it when the building of templates changes
KEPT_DAYS = 30
KEPT_AT_MOST = 100
IN_USE_SECONDS = 3600.0  # since the last use; what takes a template is about to copy it, and holds no lock
BUILDING = ".building-"  # begins the name of a folder in which a template is being built
TRIES = 5  # for a template that other processes prune


@dataclass(frozen=True)
class Template:
    """A folder of files, without `.flaskenv`, and a database to clone: `engine.clone(key, folder)`.

    `key` is computed from all inputs, so that a changed course gets another template.
    """

    key: str
    files: Path
    engine: Engine


def template_at(lesson: Lesson, scene_name: str | None, engine: Engine) -> Template:
    """A scene of a lesson; by default the lesson's start. Errors: as `scene_template`."""
    return scene_template(lesson, scene_name, engine) if scene_name else checkpoint_template(lesson, engine)


def checkpoint_template(lesson: Lesson, engine: Engine) -> Template:
    """The shop at the start of a lesson; built now if necessary."""
    return _template(lesson, None, engine)


def scene_template(lesson: Lesson, scene_name: str, engine: Engine) -> Template:
    """A scene of a lesson, likewise.

    Raises:
        LabError: there is no such scene, or one of its steps did not go as it says.
    """
    if scene_name in lesson.manifest.scenes:
        return checkpoint_template(course.lesson(lesson.manifest.scenes[scene_name]), engine)
    folder = scene_folder(lesson, scene_name)
    start = read_scene(folder).start
    return _template(course.lesson(start) if start else lesson, folder, engine)


def variant(template: Template, recipe: str, change: Callable[[str], object]) -> Template:
    """A template with the same files and another database, made from it once.

    Args:
        recipe: describes what `change` does; another recipe makes another template.
        change: called with the URL of a clone of the template's database.
    """
    key = hashlib.sha256(f"{template.key} {recipe}".encode()).hexdigest()[:16]
    made = Template(key, template.files.with_name(f"{template.engine.name}-{key}"), template.engine)
    with filelock.FileLock(made.files.with_suffix(".lock")):
        if not _is_whole(made):
            folder = made.files.with_name(f"{BUILDING}{made.files.name}")
            shutil.rmtree(folder, ignore_errors=True)
            try:
                shutil.copytree(template.files, folder)
                template.engine.clone(template.key, folder)
                change(template.engine.sqlalchemy_url(folder))
                template.engine.save_template(folder, key)
                template.engine.drop(folder)
                for name in NOT_INPUT:
                    shutil.rmtree(folder / name, ignore_errors=True)
                shutil.rmtree(made.files, ignore_errors=True)
                folder.rename(made.files)
            finally:
                if folder.exists():
                    template.engine.drop(folder)
                    shutil.rmtree(folder, ignore_errors=True)
    os.utime(made.files)
    return made


def _template(lesson: Lesson, scene: Path | None, engine: Engine) -> Template:
    key = template_key(lesson, scene, engine)
    template = Template(key, places.templates() / f"{engine.name}-{key}", engine)
    try:
        for _ in range(TRIES):
            if not _is_whole(template):
                template.files.parent.mkdir(parents=True, exist_ok=True)
                with filelock.FileLock(template.files.with_suffix(".lock")):
                    if not _is_whole(template):  # another process may have built it
                        _build(template, lesson, scene)
                        _prune(template)
            with suppress(FileNotFoundError):  # another process has pruned it since
                os.utime(template.files)  # when it was last used
                return template
    except OSError as error:
        raise LabError(
            f"The shop of lesson {lesson.number} cannot be prepared in {places.cache()}: {reason(error)}.",
            cure(error, "Make room there, or set LAB_CACHE to a folder that you may write."),
        ) from error
    raise LabError(
        f"The shop of lesson {lesson.number} disappears from {places.templates()} as soon as it is prepared.",
        "Look for a program that empties that folder, or set LAB_CACHE to another one.",
    )


def _is_whole(template: Template) -> bool:
    return template.files.is_dir() and template.engine.has_template(template.key)


def _build(template: Template, lesson: Lesson, scene: Path | None) -> None:
    """Build in a temporary folder and rename at the end, so that a partial build is never mistaken for a template."""
    folder = template.files.with_name(f"{BUILDING}{template.files.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        template.engine.create(folder)
        shop = Workspace(folder, Identity(lesson.slug, template.engine.name, scene=scene.name if scene else None))
        build_checkpoint(lesson, shop)
        if scene is not None:
            play(scene, shop)
        template.engine.save_template(folder, template.key)
        template.engine.drop(folder)
        (folder / ".flaskenv").unlink()
        for name in NOT_INPUT:
            for path in list(folder.rglob(name)):
                shutil.rmtree(path)
        shutil.rmtree(template.files, ignore_errors=True)
        folder.rename(template.files)
    finally:
        if folder.exists():
            template.engine.drop(folder)
            shutil.rmtree(folder, ignore_errors=True)


def template_key(lesson: Lesson, scene: Path | None, engine: Engine) -> str:
    """The key of a lesson's start, or of the scene in this folder: it depends on all that the template is made from.

    Returns:
        Sixteen hexadecimal digits: part of a database's name, of which Postgres takes 63 bytes.
    """
    folders = [*folders_before(lesson), *(inputs(scene) if scene else [])]
    versions = [importlib.metadata.version(name) for name in ("alembic", "flask-migrate", "sqlalchemy")]
    digest = hashlib.sha256()
    digest.update(repr((RECIPE, engine.name, head_at(lesson), versions)).encode())
    for folder in folders:
        for path in files_in(folder):
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}".encode()
            content = path.read_bytes()
            digest.update(b"%d %d " % (len(name), len(content)) + name + content)
    return digest.hexdigest()[:16]


def _prune(built: Template) -> None:
    """Remove this engine's templates that have not been used for long, and what killed builds left behind.

    Only done after a build, which is rare. The template that was built stays, whatever the clock or the times of its
    files say. Empty lock files stay, because another process may hold one or wait for it.
    """
    folder, engine = built.files.parent, built.engine
    used = {}
    for path in folder.glob(f"{engine.name}-*/"):
        with suppress(FileNotFoundError):  # another process has pruned it
            used[path] = path.stat().st_mtime
    # A clock that has jumped ahead, or a file system whose clock is behind, makes no template old.
    now = min(time.time(), max(used.values(), default=0))
    for place, path in enumerate(sorted(used, key=lambda path: used[path], reverse=True)):
        age = now - used[path]
        is_one_too_many = place >= KEPT_AT_MOST and age > IN_USE_SECONDS
        if path != built.files and (is_one_too_many or age > KEPT_DAYS * 24 * 3600):
            shutil.rmtree(path, ignore_errors=True)
            engine.drop_template(path.name.removeprefix(f"{engine.name}-"))
    for path in folder.glob(f"{BUILDING}{engine.name}-*/"):
        lock = path.with_name(path.name.removeprefix(BUILDING)).with_suffix(".lock")
        with suppress(filelock.Timeout), filelock.FileLock(lock, timeout=0):  # else it is being built
            engine.drop(path)
            shutil.rmtree(path, ignore_errors=True)
