"""Templates: the right start, built once, never seen half-built, rebuilt when the course changes."""

import importlib.metadata
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock
import pytest
import sqlalchemy

from migration_lab.ground import course, places
from migration_lab.ground.course import lesson
from migration_lab.ground.engines import Engine, engine
from migration_lab.ground.errors import LabError
from migration_lab.ground.layers import files_in
from migration_lab.shops import scenes, templates
from migration_lab.shops.templates import Template, checkpoint_template, scene_template, template_key
from tests.shops.work import START

pytestmark = pytest.mark.usefixtures("tiny_course")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test alone; the Postgres server is shared."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ask(engine: Engine, folder: Path, sql: str) -> list[tuple[object, ...]]:
    made = sqlalchemy.create_engine(engine.sqlalchemy_url(folder), poolclass=sqlalchemy.NullPool)
    with made.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def clone(template: Template, folder: Path) -> Path:
    folder.mkdir()
    template.engine.clone(template.key, folder)
    return folder


def names(template: Template) -> list[str]:
    return [path.relative_to(template.files).as_posix() for path in files_in(template.files)]


def test_before_the_first_migration_the_database_is_empty(each_engine: Engine, tmp_path: Path) -> None:
    template = checkpoint_template(lesson("00"), each_engine)
    assert names(template) == ["rows.sql", "shop.py"]
    folder = clone(template, tmp_path / "cloned")
    assert sqlalchemy.inspect(sqlalchemy.create_engine(each_engine.sqlalchemy_url(folder))).get_table_names() == []
    each_engine.drop(folder)


def test_rows_live_through_the_migrations_of_a_checkpoint(each_engine: Engine, tmp_path: Path) -> None:
    template = checkpoint_template(lesson("02"), each_engine)
    assert "migrations/versions/0002_nickname.py" in names(template)
    folder = clone(template, tmp_path / "cloned")
    assert ask(each_engine, folder, "SELECT id, email, nickname FROM users ORDER BY id") == [
        (number, email, email.upper()) for number, email in enumerate(START, 1)
    ]
    assert ask(each_engine, folder, "SELECT version_num FROM alembic_version") == [("0002",)]
    each_engine.drop(folder)


def test_a_scene_takes_its_steps_in_order(each_engine: Engine, tmp_path: Path) -> None:
    template = scene_template(lesson("02"), "stuck", each_engine)
    assert "migrations/versions/0003_fails.py" in names(template)
    assert "migrations/versions/0002_nickname.py" not in names(template)
    assert "changes.md" not in names(template)
    assert "mapped_column(String(40))" in (template.files / "shop.py").read_text()
    folder = clone(template, tmp_path / "cloned")
    assert ask(each_engine, folder, "SELECT id, email FROM users") == [(1, f"from {each_engine.name}")]
    each_engine.drop(folder)


def test_a_scene_can_be_the_start_of_another_lesson() -> None:
    start = checkpoint_template(lesson("02"), engine("sqlite"))
    assert scene_template(lesson("01"), "with_a_history", engine("sqlite")) == start
    with pytest.raises(LabError, match=r"has no scene 'nope'. Its scenes: with_a_history"):
        scene_template(lesson("01"), "nope", engine("sqlite"))


def test_a_scene_lays_what_another_scene_has_and_its_template_depends_on_it(tiny_course: Path) -> None:
    scene = tiny_course / "lessons/02_second/scenes/other/scene.yaml"
    scene.parent.mkdir()
    scene.write_text("steps: [{lay: ../stuck/files, aside: changes}]")
    template = scene_template(lesson("02"), "other", engine("sqlite"))
    aside = template.files / "changes/files"
    assert sorted(path.name for path in aside.rglob("*.py")) == ["0003_fails.py", "shop.py"]
    assert "String(40)" in (aside / "shop.py").read_text()
    assert "String(40)" not in (template.files / "shop.py").read_text()
    with (tiny_course / "lessons/02_second/scenes/stuck/changes.md").open("a") as file:
        file.write("\nWhy.\n")
    assert scene_template(lesson("02"), "other", engine("sqlite")).key != template.key


def test_a_template_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = checkpoint_template(lesson("02"), engine("sqlite"))
    monkeypatch.setattr(templates, "build_checkpoint", None)
    assert checkpoint_template(lesson("02"), engine("sqlite")) == first


@pytest.mark.parametrize(
    "name",
    [
        "sample_app/shop.py",
        "sample_app/rows.sql",
        "sample_app/new.py",
        "lessons/01_tiny/leaves/migrations/versions/0002_nickname.py",
        "lessons/01_tiny/leaves/changes.md",
        "lessons/02_second/scenes/stuck/scene.yaml",
        "lessons/02_second/scenes/stuck/files/new",
        "lessons/02_second/scenes/stuck/changes.md",
    ],
)
def test_a_changed_course_makes_another_template(name: str, tiny_course: Path) -> None:
    before = scene_template(lesson("02"), "stuck", engine("sqlite"))
    with (tiny_course / name).open("a") as file:
        file.write("\n\n")
    assert scene_template(lesson("02"), "stuck", engine("sqlite")).key != before.key


