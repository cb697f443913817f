"""Builds the start of a lesson or a scene from nothing: copies files, runs commands, executes SQL."""

import re
import secrets
import shlex
from pathlib import Path

from pydantic import model_validator

from migration_lab.ground import connect
from migration_lab.ground.authored import as_model, read_yaml
from migration_lab.ground.course import EngineName, Lesson, Strict
from migration_lab.ground.engines import Engine
from migration_lab.ground.errors import LabError, shown
from migration_lab.ground.layers import CHANGES, Layer, lay, layers_in
from migration_lab.ground.spine import head_at, lay_checkpoint
from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import Completed

FIRST_REVISION = "0001"  # the database has the rows of a real service from this revision on


class Step(Strict):
    """One step of a scene: exactly one of `lay`, `flask`, `sql`, `remove`.

    `lay` is a folder beside `scene.yaml`, a heading in its `changes.md`, or both; `../OTHER/NAME` is another scene's,
    and `../../leaves/NAME` is what the lesson leaves. `folder` says where in the shop to lay it or to run the command.
    With `aside`, the shop is unchanged: the files that the layer makes or changes are written into a folder of that
    name in it. `fails` belongs to `flask`.
    """

    lay: str | None = None
    flask: str | None = None
    fails: bool = False
    folder: str = "."
    aside: str | None = None
    sql: str | dict[EngineName, str] | None = None
    remove: str | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> "Step":
        if sum(each is not None for each in (self.lay, self.flask, self.sql, self.remove)) != 1:
            raise ValueError("a step is one of lay, flask, sql, remove")
        if self.fails and self.flask is None:
            raise ValueError("only a flask step can fail")
        if self.aside is not None and self.lay is None:
            raise ValueError("only what is laid can be laid aside")
        return self


class Scene(Strict):
    """The content of `scene.yaml`. `start` is the number of the lesson where it starts, if not its own."""

    start: str | None = None
    steps: tuple[Step, ...]


def scene_folder(lesson: Lesson, name: str) -> Path:
    """The folder of a lesson's scene.

    Raises:
        LabError: there is no such scene.
    """
    folder = lesson.folder / "scenes" / name
    if not (folder / "scene.yaml").is_file():
        names = ", ".join(scene_names(lesson)) or "none"
        raise LabError(f"Lesson {lesson.number} has no scene {name!r}.", f"Its scenes: {names}.")
    return folder


def scene_names(lesson: Lesson) -> list[str]:
    """The names of a lesson's scenes: those with a folder, and those that are the start of another lesson."""
    return sorted([*lesson.manifest.scenes, *(path.parent.name for path in lesson.folder.glob("scenes/*/scene.yaml"))])


def read_scene(folder: Path) -> Scene:
    """The steps in a scene's folder.

    Raises:
        LabError: `scene.yaml` cannot be read.
    """
    path = folder / "scene.yaml"
    return as_model(Scene, read_yaml(path), path)


def build_checkpoint(lesson: Lesson, shop: Workspace) -> None:
    """Write the shop's files at a lesson's start into an empty folder, and bring its empty database to that start."""
    lay_checkpoint(lesson, shop.folder)
    write_flaskenv(shop.folder, shop.engine)
    head = head_at(lesson)
    if head is None:
        return
    what = f"the checkpoint of lesson {lesson.number}"
    _must(run_flask(shop, "db", "upgrade", FIRST_REVISION), f"flask db upgrade {FIRST_REVISION}", what)
    rows = shop.folder / "rows.sql"
    if rows.exists():
        execute_script(shop.engine, shop.folder, rows.read_text(encoding="utf-8"))
    _must(run_flask(shop, "db", "upgrade", head), f"flask db upgrade {head}", what)


