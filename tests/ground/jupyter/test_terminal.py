"""A terminal of JupyterLab finds the lab's commands, whatever the learner's own start files do."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

from migration_lab.ground.engines import postgres
from migration_lab.ground.jupyter import start, terminal

COMMANDS = Path(sys.executable).parent


def bash() -> str:
    found = shutil.which("bash")
    assert found
    return found


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's home; a folder `tools` in it holds another `flask` and another `lab`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("flask", "lab"):
        (tools / name).write_text("#!/bin/sh\necho another\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", bash())
    monkeypatch.delenv("LAB_POSTGRES_URL", raising=False)
    return tmp_path


def type_there(line: str, folder: Path) -> list[str]:
    """What a terminal of JupyterLab prints for this line."""
    command = terminal.shell_command()
    assert command
    typed = subprocess.run(
        [*command, "-c", line],
        cwd=folder,
        env=start.lab_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
    )
    return typed.stdout.splitlines()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("file", [".bashrc", ".bash_profile", ".profile"])
def test_the_labs_commands_come_first(user: Path, file: str) -> None:
    start_file = 'export PATH="$HOME/tools:$PATH"\nalias lab="echo another"\nflask() { echo another; }\nMINE=yes\n'
    (user / file).write_text(start_file, encoding="utf-8")
    found = type_there("type -t flask lab; type -P flask lab; echo $MINE", user)
    assert found == ["function", "file", str(COMMANDS / "flask"), str(COMMANDS / "lab"), "yes"]


@pytest.mark.usefixtures("home")
def test_no_other_database_comes_from_a_start_file(user: Path) -> None:
    names = ("DATABASE_URL", "FLASK_APP", "SQLALCHEMY_DATABASE_URI", "PGPASSWORD")
    text = "".join(f"export {name}=theirs\n" for name in names)
    (user / ".bashrc").write_text(text, encoding="utf-8")
    assert not [line for line in type_there("env", user) if line.startswith(names)]


def test_the_folder_of_a_shop_is_reached_from_every_folder(user: Path, home: Path) -> None:
    shop = home / "shops" / "02_first-sqlite"
    shop.mkdir(parents=True)
    assert type_there("cd shops/02_first-sqlite >/dev/null; pwd", user) == [str(shop)]


@pytest.mark.usefixtures("own_state")
def test_flask_starts_the_server_that_has_stopped_meanwhile(
    user: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_POSTGRES_GRACE", "60")  # it stays for as long as this test needs it
    folder = home / "shops" / "a shop" / "notes"
    folder.mkdir(parents=True)
    url = postgres.Postgres().url(folder.parent)
    (folder.parent / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL={url}\n", encoding="utf-8")
    socket = Path(str(make_url(url).query["host"])) / ".s.PGSQL.5432"
    postgres.stop()
    assert not socket.exists()
    assert type_there("flask --version", folder)[0].startswith("Python")
    assert socket.exists()


def test_zsh_reads_the_labs_files_and_other_shells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZDOTDIR", raising=False)
    monkeypatch.setenv("SHELL", "/bin/zsh")
    command = terminal.shell_command()
    assert command
    assert command[-2:] == ["/bin/zsh", "-i"]
    folder = Path(command[2].removeprefix("ZDOTDIR="))
    assert sorted(each.name for each in folder.iterdir()) == [".zshenv", ".zshrc"]
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert terminal.shell_command() == ["/usr/bin/fish"]


def test_jupyterlab_is_told_which_shell_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_server.serverapp import ServerApp

    monkeypatch.setenv("SHELL", bash())
    told = [option for option in start.settings(8888) if "terminado" in option]
    app = ServerApp()
    app.parse_command_line(told)
    assert shlex.split(app.terminado_settings["shell_command"]) == terminal.shell_command()
    assert Path(shlex.split(app.terminado_settings["shell_command"])[2]).is_file()