def test_engines_versions_and_scenes_make_different_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = scenes.scene_folder(lesson("02"), "stuck")
    found = {
        template_key(lesson("02"), None, engine("sqlite")),
        template_key(lesson("02"), None, engine("postgres")),
        template_key(lesson("01"), None, engine("sqlite")),
        template_key(lesson("02"), stuck, engine("sqlite")),
    }
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "99")
    found.add(template_key(lesson("02"), None, engine("sqlite")))
    assert len(found) == 5


def test_what_running_leaves_behind_changes_no_key_and_enters_no_template(tiny_course: Path) -> None:
    before = checkpoint_template(lesson("02"), engine("sqlite"))
    for name in ("sample_app/__pycache__/x.pyc", "sample_app/instance/shop.db", "sample_app/.pytest_cache/x"):
        (tiny_course / name).parent.mkdir(exist_ok=True)
        (tiny_course / name).write_text("x")
    assert checkpoint_template(lesson("02"), engine("sqlite")) == before
    assert not any("instance" in name or "pycache" in name or "flaskenv" in name for name in names(before))


def test_an_interrupted_build_is_begun_anew(
    each_engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(each_engine.__class__, "save_template", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            checkpoint_template(lesson("02"), each_engine)
    assert not [path for path in (places.cache() / "templates").iterdir() if path.is_dir()]
    folder = clone(checkpoint_template(lesson("02"), each_engine), tmp_path / "cloned")
    assert ask(each_engine, folder, "SELECT count(*) FROM users") == [(len(START),)]
    each_engine.drop(folder)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_killed_build_is_begun_anew(tiny_course: Path) -> None:
    script = (
        "import os\nfrom migration_lab.shops import scenes, templates\nfrom migration_lab.ground.course import lesson\n"
        "from migration_lab.ground.engines import engine\n"
        "templates.play = lambda *_: os.kill(os.getpid(), 9)\n"
        "templates.scene_template(lesson('02'), 'stuck', engine('sqlite'))\n"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert [path.name[:9] for path in (places.cache() / "templates").iterdir() if path.is_dir()] == [".building"]
    template = scene_template(lesson("02"), "stuck", engine("sqlite"))
    assert [path for path in (places.cache() / "templates").iterdir() if path.is_dir()] == [template.files]


@pytest.mark.usefixtures("own_keys")
def test_what_a_killed_build_left_goes_when_another_template_is_built(each_engine: Engine) -> None:
    left = places.templates() / f".building-{each_engine.name}-0123456789abcdef"
    (left / "migrations").mkdir(parents=True)
    each_engine.create(left)
    url = each_engine.sqlalchemy_url(left)
    being_built = places.templates() / f".building-{each_engine.name}-fedcba9876543210"
    being_built.mkdir()
    with filelock.FileLock(places.templates() / f"{each_engine.name}-fedcba9876543210.lock"):
        checkpoint_template(lesson("01"), each_engine)
    assert not left.exists()
    assert being_built.exists()
    if each_engine.name == "postgres":
        with pytest.raises(sqlalchemy.exc.OperationalError, match="does not exist"):
            sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect()


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize("days", [-40, 40])
def test_a_clock_that_jumps_takes_no_template_away(
    days: int, each_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkpoint_template(lesson("02"), each_engine)
    monkeypatch.setattr(templates, "time", SimpleNamespace(time=lambda: time.time() + days * 24 * 3600))
    built = checkpoint_template(lesson("01"), each_engine)
    assert built.files.is_dir()
    assert before.files.is_dir()


def test_a_template_that_is_always_pruned_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.utime

    def pruned(path: Path, *times: Any, **others: Any) -> None:
        if not times and not others:
            shutil.rmtree(path)
        real(path, *times, **others)

    monkeypatch.setattr(os, "utime", pruned)
    with pytest.raises(LabError, match=r"disappears from .* as soon as it is prepared"):
        checkpoint_template(lesson("02"), engine("sqlite"))


@pytest.fixture
def own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates of this test alone: those of other workers are on the same server, and have the same keys else."""
    monkeypatch.setattr(templates, "RECIPE", secrets.token_hex(4))


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize("part", ["files", "database"])
def test_a_template_of_which_a_part_was_lost_is_made_anew(part: str, each_engine: Engine, tmp_path: Path) -> None:
    template = checkpoint_template(lesson("02"), each_engine)
    if part == "files":
        template.files.rename(tmp_path / "lost")
    else:
        each_engine.drop_template(template.key)
    folder = clone(checkpoint_template(lesson("02"), each_engine), tmp_path / "cloned")
    assert ask(each_engine, folder, "SELECT count(*) FROM users") == [(len(START),)]
    assert template.files.is_dir()
    each_engine.drop(folder)


def test_several_processes_build_one_template_between_them(tiny_course: Path, tmp_path: Path) -> None:
    script = (
        "from migration_lab.shops import templates\nfrom migration_lab.ground.course import lesson\n"
        "from migration_lab.ground.engines import engine\n"
        "real = templates.build_checkpoint\n"
        "def build(*args):\n    print('built')\n    real(*args)\n"
        "templates.build_checkpoint = build\n"
        "print(templates.checkpoint_template(lesson('02'), engine('sqlite')).files.is_dir())\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sorted(" ".join(each.communicate()[0].split()) for each in running) == ["True", "True", "built True"]


@pytest.mark.usefixtures("own_keys")
def test_old_templates_are_pruned_when_a_new_one_is_built(
    each_engine: Engine, tiny_course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = checkpoint_template(lesson("02"), each_engine)
    other = scene_template(lesson("02"), "stuck", each_engine)
    a_month_ago = time.time() - 31 * 24 * 3600
    os.utime(old.files, (a_month_ago, a_month_ago))
    checkpoint_template(lesson("01"), each_engine)
    assert not old.files.exists()
    assert not each_engine.has_template(old.key)
    assert other.files.exists()
    assert each_engine.has_template(other.key)
    monkeypatch.setattr(templates, "KEPT_AT_MOST", 1)
    monkeypatch.setattr(templates, "IN_USE_SECONDS", -1)
    last = checkpoint_template(lesson("02"), each_engine)
    assert [path for path in (places.cache() / "templates").iterdir() if path.is_dir()] == [last.files]


@pytest.mark.usefixtures("own_keys")
def test_a_template_that_another_process_may_just_have_taken_is_kept(
    each_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "KEPT_AT_MOST", 1)
    taken = checkpoint_template(lesson("02"), each_engine)
    checkpoint_template(lesson("01"), each_engine)
    assert taken.files.is_dir()
    assert each_engine.has_template(taken.key)


def test_two_processes_may_prune_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them has listed what the other removes."""
    real = Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [*real(self, pattern), self / "sqlite-gone"])
    assert checkpoint_template(lesson("02"), engine("sqlite")).files.is_dir()


def test_a_lock_that_others_may_wait_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    old = checkpoint_template(lesson("02"), engine("sqlite"))
    lock = old.files.with_suffix(".lock")
    lock.touch()  # where filelock removes it itself
    monkeypatch.setattr(templates, "KEPT_AT_MOST", 1)
    monkeypatch.setattr(templates, "IN_USE_SECONDS", -1)
    checkpoint_template(lesson("01"), engine("sqlite"))
    assert not old.files.exists()
    assert lock.exists()


def test_a_template_that_is_pruned_while_it_is_taken_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    template = checkpoint_template(lesson("02"), engine("sqlite"))
    real = os.utime

    def pruned(path: Path) -> None:
        monkeypatch.setattr(os, "utime", real)
        shutil.rmtree(path)
        real(path)

    monkeypatch.setattr(os, "utime", pruned)
    assert checkpoint_template(lesson("02"), engine("sqlite")) == template
    assert template.files.is_dir()


def test_a_step_that_does_not_go_as_the_scene_says_is_reported(tiny_course: Path) -> None:
    scene = tiny_course / "lessons/02_second/scenes/stuck/scene.yaml"
    for steps, message in {
        "[{lay: files}, {flask: db nope}]": "`flask db nope` should succeed but ended with exit code 2:\nUsage",
        "[{lay: files}, {flask: db heads, fails: true}]": "`flask db heads` should fail but ended with exit code 0",
        "[{flask: db heads, remove: x}]": "a step is one of",
        "[{lay: files, fails: true}]": "only a flask step can fail",
        "[{play: files}]": "steps 1 play: there is no such field",
        "{": "scene.yaml, line 2: ",
        "[{lay: files}, {sql: SELECT nonsense}]": "In scene stuck, step 2, `sql` failed: no such column: nonsense",
        "[{lay: files}, {remove: nothing}]": "In scene stuck, step 2, `remove nothing` failed: ",
        "[{lay: nothing}]": "scenes/stuck/changes.md: no step of the scene lays 'files'. Correct the heading.",
        "[{lay: files}, {lay: nothing}]": "step 2: lessons/02_second/scenes/stuck has no folder nothing, and no",
        "[{lay: files}, {lay: files}]": "In scene stuck, step 2: lessons/02_second/scenes/stuck/files/migrations/",
        "[{flask: db heads, aside: x}]": "only what is laid can be laid aside",
        "[{flask: db nope}, {lay: files}]": "In scene stuck, step 1, `flask db nope` should succeed",
    }.items():
        scene.write_text("steps: " + steps)
        with pytest.raises(LabError, match=re.escape(message)):
            scene_template(lesson("02"), "stuck", engine("sqlite"))
    with pytest.raises(LabError, match=r"has no scene 'nope'. Its scenes: stuck"):
        scene_template(lesson("02"), "nope", engine("sqlite"))


def test_every_checkpoint_of_the_course_can_be_built(monkeypatch: pytest.MonkeyPatch, each_engine: Engine) -> None:
    monkeypatch.delenv("LAB_COURSE")
    for each in course.lessons():
        assert checkpoint_template(each, each_engine).files.is_dir()
