"""The tests that prove a lesson or an exercise: which ones, in which order, and how each is reported."""

import re
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from migration_lab.ground.course import Lesson
from migration_lab.ground.errors import LabError

# The part of a file's path within the course.
OURS = re.compile(r"((?:tests|lessons|migration_lab)/(?!.*site-packages).*\.py)$")

Say = Callable[[str], object]


@dataclass(frozen=True)
class Part:
    """Tests that belong together.

    Attributes:
        files: those that hold them, from `tests/` on.
        ids: which of them concern the lesson or exercise, as patterns in which SLUG, NUMBER and EXERCISE stand for
            its names. They run in the order of the patterns.
        of_exercise: whether they also belong to the proof of a single exercise.
    """

    name: str
    files: tuple[str, ...]
    ids: tuple[str, ...]
    of_exercise: bool = False


PARTS = (
    Part("cells", ("lessons/test_lessons.py",), (r"runs_alone_and_again\[SLUG\]",)),
    Part("questions", ("lessons/test_quiz_computed.py",), (r"computed_one\[NUMBER-",)),
    Part(
        "answers",
        ("lessons/test_exercises.py",),
        (
            r"answer_files\w+\[SLUG\]",
            r"judged\w+\[EXERCISE-.*-stub\]",
            r"judged\w+\[EXERCISE-.*-solution\]",
            r"judged\w+\[EXERCISE-.*-right-",
            r"judged\w+\[EXERCISE-.*-wrong-",
            r"prove_its_check\[EXERCISE\]",
        ),
        of_exercise=True,
    ),
    Part("what it leaves", ("lessons/test_spine.py", "lessons/test_spine_code.py"), (r"\[\w+-NUMBER\]",)),
    Part(
        "ids in lesson.yaml",
        ("teaching/explain/test_guide.py", "test_docs.py"),
        (r"every_card_names_a_lesson", r"coverage_names_every_id"),
    ),
    Part("stored outputs", ("lessons/test_solutions.py",), (r"stored_and_passes\[SLUG\]",)),
)


@dataclass(eq=False)
class Findings:
    """What was reported so far."""

    say: Say
    good: int = 0
    faults: int = 0
    _part: str = ""

    def begins(self, part: str) -> None:
        """Name the current part, once."""
        if part != self._part:
            self._part = part
            self.say(f"{part}:")

    def passed(self, what: str, seconds: float) -> None:
        """Report that something passed."""
        self.good += 1
        self.say(f"  ok {seconds:5.1f} s  {what}")

    def fault(self, what: str, words: str) -> None:
        """Report a fault."""
        self.faults += 1
        self.say(f"  FAULT       {what}")
        for line in words.strip().splitlines():
            self.say(f"    {line}".rstrip())


@dataclass(eq=False)
class Reporter:
    """A pytest plugin: chooses and sorts the tests, and reports each result.

    Attributes:
        on_step: called with what runs now, for a person who waits: `3 of 28: computed one: 03-rows`.
    """

    lesson: Lesson
    exercise: str | None
    findings: Findings
    on_step: Say = lambda _: None
    _part_of: dict[str, str] = field(default_factory=dict, init=False)
    _begun: int = field(default=0, init=False)
    _seconds: float = field(default=0.0, init=False)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that belong to the proof."""
        return tuple(each for each in PARTS if each.of_exercise or not self.exercise)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Register under a name that shows `tests/conftest.py` that only a part of the suite runs."""
        config.pluginmanager.register(self.findings, "proof")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what concerns the lesson or exercise, in the order of the parts."""
        chosen = {}
        for part in self.parts:
            for pattern in part.ids:
                wanted = re.compile(self.filled(pattern))
                for item in items:
                    file = item.nodeid.partition("::")[0].removeprefix("tests/")
                    if file in part.files and wanted.search(item.name):
                        chosen[item.nodeid] = item
                        self._part_of[item.nodeid] = part.name
        items[:] = chosen.values()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Name the part when its first test begins, and each test."""
        self.findings.begins(self._part_of[nodeid])
        self._begun += 1
        self.on_step(f"{self._begun} of {len(self._part_of)}: {_shown(nodeid.rpartition('::')[2])}")
        self._seconds = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report how a test ended, with the message of its error."""
        report = yield
        self._seconds += call.duration
        if report.failed and call.excinfo:
            self.findings.fault(_shown(item.name), _words(call.excinfo))
        elif report.when == "call" and report.passed:
            self.findings.passed(_shown(item.name), self._seconds)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report why tests cannot be collected."""
        if report.failed:
            self.findings.fault(report.nodeid, str(report.longrepr))

    def filled(self, pattern: str) -> str:
        exercise = re.escape(self.exercise) if self.exercise else rf"{self.lesson.number}\.\d+"
        names = {"SLUG": self.lesson.slug, "NUMBER": self.lesson.number, "EXERCISE": exercise}
        for name, value in names.items():
            pattern = pattern.replace(name, value)
        return pattern


def _shown(test: str) -> str:
    """A test's name in words: `answer is judged for what it is: 03.1-postgres-solution`."""
    name, _, of = test.removeprefix("test_").removesuffix("]").partition("[")
    return f"{name.replace('_', ' ')}{f': {of}' if of else ''}"


def _words(found: pytest.ExceptionInfo[BaseException]) -> str:
    """The message of an error, alone if it says everything, else with the line of the test."""
    error: Any = found.value
    if isinstance(error, LabError):
        return f"{error.message}\n{error.next_step}"
    said, _, values = str(error).partition("\nassert ")
    if isinstance(error, AssertionError) and values and not said.startswith("assert "):
        return said
    ours = [each for each in traceback.extract_tb(error.__traceback__) if OURS.search(each.filename)]
    where = [f"{OURS.split(each.filename, maxsplit=1)[1]}, line {each.lineno}: {each.line}" for each in ours[-1:]]
    return "\n".join([f"{type(error).__name__}: {error}", *where])
