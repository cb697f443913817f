"""The tiny course with a second lesson, so that these tests depend on no real one: two revisions, and one scene."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground import layers
from migration_lab.ground.engines import Engine, engine
from tests import tiny_course as course_files


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, made once."""
    root = course_files.make(tmp_path_factory.mktemp("course") / "tiny")
    shutil.copytree(Path(__file__).with_name("second_lesson"), root / "lessons", dirs_exist_ok=True)
    with (root / "lessons/01_tiny/lesson.yaml").open("a", encoding="utf-8") as file:
        file.write('leaves: "0002"\nscenes: {with_a_history: "02"}\n')
    with (root / "sample_app/rows.sql").open("a", encoding="utf-8") as file:
        file.write("INSERT INTO users (email) VALUES ('it''s; odd');\n")
    return root


@pytest.fixture
def tiny_course(tiny_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may change, in place of the real course."""
    root = tmp_path / "tiny"
    shutil.copytree(tiny_files, root)
    monkeypatch.setenv("LAB_COURSE", str(root))
    return root


@pytest.fixture
def shop(tiny_files: Path, tmp_path: Path) -> Path:
    """The tiny app in a folder, with its two revisions, a `.flaskenv` and no database yet."""
    folder = tmp_path / "shop"
    leaves = [tiny_files / "lessons" / name / "leaves" for name in ("00_before", "01_tiny")]
    *_, (_, files) = layers.history(tiny_files / "sample_app", leaves)
    layers.write(files, folder)
    (folder / ".flaskenv").write_text("FLASK_APP=shop\nDATABASE_URL=sqlite:///shop.db\n")
    return folder


@pytest.fixture(params=["sqlite", "postgres"])
def each_engine(request: pytest.FixtureRequest) -> Engine:
    """Both engines, one after the other."""
    return engine(request.param)


@pytest.fixture(params=["forked", "spawned"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the forkserver, and without it as on systems that cannot fork."""
    if request.param == "spawned":
        monkeypatch.setenv("LAB_FORKSERVER", "0")
    return str(request.param)


@pytest.fixture
def no_databases_left(home: Path, each_engine: Engine) -> Iterator[None]:
    """The server is shared by all tests: take what this one made away again."""
    yield
    for path in [*home.glob("shops/*/"), *home.glob("shops/kept/*/")]:
        if path.is_dir():
            each_engine.drop(path)
