"""`lab prove`: what it tests, in which order, and its messages; in a separate process, as for an author."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from migration_lab.cli import STOPPED
from migration_lab.ground import course, installation, places
from migration_lab.ground.errors import LabError
from migration_lab.making import new, proofs, prove
from migration_lab.making.unwritten import UNWRITTEN

ROOT = places.course_root()
PROVE = (sys.executable, "-m", "migration_lab.cli", "prove")


def proved(args: Sequence[str], home: Path) -> tuple[int, str]:
    """The exit code and the output of `lab prove ARGS` in the course that LAB_COURSE names."""
    done = subprocess.run([*PROVE, *args], capture_output=True, text=True, env={**os.environ, "LAB_WORK": str(home)})
    assert not home.exists(), "an author's own work is not touched"
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def begun(course_copy: Path, lesson_04_planned: None) -> Path:
    """Lesson 04, begun and as if all were written, on SQLite."""
    for name in ("docs", "benchmarks"):
        shutil.copytree(ROOT / name, course_copy / name)
    shutil.copy(ROOT / "README.md", course_copy)
    new.new_lesson("04", say=lambda _: None)
    folder = course_copy / "lessons/04_names_and_constraints"
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        text = path.read_text(encoding="utf-8").replace(UNWRITTEN, "Written")
        path.write_text(text.replace("engines: [sqlite, postgres]", "engines: [sqlite]"), encoding="utf-8")
    return folder


def test_it_stops_at_the_first_fault_and_names_file_and_line(begun: Path, tmp_path: Path) -> None:
    wrong = begun / "answers/04.1.md"
    wrong.write_text(wrong.read_text(encoding="utf-8").replace("rejected by column", "rejected by no_drift"))
    code, said = proved(["04.1"], tmp_path / "work")
    assert code == 1
    assert re.search(
        r"^Proving 04\.1\.\nlinter:\n  ok .*\nanswers:\n  ok .*files.*\n  ok .*stub\n  ok .*solution\n", said
    )
    assert re.search(
        r"lessons/04_names_and_constraints/answers/04\.1\.md, line \d+: the wrong answer of exercise 04\.1 must be "
        "rejected by 'no_drift' on sqlite, but it is rejected by 'column'",
        said,
    )
    assert "it needs 3" not in said
    assert "1 fault after" in said


def test_it_goes_on_where_it_is_told_to(begun: Path, tmp_path: Path) -> None:
    code, said = proved(["04", "--keep-going"], tmp_path / "work")
    assert code == 1
    parts = re.findall(r"^(\w[\w .]*):$", said, re.MULTILINE)
    assert parts == [
        "linter",
        "cells",
        "answers",
        "what it leaves",
        "ids in lesson.yaml",
        "stored outputs",
        "build and links",
    ]
    for words in (
        "lessons/04_names_and_constraints/lesson.yaml: `failures` names what neither lesson nor solution shows",
        "exercise 04.1 has 1 wrong answers; it needs 3",
        "solutions/04_names_and_constraints.ipynb is not there: run `lab build 04`",
    ):
        assert words in said


def test_it_says_what_runs_now_until_ctrl_c_ends_it(tmp_path: Path) -> None:
    """The whole group of processes gets the signal, as from a terminal."""
    env = {**os.environ, "LAB_WORK": str(tmp_path / "work")}
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [*PROVE, "02.1"], stdout=subprocess.PIPE, stderr=terminal, text=True, env=env, start_new_session=True
    ) as running:
        assert running.stdout
        said = ""
        for line in running.stdout:
            if line.endswith("stub\n") and "stub\n" not in said:
                os.killpg(running.pid, signal.SIGINT)
            said += line
        code = running.wait()
    shown = os.read(screen, 2**16).decode()
    os.close(screen)
    os.close(terminal)
    assert re.search(r"… 1 of \d\d: answer files say what they are: 02_", shown)
    assert re.search(r"… 2 of \d\d: answer is judged for what it is: 02\.1-.*-stub", shown)
    assert code == STOPPED, said + shown
    assert re.search(r"^Stopped after \d+ seconds. Until then \d+ proofs held.$", said.splitlines()[-1])
    assert "Traceback" not in said + shown
    assert "FAULT" not in said


def test_what_is_to_be_written_is_the_first_fault(course_copy: Path, tmp_path: Path) -> None:
    new.new_exercise("03.4", say=lambda _: None)
    code, said = proved(["03.4"], tmp_path / "work")
    assert code == 1
    assert re.search(
        r"lessons/03_review_autogenerate/lesson.yaml, line \d+: this is to be written: what it is about", said
    )
    assert "answers:" not in said


@pytest.mark.parametrize("name", ["04", "04.1", "4", "04_names_and_constraints"])
def test_make_test_proves_a_lesson(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(words: list[str]) -> int:
        ran.append(words)
        return 0

    monkeypatch.setattr(installation, "prepare", lambda _: None)
    monkeypatch.setattr(installation, "run_in_environment", run)
    assert installation.main(["test", name, "--keep-going"]) == 0
    assert installation.main(["test", "tests/making/test_new.py"]) == 0
    assert ran[0] == ["-m", "migration_lab.cli", "prove", name, "--keep-going"]
    assert ran[1][:2] == ["-m", "pytest"]


def test_without_the_maintainers_tools_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"needs .*jupytext.*make test ARGS=03\.1"):
        prove.prove("03.1")


def test_each_pattern_finds_tests(pytestconfig: pytest.Config) -> None:
    """A test that is given another name would no longer be part of a proof."""
    files = sorted({f"tests/{file}" for part in proofs.PARTS for file in part.files})
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", *files],
        capture_output=True, text=True, cwd=pytestconfig.rootpath,
    ).stdout  # fmt: skip
    reporter = proofs.Reporter(course.lesson("03"), None, proofs.Findings(lambda _: None))
    for part in proofs.PARTS:
        for pattern in part.ids:
            assert re.search(reporter.filled(pattern), listed), (part.name, pattern)
