"""Workspaces: each process has its own, even when several open the same one."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from migration_lab.ground.engines import Engine
from migration_lab.ground.errors import LabError
from migration_lab.shops import leases
from migration_lab.shops.workspace import find, reset, resume
from tests.shops.work import opened, second, write

pytestmark = pytest.mark.usefixtures("no_databases_left", "tiny_course")


OPEN = """
import sys
from migration_lab.ground.course import lesson
from migration_lab.ground.engines import engine
from migration_lab.shops.workspace import open_lesson
at = open_lesson(lesson("02"), engine(sys.argv[1])).workspace
print(at.folder.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another_process() -> Iterator[Callable[[Engine], "subprocess.Popen[str]"]]:
    """Starts a process that opens the lesson and holds it."""
    started: list[subprocess.Popen[str]] = []

    def start(each_engine: Engine) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", OPEN, each_engine.name]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.communicate()


def _first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_process_gets_a_second_workspace(
    each_engine: Engine, another_process: Callable[[Engine], "subprocess.Popen[str]"]
) -> None:
    name = f"02_second-{each_engine.name}"
    first = another_process(each_engine)
    assert _first_line(first) == name
    at = opened(each_engine)
    assert at.folder.name == f"{name}-2"
    assert opened(each_engine) == at  # opening again means its own
    assert find(second(each_engine)) == resume(second(each_engine)) == at
    first.kill()
    first.wait()
    assert _first_line(another_process(each_engine)) == name


def test_processes_that_open_at_once_do_not_meet(
    each_engine: Engine, another_process: Callable[[Engine], "subprocess.Popen[str]"]
) -> None:
    name = f"02_second-{each_engine.name}"
    processes = [another_process(each_engine) for _ in range(3)]
    assert sorted(map(_first_line, processes)) == [name, f"{name}-2", f"{name}-3"]


def test_what_another_process_holds_cannot_be_resumed_but_found_and_reset(
    each_engine: Engine, another_process: Callable[[Engine], "subprocess.Popen[str]"]
) -> None:
    name = _first_line(another_process(each_engine))
    with pytest.raises(LabError, match="02_second is open in another notebook"):
        resume(second(each_engine))
    at = find(second(each_engine))
    assert at.folder.name == name
    write(at, "notes.txt")
    again = reset("02", each_engine)
    assert again.workspace == at
    assert again.kept is not None


def test_there_is_an_end_to_it(each_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "hold", lambda *_: False)
    with pytest.raises(LabError, match="open in 20 notebooks at once"):
        opened(each_engine)
