"""The two commands of the README, and their messages on a machine with problems."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from migration_lab.ground import installation, network_settings, places, setup_errors

ROOT = places.course_root()
NEEDED = ("run.py", "Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "jupyter")
FIRST = "notebooks/00_start_here.ipynb"
NETWORK = "error: Failed to fetch\n  Caused by: error sending request\n  Caused by: dns error"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with no environment yet, whose folder has a space in its name."""
    root = tmp_path / "my course"
    shutil.copytree(ROOT / "jupyter", root / "jupyter")
    for name in NEEDED[:-1]:
        shutil.copy(ROOT / name, root / name)
    monkeypatch.setattr(network_settings, "listed", lambda _: "")
    monkeypatch.setattr(installation, "holds_packages", lambda _: True)
    monkeypatch.setattr(installation, "ROOT", root)
    monkeypatch.setattr(
        installation, "LOCKS", {"lab": root / "requirements.lock", "test": root / "requirements-dev.lock"}
    )
    return root


@pytest.fixture
def commands(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that a preparation would run; none is run, but the environment's Python appears."""
    ran: list[list[str]] = []

    def run(command: list[str], *_: object) -> None:
        ran.append(command)
        installation.scripts().mkdir(parents=True, exist_ok=True)
        if "venv" in command:
            installation.python().symlink_to(Path(sys.executable).resolve())
            (installation.venv() / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n", encoding="utf-8")

    monkeypatch.setattr(installation, "run", run)
    monkeypatch.setattr(installation, "find_uv", lambda: "uv")
    return ran


def fails_with(output: str) -> str:
    """A shell's command that prints this and fails."""
    return f"import sys; sys.stderr.write({output!r}); sys.exit(1)"


# ------------------------------------------------------------------------------------------------ the first Python


def test_run_py_can_be_read_by_the_oldest_pythons() -> None:
    """Python 2.7 is not at hand everywhere; what it does not know is looked for in the tree."""
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Starred, ast.Nonlocal)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            assert node.returns is None
            assert not node.args.kwonlyargs
            assert not [each for each in arguments if each.annotation]


def shim(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def as_if_old(arguments: str = "help") -> list[str]:
    """run.py in a Python that says that it is 3.8."""
    code = f"import sys; sys.version_info = (3, 8); sys.argv = ['run.py', {arguments!r}]; exec(open('run.py').read())"
    return [sys.executable, "-c", f"__file__ = 'run.py'; {code}"]


def test_an_old_python_says_in_one_sentence_what_is_needed(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(as_if_old(), cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("The course needs Python 3.11 or newer, and this is Python 3.8.")
    assert done.stderr.count("\n") == 1


def test_the_commands_need_nothing_that_is_installed() -> None:
    done = subprocess.run([sys.executable, "-S", "run.py", "help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python run.py lab")


def test_an_old_python_looks_for_a_newer_one_that_really_runs(tmp_path: Path) -> None:
    shim(tmp_path, "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    shim(tmp_path, "python3.12", f'exec "{sys.executable}" "$@"')
    done = subprocess.run(
        as_if_old(), cwd=ROOT, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python run.py lab")
    assert done.stderr == ""


def test_make_takes_the_first_python_that_really_runs(tmp_path: Path) -> None:
    """`python3` may be a pyenv shim without a version behind it."""
    make = shutil.which("make")
    assert make, "make is there wherever the whole suite runs"
    shim(tmp_path, "python3", "exit 127")
    shim(tmp_path, "python", 'echo "ran: $@"')
    shim(tmp_path, "sh", 'exec /bin/sh "$@"')
    command = [make, "lab", "ARGS=--no-browser"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "ran: run.py lab --no-browser"
    (tmp_path / "python").unlink()
    done = subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert "The course needs Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["help"], 0), (["--help"], 0), (["lba"], 2)])
def test_an_unknown_command_shows_how_it_is_used(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installation.main(arguments) == code
    assert "python run.py test" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------- the environment


def test_the_environment_is_made_from_the_lock_by_hash_and_then_left_alone(
    checkout: Path, commands: list[list[str]]
) -> None:
    installation.prepare("lab")
    venv, sync, course = commands
    assert venv[:2] == ["uv", "venv"]
    assert sync[:4] == ["uv", "pip", "sync", "--require-hashes"]
    assert sync[-1] == str(checkout / "requirements.lock")
    assert course[-4:] == ["--no-deps", "--no-build-isolation", "--editable", "."]
    installation.prepare("lab")
    assert len(commands) == 3


@pytest.mark.parametrize(
    "changed", ["requirements.lock", "pyproject.toml", "jupyter/overrides.json", "jupyter/labextension/static/lab.css"]
)
def test_a_newer_course_brings_the_environment_up_to_date(
    checkout: Path, commands: list[list[str]], changed: str
) -> None:
    installation.prepare("lab")
    commands.clear()
    with (checkout / changed).open("a", encoding="utf-8") as file:
        file.write("\n")
    installation.prepare("lab")
    assert [command[2] for command in commands] == ["sync", "install"], "the environment itself is still good"


def test_maintainers_have_one_environment_for_both_commands(checkout: Path, commands: list[list[str]]) -> None:
    installation.prepare("lab")
    installation.prepare("test")
    assert commands[-2][-1] == str(checkout / "requirements-dev.lock")
    commands.clear()
    installation.prepare("lab")
    installation.prepare("test")
    assert commands == []


@pytest.mark.parametrize("interrupted_at", [0, 1, 2])
def test_an_interrupted_setup_is_finished_by_the_next_start(
    checkout: Path, commands: list[list[str]], interrupted_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.prepare("lab")
    (checkout / "requirements.lock").write_text("", encoding="utf-8")
    shutil.rmtree(installation.venv())
    whole = installation.run
    commands.clear()

    def interrupted(command: list[str], *_: object) -> None:
        if len(commands) == interrupted_at:
            raise KeyboardInterrupt
        whole(command)

    with monkeypatch.context() as patch:
        patch.setattr(installation, "run", interrupted)
        assert installation.main(["lab"]) == 130
    assert not installation.is_ready("lab")
    installation.prepare("lab")
    assert installation.is_ready("lab")


def test_an_environment_that_was_moved_is_made_again(
    checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.prepare("lab")
    moved = checkout.rename(checkout.with_name("moved"))
    monkeypatch.setattr(installation, "ROOT", moved)
    monkeypatch.setattr(installation, "LOCKS", {"lab": moved / "requirements.lock", "test": moved / "run.py"})
    assert not installation.is_ready("lab")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (NETWORK, "The packages cannot be fetched. Check the network"),
        ("Caused by: client error\n  Caused by: unsuccessful tunnel", "The proxy"),
        ("╰─▶ Because there is no version\n of tiny==1.0 and", "The package index does not have tiny==1.0"),
        ("tiny.whl is missing an upload date, but user provided: 2020-01-02", "uv is set to ignore packages"),
        ("Could not install: [Errno 28] No space left on device", "The disk is full. Free about one gigabyte"),
        ("error: Read-only file system (os error 30)", "The folder of the course cannot be written to."),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "A package is not the one that the lock file names."),
        ("[Errno 13] Permission denied: '.venv/bin/x'", "A file of the environment cannot be written."),
        ("Failed to initialize cache at `/x`\n cause: Permission denied", "The folder in which uv keeps packages"),
        ("error: Failed to parse: `/x/uv.toml`\n  TOML parse error at line 1", "A configuration file of uv cannot be"),
        ("Failed to write to the client cache\n Too many open files (os error 24)", "Too few files can be open"),
        ("memory allocation of 4023564 bytes failed", "There is not enough memory."),
        ("something odd", "The environment could not be made: something odd"),
    ],
)
@pytest.mark.usefixtures("checkout")
def test_a_failure_ends_in_one_sentence(output: str, sentence: str) -> None:
    with pytest.raises(setup_errors.SetupError) as error:
        installation.run([sys.executable, "-c", fails_with(output)])
    assert str(error.value).startswith(sentence)


def test_little_room_is_said_before_anything_is_fetched(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 5_000_000))
    assert installation.main(["lab"]) == 1
    assert "5 MB are free" in capsys.readouterr().err
    assert commands == []


@pytest.mark.parametrize("variable", ["SOABI", "HOST_GNU_TYPE"])
def test_a_system_without_glibc_is_refused_before_anything_is_fetched(
    variable: str, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {variable: "x86_64-linux-musl"}
    monkeypatch.setattr(sysconfig, "get_config_var", known.get)
    monkeypatch.setattr(installation, "run_in_environment", lambda _: 0)
    assert installation.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("This Linux uses musl, as Alpine does")
    assert said.endswith("Use Debian, Ubuntu or Fedora, for example in a container.\n")
    assert commands == []
    assert not installation.venv().exists()


def test_a_path_that_no_environment_can_have_is_named(
    checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installation, "ROOT", checkout.rename(checkout.with_name(f"my{os.pathsep}course")))
    monkeypatch.setattr(installation, "LOCKS", {"lab": installation.ROOT / "requirements.lock"})
    monkeypatch.setattr(installation, "run_in_environment", lambda _: 0)
    assert installation.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert f"with {os.pathsep} in its path" in said
    assert "Move or rename the folder" in said
    assert ".venv" not in said
    assert commands == []


def test_a_python_without_venv_names_debians_package(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shim(
        tmp_path / "bin", "python", "echo 'The virtual environment was not created: ensurepip is not available'; exit 1"
    )
    monkeypatch.setattr(installation, "find_uv", lambda: None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    assert installation.main(["lab"]) == 1
    assert re.search(r"sudo apt install python3\.\d+-venv", capsys.readouterr().err)
    assert not installation.venv().exists()


def test_a_folder_that_cannot_be_written_is_said(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system", str(checkout))

    monkeypatch.setattr(installation, "make_venv", refuse)
    assert installation.main(["lab"]) == 1
    assert "Put the course into a folder of your own" in capsys.readouterr().err


@pytest.mark.usefixtures("checkout")
def test_another_users_folder_is_refused_before_anything_is_fetched(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installation, "run_in_environment", lambda _: 0)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert installation.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert "Put the course into a folder of your own" in said
    assert ".venv" not in said
    assert commands == []


def test_without_uv_it_comes_from_the_lock_by_its_hash(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(installation, "find_uv", lambda: "uv" if ran else None)
    monkeypatch.setattr(installation, "run", lambda command, *_: ran.append(command))
    installation.venv().mkdir()
    installation.install(installation.LOCKS["lab"])
    assert ran[0][1:3] == ["-m", "pip"]
    assert "--require-hashes" in ran[0]
    only_uv = Path(ran[0][-1]).read_text(encoding="utf-8")
    assert only_uv.startswith("uv==")
    assert only_uv.count("==") == 1
    assert only_uv.count("--hash=sha256:") > 5
    assert ran[1][:3] == ["uv", "pip", "sync"]


def test_where_there_is_no_uv_for_the_machine_pip_does_it_all(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], *_: object) -> None:
        ran.append(command)
        if len(ran) == 1:
            raise setup_errors.explained("No matching distribution found for uv")

    monkeypatch.setattr(installation, "find_uv", lambda: None)
    monkeypatch.setattr(installation, "has_pip", lambda: True)
    monkeypatch.setattr(installation, "run", run)
    installation.venv().mkdir()
    installation.install(installation.LOCKS["lab"])
    assert "--require-hashes" in ran[1]
    rest = Path(ran[1][-1]).read_text(encoding="utf-8")
    assert "\nalembic==" in "\n" + rest
    assert "\nuv==" not in rest


def test_a_uv_that_does_not_run_is_not_taken(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim(tmp_path / "bin", "uv", "echo 'pyenv: uv: command not found' >&2; exit 127")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert installation.find_uv() is None


def test_settings_of_other_projects_stay_outside(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "PIP_TARGET": "x", "PIP_USER": "1", "PYTHONPATH": "x", "UV_SYSTEM_PYTHON": "1", "UV_PROJECT_ENVIRONMENT": "x",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONOPTIMIZE": "1",
        "DATABASE_URL": "postgresql://production", "FLASK_APP": "other", "SQLALCHEMY_DATABASE_URI": "x",
        "PIP_INDEX_URL": "kept", "LAB_ENGINE": "kept",
    }  # fmt: skip
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    seen = installation.clean()
    assert sorted(theirs.keys() & seen.keys()) == ["LAB_ENGINE", "PIP_INDEX_URL"]
    assert seen["PATH"].startswith(str(installation.scripts()) + os.pathsep)