def play(scene: Path, shop: Workspace) -> None:
    """Carry out the steps of a scene, in order, in a folder where its checkpoint has been built.

    Raises:
        LabError: a step did not go as the scene says; it names the step and the command's output.
    """
    steps = read_scene(scene).steps
    for name in sorted(layers_in(scene / CHANGES).keys() - {step.lay for step in steps}):
        raise LabError(f"{shown(scene / CHANGES)}: no step of the scene lays {name!r}.", "Correct the heading.")
    for number, step in enumerate(steps, start=1):
        what = f"scene {scene.name}, step {number}"
        try:
            _take(step, scene, shop, what)
        except LabError:
            raise
        except Exception as error:  # of the file system, of SQLAlchemy, or of either driver
            done = f"lay {step.lay}" if step.lay else f"remove {step.remove}" if step.remove else "sql"
            raise LabError(f"In {what}, `{done}` failed: {error}", _cure(str(error))) from error


def _take(step: Step, scene: Path, shop: Workspace, what: str) -> None:
    if step.lay is not None:
        over = shop.folder / step.folder
        into = over / step.aside / (scene / step.lay).name if step.aside else over
        try:
            lay(layer_at(scene / step.lay), into, over=over)
        except LabError as error:
            raise LabError(f"In {what}: {error.message}", error.next_step) from error
    elif step.flask is not None:
        completed = run_flask(shop, *shlex.split(step.flask), folder=shop.folder / step.folder)
        _must(completed, f"flask {step.flask}", what, fails=step.fails)
    elif step.sql is not None:
        sql = step.sql if isinstance(step.sql, str) else step.sql.get(shop.engine.name, "")
        execute_script(shop.engine, shop.folder, sql)
    elif step.remove is not None:
        (shop.folder / step.remove).unlink()


def layer_at(place: Path) -> Layer:
    """What a scene lays: the files of a folder, with the edits under its name in the `changes.md` beside it.

    Raises:
        LabError: there is neither, or `changes.md` cannot be read.
    """
    edits = layers_in(place.parent / CHANGES).get(place.name)
    if edits is None and not place.is_dir():
        where = shown(place.parent)
        raise LabError(f"{where} has no folder {place.name}, and no heading of that name in {CHANGES}.", "Write one.")
    return Layer(place if place.is_dir() else None, edits.blocks if edits else ())


def inputs(scene: Path) -> list[Path]:
    """The folders with all that a scene is made of: its own, and those of scenes of which it lays something."""
    others = {(scene / step.lay).resolve().parent for step in read_scene(scene).steps if step.lay and "/" in step.lay}
    return [scene, *sorted(others - {scene.resolve()})]


def execute_script(engine: Engine, folder: Path, sql: str) -> None:
    """Execute several statements on a folder's database, by default in one transaction."""
    if not sql.strip():
        return
    connection = connect.engine(engine.sqlalchemy_url(folder)).raw_connection()
    try:
        if engine.name == "sqlite":
            connection.cursor().executescript(sql)
        else:
            connection.cursor().execute(sql)  # without parameters, psycopg sends all statements at once
        connection.commit()
    finally:
        connection.close()


def write_flaskenv(folder: Path, engine: Engine) -> None:
    """Write the file from which `flask`, typed in a terminal in this folder, reads its app and database.

    It replaces whatever has that name: a read-only file, or a folder, which is kept beside it.
    """
    text = f"FLASK_APP=shop\nDATABASE_URL={engine.url(folder)}\n"
    path, new = folder / ".flaskenv", folder / ".flaskenv.new"
    if path.is_dir() and not path.is_symlink():
        path.rename(folder / f".flaskenv-{secrets.token_hex(4)}")
    new.unlink(missing_ok=True)
    new.write_text(text, encoding="utf-8", newline="\n")
    new.replace(path)


def _must(completed: Completed, command: str, what: str, *, fails: bool = False) -> None:
    if (completed.exit_code != 0) != fails:
        wanted = "should fail" if fails else "should succeed"
        raise LabError(
            f"In {what}, `{command}` {wanted} but ended with exit code {completed.exit_code}:\n{completed.output}",
            _cure(completed.output),
        )


def _cure(said: str) -> str:
    if re.search(r"disk is full|No space left", said):
        return "Make room on the disk, then try again."
    return "Correct the files of the course, or fetch them again."
