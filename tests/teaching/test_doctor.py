"""The doctor tries what lessons need, and names what to do about what it finds."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from migration_lab.ground import places
from migration_lab.instruments.shop import PlainShop
from migration_lab.shops.process import Completed
from migration_lab.teaching import doctor
from migration_lab.teaching.doctor import Examination, Finding, examine
from migration_lab.teaching.kernel_trial import Tried


@pytest.mark.usefixtures("home")
def test_this_machine_is_ready() -> None:
    steps: list[str] = []
    report = doctor.run(on_step=steps.append, on_finding=lambda finding: steps.append(finding.says))
    assert steps == [words for each in report.findings for words in (each.subject, each.says)]
    assert report.ok, report.as_text()
    assert "A downgrade and an upgrade of the shop ran on the lab's own server." in report.as_text()
    assert report.as_text().endswith("This machine is ready for the course.")


def test_a_problem_is_shown_with_its_next_step() -> None:
    findings = (Finding("ok", "Python", "It runs."), Finding("problem", "Disk", "It is full.", "Make room."))
    assert Examination(findings).as_text() == (
        "ok       Python  It runs.\n"
        "problem  Disk    It is full.\n"
        "                 Make room.\n"
        "\n"
        "1 thing needs your attention."
    )
    assert not Examination(findings).ok


def test_a_note_does_not_make_a_machine_unfit() -> None:
    assert Examination((Finding("note", "Browser", "There is none."),)).ok


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["SQLite", "Postgres"])
@pytest.mark.parametrize("failing", ["downgrade", "upgrade"])
def test_a_command_that_fails_is_a_problem(name: str, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(shop: object, command: str) -> Completed:
        return Completed(failing in command, f"Traceback\nOperationalError: {failing} is broken\n")

    monkeypatch.setattr(PlainShop, "flask", fail)
    finding = examine(name)
    assert finding.verdict == "problem"
    assert finding.says == f"`flask db {failing}` failed on {name}: OperationalError: {failing} is broken"
    assert not list(places.trials().glob("doctor-*")), "nothing is left behind"


@pytest.mark.usefixtures("home")
def test_a_postgres_that_cannot_be_reached_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", "postgresql://ann:secret@127.0.0.1:1/nowhere")
    finding = examine("Postgres")
    assert finding.verdict == "problem"
    assert finding.next_step
    assert "secret" not in finding.says + finding.next_step


def test_a_package_unlike_the_lock_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "click":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "alembic" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = examine("Packages")
    assert finding.verdict == "problem"
    assert "alembic 0.1, click (missing)" in finding.says
    assert "run.py lab" in finding.next_step


def kernelspec(folder: Path, program: str) -> Path:
    """A kernelspec as another Jupyter, or one that is no longer there, has left it."""
    made = folder / "kernels/python3"
    made.mkdir(parents=True)
    argv = [program, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (made / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python", "language": "python"}))
    return made


@pytest.mark.usefixtures("home")
def test_another_jupyter_s_kernels_and_warnings_do_not_reach_notebooks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernelspec(tmp_path, "/nowhere/python")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert examine("Kernel").verdict == "ok"
    finding = examine("Shell")
    assert finding.verdict == "note"
    assert "JUPYTER_PATH, PYTHONWARNINGS" in finding.says


@pytest.mark.usefixtures("home")
def test_a_stale_kernelspec_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale = kernelspec(tmp_path, "/nowhere/python")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    finding = examine("Kernel")
    assert finding.verdict == "problem"
    assert finding.says == f"Notebooks would start /nowhere/python, because the folder {stale} comes first."


@pytest.mark.usefixtures("home")
def test_a_kernel_that_a_variable_keeps_from_starting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise RuntimeError('of another project')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = examine("Kernel")
    assert finding.verdict == "problem"
    assert finding.says == "A notebook's kernel does not start: RuntimeError: of another project"
    assert finding.next_step == "Run `unset PYTHONPATH` in your shell, then try again."


@pytest.mark.parametrize(
    ("said", "cure"),
    [("ZMQError: Too many open files", "Run `ulimit -n 1024`"), ("MemoryError", "Shut down notebooks and programs")],
)
def test_a_kernel_that_a_limit_keeps_from_starting(said: str, cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "try_kernel", lambda: Tried(said=said))
    assert examine("Kernel").next_step.startswith(cure)


@pytest.mark.usefixtures("home")
def test_what_a_kernel_prints_besides_is_not_its_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    startup = tmp_path / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "late.py").write_text(
        "get_ipython().events.register('post_run_cell', lambda result: print('a warning'))\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert examine("Kernel").verdict == "ok"


def test_another_flask_that_a_variable_brings_in_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "flask.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "flask", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = examine("Packages")
    assert finding.says == f"Commands would run another Flask, {tmp_path / 'flask.py'}."
    assert finding.next_step == "Run `unset PYTHONPATH` in your shell, then try again."


def test_a_kernel_in_another_python_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.touch()
    monkeypatch.setattr(doctor, "try_kernel", lambda: Tried(sys.prefix, "python", str(other)))
    finding = examine("Kernel")
    assert finding.verdict == "problem"
    assert str(other) in finding.says


@pytest.mark.skipif(os.name != "posix", reason="no limit of open files")
@pytest.mark.parametrize(
    ("soft", "hard", "found"), [(64, 64, (64, "problem")), (64, 512, (512, "ok")), (64, 4096, (1024, "ok"))]
)
def test_a_limit_of_open_files_is_raised_where_it_may_be_and_else_named(
    soft: int, hard: int, found: tuple[int, str]
) -> None:
    import resource

    code = (
        "from migration_lab.ground import limits\nfrom migration_lab.teaching.doctor import examine\n"
        "limits.raise_open_files()\nfinding = examine('Open files')\n"
        "print(limits.open_files(), finding.verdict, finding.next_step)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
    ).stdout
    assert said.startswith(" ".join(map(str, found)))
    assert ("`ulimit -n 1024`" in said) == (found[1] == "problem")


@pytest.mark.usefixtures("home")
def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=7_000_000))
    finding = examine("Disk")
    assert finding.verdict == "problem"
    assert "Only 7 MB are free" in finding.says


def test_a_folder_that_cannot_be_written_is_a_problem(home: Path) -> None:
    home.write_text("a file in its place", encoding="utf-8")
    assert examine("my_work").verdict == "problem"


def test_a_database_url_in_the_shell_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://production")
    finding = examine("Shell")
    assert finding.verdict == "note"
    assert "unset DATABASE_URL" in finding.next_step
    assert "production" not in finding.says


def test_another_flask_in_the_shell_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flask = tmp_path / "flask"
    flask.write_text("#!/bin/sh\n", encoding="utf-8")
    flask.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "does not use the lab's" in examine("Shell").says
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), str(tmp_path)]))
    assert examine("Shell").verdict == "ok"


def test_what_nobody_foresaw_is_a_finding_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(doctor, "checkpoint_template", break_down)
    finding = examine("SQLite")
    assert finding.verdict == "problem"
    assert "RuntimeError: odd" in finding.says


def test_a_start_file_that_takes_flask_away_from_terminals_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "flask"
    other.write_text("#!/bin/sh\n", encoding="utf-8")
    other.chmod(0o755)
    bash = shutil.which("bash")
    assert bash
    monkeypatch.setenv("SHELL", bash)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".bashrc").write_text(f'export PATH="{tmp_path}:$PATH"\n', encoding="utf-8")
    assert examine("Terminal").verdict == "ok"
    (tmp_path / ".bashrc").write_text(f'export PATH="{tmp_path}:$PATH"\nreadonly PATH\n', encoding="utf-8")
    finding = examine("Terminal")
    assert finding.verdict == "problem"
    assert f'export PATH="{Path(sys.executable).parent}:$PATH"' in finding.next_step


@pytest.mark.parametrize(
    ("said", "verdict"), [("git version 2.39.5 (Apple Git-154)", "ok"), ("git version 2.25.1", "problem")]
)
def test_the_version_of_git_is_looked_at(said: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_git", lambda *_: Completed(0, f"{said}\n"))
    assert examine("git").verdict == verdict


def test_a_machine_without_git_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    finding = examine("git")
    assert (finding.verdict, finding.says) == ("problem", "There is no git on this machine.")
