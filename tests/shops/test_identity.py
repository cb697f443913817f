"""Which shop a workspace is: in a record, as the name of a folder, in words, and as a learner types it."""

import json
import os
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.engines import Engine
from migration_lab.ground.errors import LabError
from migration_lab.shops import identity, kept
from migration_lab.shops.finding import meant
from migration_lab.shops.identity import FILE_NAME, Identity, Workspace, how_to_reset, parse, read_record
from migration_lab.shops.workspace import (
    copy_workspace,
    find,
    open_exercise,
    open_lesson,
    reset,
    restore,
    resume,
    take_up,
)
from tests.shops.work import START, emails, execute, opened, write

LESSON = Identity("02_second", "sqlite")
EXERCISE = Identity("02_second", "sqlite", exercise="02.2", scene="stuck")

# The identity, its folder, its name without the engine, what a learner calls it, and what they type after `lab reset`.
SHOPS = [
    (LESSON, "02_second-sqlite", "02_second", "02_second", "02_second"),
    (
        replace(LESSON, engine="postgres", number=2),
        "02_second-postgres-2",
        "02_second",
        "02_second",
        "02_second --engine postgres",
    ),
    (replace(LESSON, scene="stuck"), "02_second-stuck-sqlite", "02_second-stuck", "02_second-stuck", "02_second"),
    (
        replace(LESSON, scene="copy-cat", copy=2, number=12),
        "02_second-copy-cat-copy-copy-sqlite-12",
        "02_second-copy-cat-copy-copy",
        "02_second-copy-cat-copy-copy",
        "02_second",
    ),
    (EXERCISE, "exercise-02.2-sqlite", "exercise-02.2", "exercise 02.2", "02.2"),
    (
        replace(EXERCISE, engine="postgres", copy=1),
        "exercise-02.2-copy-postgres",
        "exercise-02.2-copy",
        "exercise 02.2-copy",
        "02.2 --engine postgres",
    ),
]


@pytest.mark.parametrize(("one", "folder", "name", "title", "typed"), SHOPS)
def test_a_shop_has_a_folder_and_words(one: Identity, folder: str, name: str, title: str, typed: str) -> None:
    assert (one.folder_name, one.name, one.title, one.typed) == (folder, name, title, typed)


def older(folder: Path, one: Identity) -> None:
    """The record of a workspace as it was written before records had an identity."""
    said = json.loads((folder / FILE_NAME).read_text()) if (folder / FILE_NAME).exists() else {}
    signs = {key: said.get(key, "") for key in ("template", "files", "database")}
    plain = {"name": one.name, "lesson": one.lesson, "engine": one.engine, "scene": one.scene}
    (folder / FILE_NAME).write_text(json.dumps(plain | signs), encoding="utf-8")


@pytest.mark.parametrize("moved_aside", ["", "-20260102-030405", "-20260102-030405-2"])
@pytest.mark.parametrize("one", [each for each, *_ in SHOPS], ids=lambda one: one.folder_name)
def test_an_older_record_has_an_identity(one: Identity, moved_aside: str, tmp_path: Path) -> None:
    folder = tmp_path / (one.folder_name + moved_aside)
    folder.mkdir()
    older(folder, one)
    record = read_record(folder)
    assert record is not None
    assert record.identity == one


