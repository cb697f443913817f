"""Commands in a fresh process: stopped at their limit, interruptible, and never left behind."""

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from flask.cli import cli

from migration_lab.ground.errors import LabError
from migration_lab.shops import process
from migration_lab.shops.flask_command import environment
from migration_lab.shops.process import StoppedError, forkserver, output, program, run, serving
from migration_lab.shops.process.readable import wait_readable
from tests.shops.process.commands import flask, forkservers, more


def _alive(pid_file: Path) -> bool:
    try:
        return psutil.Process(int(pid_file.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


ENDLESS = "import os, pathlib\npathlib.Path('pid').write_text(str(os.getpid()))\nprint('begun')\nwhile True: pass"


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self._put_forward = 0.0

    def pass_seconds(self, seconds: float) -> None:
        self._put_forward += seconds

    def monotonic(self) -> float:
        return time.monotonic() + self._put_forward


STUBBORN = "import signal\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n" + ENDLESS


@pytest.mark.parametrize("text", [ENDLESS, STUBBORN])
def test_a_command_without_end_is_stopped_at_its_limit(
    text: str, shop: Path, either_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "GRACE_SECONDS", 0.3)
    more(shop, text)
    flask(shop, "db", "upgrade", "0002")
    clock = Clock()
    monkeypatch.setattr(program, "time", clock)
    with pytest.raises(StoppedError) as stopped:
        flask(shop, "db", "upgrade", timeout=600, on_output=lambda text: clock.pass_seconds(600 * ("begun" in text)))
    assert stopped.value.message == "`flask db upgrade` was stopped after 600 seconds."
    assert "begun" in stopped.value.output
    _until(lambda: not _alive(shop / "pid"))
    assert flask(shop, "db", "current").output.splitlines()[-1] == "0002"


# What it starts is deaf to Ctrl-C, and it ends at it itself: the way of a script that leaves a server behind.
DEAF_CHILD = (
    "import pathlib, subprocess, sys, time\n"
    "deaf = 'import signal, time; signal.signal(2, signal.SIG_IGN); print(1, flush=True); time.sleep(600)'\n"
    "started = subprocess.Popen([sys.executable, '-c', deaf], stdout=subprocess.PIPE)\n"
    "started.stdout.readline()\npathlib.Path('pid').write_text(str(started.pid))\nprint('begun')\ntime.sleep(600)"
)


def test_what_a_stopped_command_had_started_ends_with_it(
    shop: Path, either_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more(shop, DEAF_CHILD)
    clock = Clock()
    monkeypatch.setattr(program, "time", clock)
    with pytest.raises(StoppedError):
        flask(shop, "db", "upgrade", timeout=600, on_output=lambda text: clock.pass_seconds(600 * ("begun" in text)))
    _until(lambda: not _alive(shop / "pid"))


def test_ctrl_c_is_not_lost_when_the_forkserver_goes_at_that_moment(shop: Path) -> None:
    more(shop, ENDLESS)

    def take(text: str) -> None:
        if "begun" in text:
            _forkserver().kill()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flask(shop, "db", "upgrade", on_output=take)
    _until(lambda: not _alive(shop / "pid"))


def test_what_is_registered_for_the_end_is_done_at_ctrl_c(shop: Path, either_way: str) -> None:
    (shop / "ends.py").write_text(
        "import atexit, os, signal\n\n\ndef main():\n    atexit.register(print, 'done')\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
    )
    ended = run(["ends:main"], folder=shop, env=environment(shop))
    assert ended.exit_code == -signal.SIGINT
    assert ended.output.endswith("done\n")


def test_a_program_is_not_begun_in_a_folder_that_is_gone(tmp_path: Path, either_way: str) -> None:
    with pytest.raises(LabError, match="The folder nowhere is not there any more"):
        process.start(["flask", "db", "heads"], folder=tmp_path / "nowhere", env={})


@pytest.mark.parametrize("text", [ENDLESS, STUBBORN])
def test_ctrl_c_reaches_the_command_and_then_the_caller(
    text: str,
    shop: Path,
    either_way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if text == STUBBORN:  # the other one gets time to say that it was aborted
        monkeypatch.setattr(program, "GRACE_SECONDS", 0.3)
    more(shop, text)
    shown: list[str] = []
    ctrl_c = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    def take(piece: str) -> None:
        shown.append(piece)
        if "begun" in piece:
            ctrl_c.start()

    with pytest.raises(KeyboardInterrupt):
        flask(shop, "db", "upgrade", on_output=take)
    assert "begun" in "".join(shown)
    if text == ENDLESS:
        assert "".join(shown).endswith("Aborted!\n")
    _until(lambda: not _alive(shop / "pid"))


@pytest.mark.parametrize("name", serving.PRELOAD)
def test_what_the_forkserver_imports_beforehand_is_there(name: str) -> None:
    importlib.import_module(name)


def test_the_forkserver_looks_for_the_commands_of_installed_packages() -> None:
    cli._load_plugin_commands()
    assert cli._loaded_plugin_commands


@pytest.mark.parametrize("what", [KeyboardInterrupt, TimeoutError])
def test_a_child_that_its_caller_did_not_wait_for_does_nothing(
    what: type[BaseException], shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "slow.py").write_text("def main():\n    open('ran', 'a').write('ran ')\n")
    assert flask(shop, "db", "heads").exit_code == 0
    others = set(_forkserver().children())  # which earlier commands have left running
    errors = iter([what])

    def not_at_first(descriptor: int, seconds: float) -> bool:
        is_ready = wait_readable(descriptor, seconds)
        for each in errors:
            time.sleep(0.5)  # long enough for a child that has its orders
            raise each
        return is_ready

    monkeypatch.setattr(forkserver, "wait_readable", not_at_first)
    with contextlib.suppress(KeyboardInterrupt):
        run(["slow:main"], folder=shop, env=environment(shop))
    assert flask(shop, "db", "heads").exit_code == 0
    _until(lambda: others.issuperset(_forkserver().children()))
    times = (shop / "ran").read_text() if (shop / "ran").exists() else ""
    assert times == ("" if what is KeyboardInterrupt else "ran ")


def test_what_a_command_leaves_running_does_not_hold_up_its_end(shop: Path, either_way: str) -> None:
    more(shop, "import subprocess\nsubprocess.Popen(['sleep', '60'])")
    began = time.monotonic()
    assert flask(shop, "db", "upgrade").exit_code == 0
    assert time.monotonic() - began < 50


def test_a_command_that_ended_while_its_caller_had_no_turn_was_not_stopped(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask(shop, "--version")
    others = set(_forkserver().children())  # which earlier commands have left running
    looks = iter([lambda: None])  # the first only sets the limit

    def clock() -> float:
        next(looks, lambda: _until(lambda: others.issuperset(_forkserver().children())))()
        return time.monotonic()

    monkeypatch.setattr(program, "time", SimpleNamespace(monotonic=clock))
    assert "Flask" in flask(shop, "--version", timeout=0.001).output


def test_what_a_command_has_printed_is_read_however_late(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_late(*args: Any, **options: Any) -> Any:
        time.sleep(1)  # by then the command has ended, and the caller has waited for more
        return os.fdopen(*args, **options)

    monkeypatch.setattr(output, "open", open_late, raising=False)
    assert "Flask" in flask(shop, "--version").output


def test_a_forkserver_that_was_killed_is_replaced_unnoticed(shop: Path) -> None:
    assert flask(shop, "db", "heads").exit_code == 0
    _forkserver().kill()
    assert flask(shop, "db", "heads").output == "0002 (head)\n"
    assert _forkserver().is_running()


def test_a_fork_of_the_caller_does_not_keep_its_forkserver_alive(shop: Path) -> None:
    script = (
        "import os, sys, time\nfrom pathlib import Path\nfrom migration_lab.shops.flask_command import environment\n"
        "from migration_lab.shops.process import run\n"
        f"folder = Path({str(shop)!r})\n"
        "heads = lambda: run(['flask', 'db', 'heads'], folder=folder, env=environment(folder)).output\n"
        "heads()\nparent = os.getpid()\n"
        "if os.fork():\n    time.sleep(600)\n"
        "print(heads(), flush=True)\nsys.stdin.read()\n"
    )
    caller = psutil.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert caller.stdout.readline() == "0002 (head)\n"
    (its_own,) = [each for each in caller.children() if "process.serving" in " ".join(each.cmdline())]
    caller.kill()
    _, alive = psutil.wait_procs([its_own], timeout=30)
    caller.communicate()  # the fork ends with its input
    assert not alive


def test_a_forkserver_killed_under_a_command_is_said(shop: Path) -> None:
    more(shop, ENDLESS)

    def take(text: str) -> None:
        if "begun" in text:
            _forkserver().kill()

    with pytest.raises(LabError, match="cut short"):
        flask(shop, "db", "upgrade", on_output=take)
    _until(lambda: not _alive(shop / "pid"))
    assert flask(shop, "db", "heads").exit_code == 0


def _forkserver() -> psutil.Process:
    """The one of this process; an earlier one may still be on its way out."""
    _until(lambda: len(forkservers()) == 1)
    return forkservers()[0]


def test_a_caller_that_is_killed_takes_command_and_forkserver_with_it(shop: Path) -> None:
    more(shop, STUBBORN)
    script = (
        "import sys\nfrom pathlib import Path\nfrom migration_lab.shops.flask_command import environment\n"
        "from migration_lab.shops.process import run\n"
        f"folder = Path({str(shop)!r})\nrun(['flask', 'db', 'upgrade'], folder=folder, env=environment(folder))\n"
    )
    caller = psutil.Popen([sys.executable, "-c", script])
    _until(lambda: (shop / "pid").exists() and (shop / "pid").read_text() != "")
    family = caller.children(recursive=True)
    assert len(family) == 2  # the forkserver and its child
    caller.kill()
    caller.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    for each in alive:
        each.kill()
    assert not alive
    assert flask(shop, "db", "upgrade", "0002").exit_code == 0
