"""Commands in a fresh process: their output and memory are limited."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from migration_lab.ground.errors import LabError
from migration_lab.shops.process import StoppedError, memory, output
from migration_lab.teaching.judging.words import error_in
from tests.shops.process.commands import flask, more


def test_of_a_long_output_beginning_and_end_are_kept(
    shop: Path, either_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "KEPT", 100_000)
    more(shop, "print('begun')\nfor n in range(300_000): print(n)\nprint('ended')")
    pieces: list[str] = []
    completed = flask(shop, "db", "upgrade", on_output=pieces.append)
    assert completed.exit_code == 0
    assert "".join(pieces) == completed.output
    beginning, _, end = completed.output.partition("\n[... ")
    assert "begun\n0\n1\n" in beginning
    left_out, _, end = end.partition(" bytes are left out here ...]\n")
    assert end.endswith("299999\nended\n")
    assert len(completed.output) < 300_000
    kept = len(beginning) + len(end)
    written = len("begun\nended\n") + sum(len(str(n)) + 1 for n in range(300_000))
    assert 0 <= kept + int(left_out.replace(",", "")) - written < 2_000  # and the lines of flask and Alembic


def test_an_output_that_fits_is_kept_as_it_is(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "KEPT", 2_000)
    more(shop, "print('é' * 1200)")  # a letter of two bytes lies across the middle
    completed = flask(shop, "db", "upgrade")
    assert "é" * 1200 in completed.output
    assert "left out" not in completed.output


def test_a_command_of_a_process_that_has_many_files_open(shop: Path, either_way: str) -> None:
    """`select.select` refuses numbers from 1024 on."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many: list[int] = []
    try:
        while not many or many[-1] < 1100:
            many.append(os.open(os.devnull, os.O_RDONLY))
        assert flask(shop, "db", "heads").output == "0002 (head)\n"
    finally:
        for each in many:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_command_that_prints_without_end_is_stopped(
    shop: Path, either_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "MOST", 5 * 1024**2)
    more(shop, "while True: print('x' * 99)")
    with pytest.raises(StoppedError, match="was stopped because it had printed more than") as stopped:
        flask(shop, "db", "upgrade", timeout=600)
    assert "Look for a loop without an end that prints" in stopped.value.next_step
    assert len(stopped.value.output) < 3 * output.KEPT


def test_a_command_that_takes_too_much_memory_is_stopped(
    shop: Path, either_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MOST", 400 * 1024**2)
    more(shop, "import time\nkept = []\nfor _ in range(100):\n    kept.append(b'x' * 20_000_000)\n    time.sleep(0.05)")
    with pytest.raises(StoppedError, match="was stopped because it took more than"):
        flask(shop, "db", "upgrade", timeout=600)


def test_a_line_without_end_is_cut_in_a_report(tmp_path: Path) -> None:
    assert len(error_in("x" * 10**6, tmp_path)) < 1000
    assert len(error_in(f"Traceback (most recent call last):\n  File\nValueError: {'x' * 10**6}", tmp_path)) < 1000


def test_a_process_that_cannot_be_started_is_said(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setenv("LAB_FORKSERVER", "0")
    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(LabError, match="cannot be started: Resource temporarily unavailable") as raised:
        flask(shop, "db", "heads")
    assert "Close programs" in raised.value.next_step


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such lists")
def test_what_a_command_has_started_is_found_without_a_look_at_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = "import sys; print('here', flush=True); sys.stdin.read()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with subprocess.Popen([sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        known = {process.pid, *(each.pid for each in psutil.Process(process.pid).children(recursive=True))}
        monkeypatch.delattr(psutil.Process, "children")
        assert {each.pid for each in memory.family_of(psutil.Process(process.pid))} == known
        assert len(known) == 2
        process.communicate()
