"""Proves one lesson or one exercise, in the order that helps an author most.

The proofs are the tests of `make test`: they run in this process, with their usual separate folders for state, cache
and work. See `making/proofs.py` for which ones and in which order.
"""

import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from migration_lab.ground import course
from migration_lab.ground.asserts import require_asserts
from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError
from migration_lab.making import build, linter
from migration_lab.making.proofs import Findings, Reporter, Say

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED = ("xdist", "jupytext", "nbclient")
OPTIONS = "-p no:terminal -p no:cacheprovider -p no:nbval --strict-markers --import-mode=importlib -o addopts="


def prove(name: str, *, keep_going: bool = False, say: Say = print, on_step: Say = lambda _: None) -> bool:
    """Prove a lesson (`04`) or an exercise (`04.1`): report what is tested, and the results.

    Args:
        keep_going: go on after a fault.
        say: called with each line.
        on_step: called with what runs now, as `Reporter` says it.

    Returns:
        Whether everything passed.

    Raises:
        KeyboardInterrupt: Ctrl+C stopped it, and with it all that it had started.
        LabError: there is no such lesson or exercise, or the maintainers' tools are not installed.
    """
    require_asserts()
    exercise = name if "." in name else None
    lesson = course.exercise(name)[0] if exercise else course.lesson(name)
    if missing := [each for each in NEEDED if find_spec(each) is None]:
        raise LabError(
            f"A proof needs {', '.join(missing)}, which learners do not get.",
            f"Run `make test ARGS={name}` or `python run.py test {name}`, which installs what maintainers need.",
        )
    findings, began = Findings(say), time.monotonic()
    try:
        keeps_template = _look(findings, "linter", lambda: _lint(lesson, exercise))
        if keep_going or keeps_template:
            _run_tests(Reporter(lesson, exercise, findings, on_step), keep_going=keep_going)
        if not exercise and keeps_template and (keep_going or not findings.faults):
            _look(findings, "build and links", lambda: build.build(lesson.slug, check=True, say=lambda _: None))
    except KeyboardInterrupt:
        say(f"Stopped after {time.monotonic() - began:.0f} seconds. Until then {findings.good} proofs held.")
        raise
    seconds = time.monotonic() - began
    if findings.faults:
        rest = "" if keep_going else " What comes after it was not looked at; --keep-going looks at all."
        say(f"{findings.faults} {'fault' if findings.faults == 1 else 'faults'} after {seconds:.0f} seconds.{rest}")
    else:
        say(f"All {findings.good} proofs hold, after {seconds:.0f} seconds.")
    return not findings.faults


def _look(findings: Findings, part: str, look: Callable[[], object]) -> bool:
    findings.begins(part)
    began = time.monotonic()
    try:
        look()
    except LabError as error:
        findings.fault(part, f"{error.message}\n{error.next_step}")
        return False
    findings.passed(part, time.monotonic() - began)
    return True


def _lint(lesson: Lesson, exercise: str | None) -> None:
    lesson_cells, exercise_cells = build.cells_of(lesson)
    linter.refuse_faults(lesson, lesson_cells, exercise_cells, only=exercise)


def _run_tests(reporter: Reporter, *, keep_going: bool) -> None:
    files = dict.fromkeys(str(CHECKOUT / "tests" / file) for part in reporter.parts for file in part.files)
    options = [f"--rootdir={CHECKOUT}", f"-c{CHECKOUT / 'pyproject.toml'}", *OPTIONS.split()]
    before = Path.cwd()
    os.chdir(CHECKOUT)
    os.environ.pop("PYTEST_ADDOPTS", None)  # what somebody adds to runs of the suite would change this one
    try:
        code = pytest.main(
            [*options, "--continue-on-collection-errors" if keep_going else "-x", *files], plugins=[reporter]
        )
    finally:
        os.chdir(before)
    if code is pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not reporter.findings.faults:
        reporter.findings.fault("tests", f"They did not run; pytest ended with {code!r}.")