@pytest.mark.parametrize("said", ["[]", "1", "{}", '{"identity": {}}', '{"name": "x", "engine": "sqlite"}', "\xff"])
def test_what_is_no_record_is_none(said: str, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(said, encoding="latin-1")
    assert read_record(tmp_path) is None


@pytest.mark.parametrize(("one", "folder", "name", "title", "typed"), SHOPS)
def test_a_folder_without_its_record_is_reset_by_its_name(
    one: Identity, folder: str, name: str, title: str, typed: str, tmp_path: Path
) -> None:
    for each in (folder, f"{folder}-20260102-030405"):
        assert how_to_reset(tmp_path / each) == f"`lab reset {typed}`"


def test_any_other_folder_has_no_lesson_to_reset(tmp_path: Path) -> None:
    assert how_to_reset(tmp_path / "shop") == "`lab reset` with the lesson's number"


@pytest.mark.parametrize("folder", ["02_second-sqlite", "02_second-sqlite-2"])
def test_a_folder_that_is_kept_says_what_it_was(folder: str) -> None:
    names = list(islice(identity.kept_names(folder, "20260102-030405"), 3))
    assert len(set(names)) == 3
    assert [identity.kept_from(name) for name in names] == [(folder, datetime(2026, 1, 2, 3, 4, 5))] * 3
    assert identity.kept_from(folder) is None


def test_what_a_learner_types(tiny_course: Path) -> None:
    for typed in ("2", "02", "02_second"):
        assert parse(typed) == (course.lesson("02"), None)
    for typed in ("02.1", "exercise-02.1"):
        assert parse(typed) == (course.lesson("02"), "02.1")
    for typed in ("03", "02.9", "02_second-stuck"):
        with pytest.raises(LabError, match="There is no"):
            parse(typed)


# ---------------------------------------------------------------------------------- an older my_work/ with workspaces


@pytest.fixture
def older_work(no_databases_left: None, tiny_course: Path, each_engine: Engine) -> Workspace:
    """A lesson's shop, one at a scene and its copy, and an exercise with work, all with older records."""
    lesson, scene = opened(each_engine), opened(each_engine, "stuck")
    copied = copy_workspace(scene, each_engine, empty=False)
    exercise = open_exercise("02.2", each_engine).workspace
    write(exercise, "notes.txt")
    for at in (lesson, scene, copied, exercise):
        older(at.folder, at.identity)
        record = read_record(at.folder)
        assert record is not None
        assert record.identity == at.identity
    return lesson


def test_older_work_is_found_and_resumed(older_work: Workspace, each_engine: Engine) -> None:
    scene = replace(older_work.identity, scene="stuck")
    assert resume(meant("02_second", each_engine)) == take_up(older_work.folder) == older_work
    assert resume(meant("02_second-stuck", each_engine)).identity == scene
    assert resume(meant("02_second-stuck-copy", each_engine)).identity == replace(scene, copy=1)
    assert find(meant("02.2", each_engine)).title == "exercise 02.2"
    assert open_exercise("02.2", each_engine).goes_on
    os.utime(older_work.folder / FILE_NAME, (0, 0))
    assert meant("02", each_engine) == scene


def test_older_work_is_reset_and_brought_back(older_work: Workspace, each_engine: Engine) -> None:
    execute(older_work, "UPDATE users SET email = 'mine'")
    again = open_lesson(older_work.lesson, each_engine)
    assert again.kept is not None
    assert [each.identity for each in kept.all_kept()] == [older_work.identity]
    assert emails(restore("02").workspace) == ["mine"] * len(START)
    assert reset("02.2", each_engine).kept is not None
    assert open_lesson(older_work.lesson, each_engine, "stuck").kept is None  # nothing was done in it


def test_work_is_restored_under_the_number_that_is_free(
    no_databases_left: None, tiny_course: Path, each_engine: Engine
) -> None:
    at = opened(each_engine)
    write(at, "notes.txt")
    record = read_record(at.folder)
    assert record is not None
    second_one = record.model_copy(update={"identity": replace(at.identity, number=2)})
    identity.write_record(at.folder, second_one)  # as another process would have opened it
    assert open_lesson(at.lesson, each_engine).kept is not None
    brought_back = restore("02").workspace
    assert brought_back == at
    restored = read_record(brought_back.folder)
    assert restored is not None
    assert restored.identity == at.identity


def test_nothing_of_another_exercise_is_restored(
    no_databases_left: None, tiny_course: Path, each_engine: Engine
) -> None:
    at = open_exercise("02.1", each_engine).workspace
    record = read_record(at.folder)
    assert record is not None
    tenth = replace(at.identity, exercise="02.10")
    identity.write_record(at.folder, record.model_copy(update={"identity": tenth}))
    write(at, "notes.txt")
    assert open_exercise("02.1", each_engine, fresh=True).kept is not None
    with pytest.raises(LabError, match=r"No work of 02\.1 is kept aside"):
        restore("02.1")
