"""Commands of one copy: the app is loaded once for them, and only the time shows it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from migration_lab.shops.flask_command import run_flask
from migration_lab.shops.process import forkserver
from migration_lab.shops.process.confinement import Confinement, confine, release

APP = """
import secrets
{while_loading}
from flask import Flask

loaded = secrets.token_hex(8)
commands = []
app = Flask(__name__)


@app.cli.command("say")
def say():
    commands.append("say")
    print(loaded, len(commands))


@app.cli.command("fail")
def fail():
    raise ValueError(loaded)
"""
pytestmark = pytest.mark.skipif(not forkserver.is_possible(), reason="this system has no forkserver")


@pytest.fixture
def confinement(tmp_path: Path) -> Iterator[Confinement]:
    """A check's folder."""
    made = confine(tmp_path, [])
    yield made
    made.end_processes()
    release(made)


@pytest.fixture
def copy(confinement: Confinement) -> SimpleNamespace:
    """A copy in it."""
    folder = confinement.root / "shop"
    folder.mkdir()
    (folder / ".flaskenv").write_text("FLASK_APP=shop\nDATABASE_URL=sqlite:///shop.db\n")
    lay(folder, "")
    return SimpleNamespace(folder=folder)


def lay(folder: Path, while_loading: str) -> None:
    (folder / "shop.py").write_text(APP.format(while_loading=while_loading))


def say(copy: SimpleNamespace) -> tuple[str, str]:
    """Which loading of the app a command finds, and how many commands that had seen."""
    loading, count = run_flask(copy, "say").output.splitlines()[-1].split()
    return loading, count


def test_the_app_is_loaded_once_and_no_command_finds_what_another_has_left(copy: SimpleNamespace) -> None:
    first = say(copy)
    assert first[1] == "1"
    assert [say(copy) for _ in range(3)] == [first] * 3


def test_another_copy_loads_it_itself(copy: SimpleNamespace, confinement: Confinement) -> None:
    other = SimpleNamespace(folder=copy.folder.rename(confinement.root / "first"))
    first = say(other)
    other.folder.rename(copy.folder)
    assert say(copy) != first


def test_a_further_copy_keeps_the_app_from_its_second_command_on(
    copy: SimpleNamespace, confinement: Confinement
) -> None:
    """Most copies get one command, and to leave the app loaded takes a fifth of it."""
    say(SimpleNamespace(folder=copy.folder.rename(confinement.root / "first")))
    copy.folder.mkdir()
    (copy.folder / ".flaskenv").write_text("FLASK_APP=shop\nDATABASE_URL=sqlite:///shop.db\n")
    lay(copy.folder, "")
    first, second, *later = (say(copy) for _ in range(4))
    assert second != first
    assert later == [second] * 2


def test_a_changed_file_is_loaded_again(copy: SimpleNamespace) -> None:
    first = say(copy)
    lay(copy.folder, "import json")
    assert say(copy) != first


@pytest.mark.parametrize(
    "while_loading",
    [
        "print('loading')",
        "import sys; print('loading', file=sys.stderr)",
        "import sys; is_upgrade = 'upgrade' in sys.argv",
        "import sys; typed = list(sys.argv)",
        "import sqlite3; sqlite3.connect(':memory:')",
        "import os; os.environ['SAID'] = 'by the app'",
        "import pathlib; pathlib.Path('written').write_text('')",
        "import subprocess; subprocess.run(['true'])",
        "import threading, time; threading.Thread(target=time.sleep, args=(2,), daemon=True).start()",
        "import socket; socket.socket()",
    ],
)
def test_where_loading_does_more_than_compute_each_command_loads_the_app(
    copy: SimpleNamespace, while_loading: str
) -> None:
    lay(copy.folder, while_loading)
    first = say(copy)
    (copy.folder / "written").unlink(missing_ok=True)
    assert say(copy) != first


def test_an_error_reads_the_same(copy: SimpleNamespace) -> None:
    first, second = (run_flask(copy, "fail") for _ in range(2))
    assert first == second
    assert first.exit_code == 1
    assert "ValueError" in first.output


def test_an_app_that_cannot_be_loaded_says_so_each_time(copy: SimpleNamespace) -> None:
    lay(copy.folder, "import nothing_of_this_name")
    first, second = (run_flask(copy, "say") for _ in range(2))
    assert first == second
    assert "nothing_of_this_name" in first.output


def test_what_was_loaded_ends_with_the_check(copy: SimpleNamespace, confinement: Confinement) -> None:
    before = {each.pid for each in family()}
    say(copy)
    left = [each for each in family() if each.pid not in before]
    assert left
    confinement.end_processes()
    psutil.wait_procs(left, timeout=10)
    assert not [each for each in left if each.is_running()]


def family() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)
