"""Fixtures for all tests: a home of its own for each, and one Postgres server for the whole session."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

import migration_lab.ground.jupyter.lean  # noqa: F401  # before nbformat
from migration_lab.ground import engines, places
from migration_lab.ground.engines import postgres

# Helpers that assert: else a failure there shows no values.
pytest.register_assert_rewrite(
    "tests.teaching.judging.exercise", "tests.teaching.explain.cures", "tests.teaching.explain.project",
    "tests.lessons.ends", "tests.lessons.provoked", "tests.instruments.locks.parts", "tests.lessons.spine",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="prove all on all engines; it takes longer")


def pytest_configure(config: pytest.Config) -> None:
    """Give the whole run one server and one cache of its own, shared by all workers as several notebooks share them.

    The folder's name is short because the path of a Unix socket may have 107 bytes at most.
    """
    if sys.flags.optimize:
        raise pytest.UsageError(
            "PYTHONOPTIMIZE removes asserts, so no test proves anything. Unset it, and run it again."
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in a shell's background inherits it ignored
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="lab-", dir=_in_memory())
        Path(folder).chmod(0o711)  # as root, the server runs as another user
        os.environ.update(LAB_STATE=f"{folder}/state", LAB_CACHE=f"{folder}/cache", LAB_WORK=f"{folder}/my_work")
        os.environ["TMPDIR"] = tempfile.tempdir = folder  # where pytest makes the folders of the tests, too
        config.add_cleanup(lambda: _clean_up(folder))
    for name in ("DATABASE_URL", "FLASK_APP", "LAB_ENGINE"):
        os.environ.pop(name, None)


def _in_memory() -> str | None:
    """A folder that the system keeps in memory, if it has one with room; else the usual one for temporary files.

    Each test makes databases, and one of Postgres is 300 files: 8 ms in memory, and 115 ms on a slow disk.
    """
    memory = "/dev/shm"
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if has_room else None


def _clean_up(folder: str) -> None:
    """Stop the server whose state is in the folder, if a test started one, and remove the folder."""
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


ROOM = 4 * 1024**3  # bytes; a run with three workers takes up to 2.4 GB

# The files that take longest, so that they start first and no worker is left alone with one at the end.
LONGEST_FIRST = (
    "tests/lessons/test_lessons", "tests/lessons/test_repeatable", "tests/lessons/test_solutions", "tests/browser/",
    "tests/lessons/", "tests/shops/", "tests/ground/engines/test_engine_postgres_faults", "tests/test_style",
    "tests/notebook/", "tests/test_benchmarks",
)  # fmt: skip
# Files of which each test may run in another worker; all others stay together, for the sake of their fixtures.
SPLIT = ("tests/lessons/", "tests/test_style.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the files, not the tests in them, and leave out what the suite sees elsewhere."""
    if not config.pluginmanager.has_plugin("proof"):
        items[:] = [item for item in items if item.get_closest_marker("in_solutions") is None]

    def place(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONGEST_FIRST) if item.nodeid.startswith(name)), len(LONGEST_FIRST))

    items.sort(key=place)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a worker a whole file, or one test of those that may be split, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(SPLIT) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Use it instead of xdist's own ways, which take a file as a whole or not at all."""
    config.option.loadscopereorder = False  # else files come by the number of their tests
    return ByFile(config, log)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's folder of this test alone."""
    folder = tmp_path / "my_work"
    monkeypatch.setenv("LAB_WORK", str(folder))
    return folder


@pytest.fixture
def course_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course that a test may change; the manifest is read again from it."""
    root = tmp_path / "course"
    for name in ("lessons", "sample_app"):
        shutil.copytree(places.course_root() / name, root / name)
    monkeypatch.setenv("LAB_COURSE", str(root))
    return root


@pytest.fixture
def lesson_04_planned(course_copy: Path) -> None:
    """In the copy, lesson 04 as it was before it was written: what it leaves, and a manifest with what is planned."""
    folder = course_copy / "lessons/04_names_and_constraints"
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
        elif path.name != "leaves":
            shutil.rmtree(path)
    manifest = (
        "title: Names and constraints\nsummary: A summary.\nfailures: [F35]\nneeds: [03_review_autogenerate]\n"
        'leaves: "0008"\n'
    )
    (folder / "lesson.yaml").write_text(manifest, encoding="utf-8")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; the test runs once on each engine."""
    folder = tmp_path / "database"
    folder.mkdir()
    engine = engines.engine(request.param)
    engine.create(folder)
    yield engine.sqlalchemy_url(folder)
    engine.drop(folder)


@pytest.fixture
def own_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Postgres server of this test alone, for tests that break it; it stops one second after its last user."""
    folder = tempfile.mkdtemp(prefix="lab-")
    monkeypatch.setenv("LAB_STATE", f"{folder}/state")
    monkeypatch.setenv("LAB_POSTGRES_GRACE", "1")
    yield Path(folder, "state")
    _clean_up(folder)
