"""Starts JupyterLab on the learner's folder."""

import os
import secrets
import shlex
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from migration_lab.ground import limits, my_work, places
from migration_lab.ground.errors import LabError
from migration_lab.ground.jupyter import terminal

FIRST_PAGE = "lab/tree/notebooks/contents.ipynb"
# Of the shell: another project's database; kernels and extensions of another Jupyter; warnings that become errors.
IGNORED = ("DATABASE_URL", "JUPYTER_PATH", "PYTHONWARNINGS")
PORTS = range(8888, 8938)
SHORT = {"--port": "--ServerApp.port", "--ip": "--ServerApp.ip", "--notebook-dir": "--ServerApp.root_dir"}


def main(options: list[str] | None = None, *, ready: Callable[[], None] = lambda: None) -> int:
    """Update `my_work/` and become JupyterLab.

    Args:
        options: passed on to JupyterLab; by default those of the command line.
        ready: called when `my_work/` is up to date.

    Returns:
        The exit code for the shell, if JupyterLab could not be started.
    """
    options = sys.argv[1:] if options is None else options
    limits.raise_open_files()
    if few := limits.too_few_files():
        print(few)
    if moved := places.ensure_home():
        print(moved)
    try:
        for sentence in my_work.sync():
            print(sentence)
        ready()
        port = free_port(asked_port(options))
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    environment = lab_environment()
    print(f"JupyterLab: http://127.0.0.1:{port}/{FIRST_PAGE}?token={environment['JUPYTER_TOKEN']}")
    print("Keep this window open while you work. To stop: Ctrl-C here, twice.", flush=True)
    others = without_port(options)
    command = [sys.executable, "-m", "migration_lab.ground.jupyter.lean", *settings(port, others), *others]
    os.chdir(places.my_work())  # where its terminals begin
    if os.name == "nt":
        return os.spawnve(os.P_WAIT, sys.executable, command, environment)
    os.execve(sys.executable, command, environment)


def settings(port: int, options: list[str] | None = None) -> list[str]:
    """JupyterLab's options: only this machine can reach it, and it shows the learner's folder.

    Settings that are also in `options` are left out, because JupyterLab refuses duplicates.
    """
    chosen = [
        f"--ServerApp.root_dir={places.my_work()}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",  # so that the printed address is right
        f"--ServerApp.default_url=/{FIRST_PAGE}",
        # Its warnings are about itself, such as that a notebook is "not trusted"; they only worry learners.
        "--log-level=ERROR",
        "--LabApp.log_level=ERROR",
        *terminals(),
        "--ContentsManager.allow_hidden=True",  # so that the editor opens `.flaskenv`; the file browser hides it still
        "--MappingKernelManager.transport_encryption=auto",  # otherwise each kernel warns about eavesdropping
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        chosen.append("--allow-root")
    if not has_screen():
        chosen.append("--no-browser")
    names = [option.partition("=")[0] for option in options or []]
    given = {SHORT.get(name, name) for name in names}
    return [each for each in chosen if each.partition("=")[0] not in given]


def terminals() -> list[str]:
    """The option that gives JupyterLab's terminals a shell in which the lab's commands come first."""
    command = terminal.shell_command()
    return [f"--ServerApp.terminado_settings=shell_command={shlex.join(command)}"] if command else []


def lab_environment() -> dict[str, str]:
    """The environment of JupyterLab, its kernels and its terminals.

    The environment's own commands come first, so that `flask` in a terminal is this one; no database of another
    project is in reach; and JupyterLab's settings are the course's, kept with the learner's work.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in IGNORED and not name.startswith(("FLASK_", "SQLALCHEMY_"))
    }
    if not env.get("LAB_POSTGRES_URL"):  # otherwise a PGPASSWORD for another server would be tried on the course's own
        env = {name: value for name, value in env.items() if not name.startswith("PG")}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env |= terminal.environment()
    env.pop("PYTHONOPTIMIZE", None)  # it removes every assert, and a cell that proves nothing would pass
    env["JUPYTER_CONFIG_DIR"] = str(places.my_work() / ".jupyter")
    env.setdefault("JUPYTER_TOKEN", secrets.token_hex(24))
    return env


def asked_port(options: list[str]) -> int | None:
    """The port that the learner asked for, if any."""
    for before, option in zip(["", *options], options, strict=False):
        value = option.partition("=")[2] if option.startswith(("--port=", "--ServerApp.port=")) else ""
        if before == "--port":
            value = option
        if value:
            if not value.isdigit():
                raise LabError(f"{value!r} is not a port.", "Give a number, as in --port=8890.")
            return int(value)
    return None


def without_port(options: list[str]) -> list[str]:
    """The options without the port, which may be taken."""
    left = [option for option in options if not option.startswith(("--port=", "--ServerApp.port="))]
    while "--port" in left:
        at = left.index("--port")
        del left[at : at + 2]
    return left


def free_port(asked: int | None = None) -> int:
    """The first free port from the requested one; a message says so if it is another."""
    first = asked or PORTS[0]
    for port in range(first, min(first + len(PORTS), 65536)):
        with socket.socket() as probe:
            if os.name != "nt":  # like JupyterLab, so that a port that was in use a moment ago counts as free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port != first:
            print(f"Port {first} is taken, so JupyterLab uses port {port}.")
        return port
    raise LabError(
        f"No port from {first} to {first + len(PORTS) - 1} is free.", "Choose another: python run.py lab --port=9000."
    )


def has_screen() -> bool:
    """Whether a browser window can be opened here; a Linux machine without a display would start a text browser."""
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER")
    )


if __name__ == "__main__":
    sys.exit(main())
