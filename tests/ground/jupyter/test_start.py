"""`python run.py lab` becomes JupyterLab: on a free port, on this machine alone, at the first lesson."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from migration_lab.ground.errors import LabError
from migration_lab.ground.jupyter import start
from tests.instruments.test_traffic import command_of

FIRST = "notebooks/contents.ipynb"


def test_a_taken_port_is_said_and_the_next_one_used(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        if os.name != "nt":  # or a connection that has just ended would keep the test, and nobody else, from the port
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8888))
            other.listen()
        except OSError:
            pass  # taken by somebody else, which is as good
        port = start.free_port()
    assert port > 8888
    assert capsys.readouterr().out == f"Port 8888 is taken, so JupyterLab uses port {port}.\n"


def test_a_port_that_was_asked_for_and_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        port = start.free_port(taken)
    assert port > taken
    assert f"Port {taken} is taken, so JupyterLab uses port {port}." in capsys.readouterr().out
    options = start.without_port(["--port", "9001", "--no-browser", "--ServerApp.port=9001", f"--port={taken}"])
    assert options == ["--no-browser"]
    assert f"--ServerApp.port={port}" in start.settings(port, options)


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ([], None),
        (["--port=9001"], 9001),
        (["--no-browser", "--port", "9001"], 9001),
        (["--ServerApp.port=9001"], 9001),
    ],
)
def test_a_port_that_was_asked_for_is_taken(options: list[str], port: int | None) -> None:
    assert start.asked_port(options) == port


@pytest.mark.parametrize("option", ["--port=9001", "--port", "--ServerApp.port=9001", "--ip=0.0.0.0"])
def test_what_the_learner_asks_for_is_said_to_jupyterlab_only_once(home: Path, option: str) -> None:
    full = option.replace("--port", "--ServerApp.port").replace("--ip", "--ServerApp.ip").partition("=")[0]
    assert full in [each.partition("=")[0] for each in start.settings(8888)]
    assert full not in [each.partition("=")[0] for each in start.settings(8888, [option])]
    assert f"--ServerApp.root_dir={home}" in start.settings(8888, [option])


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(LabError, match="'abc' is not a port"):
        start.asked_port(["--port=abc"])


@pytest.mark.usefixtures("home")
def test_only_this_machine_reaches_jupyterlab_and_no_other_database_is_in_reach(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    for name in ("DATABASE_URL", "FLASK_APP", "FLASK_ENV", "SQLALCHEMY_DATABASE_URI", "PGPASSWORD", "PYTHONOPTIMIZE"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.delenv("LAB_POSTGRES_URL", raising=False)
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    seen = start.lab_environment()
    assert "theirs" not in seen.values()
    assert seen["JUPYTER_TOKEN"]
    assert Path(seen["PATH"].split(os.pathsep)[0]) == Path(sys.executable).parent
    assert "--ServerApp.ip=127.0.0.1" in start.settings(8888)
    assert f"--ServerApp.root_dir={home}" in start.settings(8888)
    monkeypatch.setenv("LAB_POSTGRES_URL", "postgresql://ann@server/postgres")
    assert start.lab_environment()["PGPASSWORD"] == "theirs"  # it may be meant for that server


def test_what_the_learner_asks_for_is_said_once() -> None:
    """JupyterLab refuses an option that is given twice."""
    assert "--ServerApp.port=8888" in start.settings(8888)
    for options in (["--port=9001"], ["--port", "9001"], ["--ServerApp.port=9001"]):
        assert not [each for each in start.settings(9001, options) if "port=" in each]


def test_without_a_screen_no_text_browser_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert "--no-browser" in start.settings(8888)
    monkeypatch.setenv("DISPLAY", ":0")
    assert "--no-browser" not in start.settings(8888)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """JupyterLab as a learner starts it, in a folder of its own: its URL, and the folder."""
    course, mine = tmp_path / "course", tmp_path / "my work"
    for folder in ("notebooks", "exercises"):
        (course / folder).mkdir(parents=True)
        empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (course / folder / "contents.ipynb").write_text(json.dumps(empty), encoding="utf-8")
    env = {
        **os.environ,
        "LAB_COURSE": str(course),
        "LAB_WORK": str(mine),
        "FLASK_APP": "other",
        "SHELL": shutil.which("bash") or "",
        "JUPYTER_TOKEN": "a" * 48,
    }
    command = [
        sys.executable,
        "-m",
        "migration_lab.teaching.progress.first_page",
        "--no-browser",
        f"--port={start.free_port()}",
    ]
    said = tmp_path / "said"
    with (
        said.open("w") as written,
        subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=written, text=True) as process,
    ):
        assert process.stdout
        line = ""
        while not line.startswith("JupyterLab: "):
            line = process.stdout.readline()
            assert line, "JupyterLab was not started"
        yield line.removeprefix("JupyterLab: ").strip(), mine
        process.send_signal(signal.SIGTERM)
    assert "[I " not in said.read_text(), "what JupyterLab loads is nothing to a learner"
    assert "[W " not in said.read_text(), "nor are its warnings about itself"


def answer(url: str, deadline: float = 60) -> bytes:
    """What the server answers, as soon as it does."""
    end = time.monotonic() + deadline
    while True:
        try:
            return bytes(urllib.request.urlopen(url).read())
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_jupyterlab_starts_on_the_first_lesson_behind_a_token(lab: tuple[str, Path]) -> None:
    url, mine = lab
    host, _, token = url.partition(f"/lab/tree/{FIRST}?token=")
    assert host.startswith("http://127.0.0.1:")
    assert b"JupyterLab" in answer(url)
    listing = json.loads(answer(f"{host}/api/contents?token={token}"))
    assert {"notebooks", "exercises"} <= {entry["name"] for entry in listing["content"]}
    assert (mine / FIRST).exists()
    urllib.request.urlopen(urllib.request.Request(f"{host}/api/terminals?token={token}", method="POST", data=b""))
    shells = [each for each in psutil.Process().children(recursive=True) if "--rcfile" in command_of(each)]
    assert {Path(each.cwd()) for each in shells} == {mine}, "a terminal begins in the learner's folder"
    with pytest.raises(urllib.error.HTTPError) as error:
        answer(f"{host}/api/contents")
    assert error.value.code == 403


def test_nothing_at_the_start_builds_a_grammar_that_nobody_needs() -> None:
    """It takes longer than all that JupyterLab itself imports."""
    asked = "import sys, migration_lab.ground.jupyter.lean, jupyterlab.labapp, nbformat; print('lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
