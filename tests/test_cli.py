"""`lab` in a terminal."""

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migration_lab import cli
from migration_lab.ground.jupyter import start
from migration_lab.shops import workspace
from tests import tiny_course

Lab = Callable[..., Result]
COLUMN = "    nickname: Mapped[str | None] = mapped_column(String(40))\n"


@pytest.fixture(scope="module")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny course, made once."""
    return tiny_course.make(tmp_path_factory.mktemp("course"))


@pytest.fixture
def lab(tiny_files: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Run `lab ARGS` on the tiny course; nothing it does may end in a traceback."""
    monkeypatch.setenv("LAB_COURSE", str(tiny_files))

    def run(*args: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(cli.main, list(args), input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return run


def test_help_names_every_command_with_a_whole_sentence(lab: Lab) -> None:
    commands = lab("--help").output.partition("Commands:")[2].strip().splitlines()
    assert [line.split()[0] for line in commands] == [
        name for name, command in cli.main.commands.items() if not command.hidden
    ]
    assert all(line.endswith(".") for line in commands)
    assert "..." not in "".join(commands)


def test_every_command_explains_itself(lab: Lab) -> None:
    for name in cli.main.commands:
        shown = lab(name, "--help")
        assert shown.exit_code == 0
        assert f"Usage: main {name}" in shown.output


def test_start_becomes_jupyterlab_with_the_options_given(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def main(options: list[str], *, ready: Callable[[], None]) -> int:
        given.extend(options)
        return 3

    monkeypatch.setattr(start, "main", main)
    assert lab("start", "--port=8890", "--no-browser").exit_code == 3
    assert given == ["--port=8890", "--no-browser"]


def test_open_says_where_the_files_are(lab: Lab, home: Path) -> None:
    result = lab("open", "1")
    assert result.exit_code == 0
    assert str(home / "shops" / "01_tiny-sqlite") in result.output
    assert (home / "shops" / "01_tiny-sqlite" / ".flaskenv").is_file()


def test_open_says_that_a_lesson_is_planned(lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_COURSE")  # the tiny course plans none
    assert "Lesson 11 is planned: it has no notebook yet." in lab("open", "11").output
    assert "planned" not in lab("open", "02").output
    assert "Lesson: 11_enums_triggers_views (planned)" in lab("explain", "F41").output


def test_open_takes_an_exercise_and_an_engine(lab: Lab, home: Path) -> None:
    assert lab("open", "01.1", "--engine", "postgres").exit_code == 0
    assert (home / "shops" / "exercise-01.1-postgres" / ".flaskenv").is_file()


def test_the_environment_chooses_the_engine(lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_ENGINE", "postgres")
    assert "01_tiny-postgres" in lab("open", "01").output


def test_reset_keeps_what_was_changed_and_says_where(lab: Lab, home: Path) -> None:
    lab("open", "01")
    (home / "shops" / "01_tiny-sqlite" / "mine.py").write_text("x = 1\n")
    shown = lab("reset", "01").output
    kept = Path(re.search(r"Your earlier work is kept in (.+)", shown)[1])  # type: ignore[index]
    assert (kept / "mine.py").read_text() == "x = 1\n"
    assert not (home / "shops" / "01_tiny-sqlite" / "mine.py").exists()


def test_restore_lists_what_was_kept_and_brings_it_back(lab: Lab, home: Path) -> None:
    assert "No work is kept aside." in lab("restore").output
    assert "No work of 01 is kept aside." in lab("restore", "01").output
    lab("open", "01")
    mine = home / "shops" / "01_tiny-sqlite" / "mine.py"
    mine.write_text("x = 1\n")
    lab("reset", "01")
    mine.write_text("x = 2\n")
    (line,) = [each for each in lab("restore").output.splitlines() if "01_tiny-sqlite-" in each]
    shown = lab("restore", line.split()[0]).output
    assert "Your earlier work is kept in" in shown
    assert mine.read_text() == "x = 1\n"
    assert "01_tiny-sqlite" in lab("restore", "01").output
    assert mine.read_text() == "x = 2\n"


def test_reset_makes_what_is_not_there(lab: Lab, home: Path) -> None:
    assert lab("reset", "01.1").exit_code == 0
    assert (home / "shops" / "exercise-01.1-sqlite" / "shop.py").is_file()


def test_check_ends_with_0_or_1_and_a_report(lab: Lab, home: Path) -> None:
    lab("open", "01.1")
    wrong = lab("check", "01.1")
    assert wrong.exit_code == 1
    assert "Not there yet on SQLite and PostgreSQL." in wrong.output
    folder = home / "shops" / "exercise-01.1-sqlite"
    with (folder / "shop.py").open("a") as file:
        file.write(COLUMN)
    revision = tiny_course.revision(tiny_course.ADD, tiny_course.DROP)
    (folder / "migrations" / "versions" / "0002_nickname.py").write_text(revision)
    right = lab("check", "01.1")
    assert right.exit_code == 0, right.output
    assert "Passed on SQLite and PostgreSQL." in right.output
    assert right.output.endswith("Next: Contents\n"), "the course has one exercise only"
    assert "01.1 passed" in lab("progress").output
    assert "Lesson 01 counts as not begun" in lab("progress", "--forget", "01").output
    assert "01.1 open" in lab("progress").output


def test_a_check_before_the_exercise_was_opened_says_what_to_do(lab: Lab) -> None:
    result = lab("check", "01.1")
    assert result.exit_code == 1
    assert "is not there" in result.output
    assert "lab open 01.1" in result.output
    assert "lab open 01.1 --engine postgres" in lab("check", "01.1", "--engine", "postgres").output


def test_hints_come_one_after_the_other(lab: Lab) -> None:
    assert "Where is it said?" in lab("hint", "01.1").output
    assert "Look at the model." in lab("hint", "01.1").output
    closed = lab("hint", "01.1").output
    assert "3 more real tries" in closed
    assert "`lab hint 01.1 1` in a terminal" in closed
    assert "Where is it said?" in lab("hint", "01.1", "1").output


def test_progress_is_written_for_people(lab: Lab, tmp_path: Path) -> None:
    assert lab("progress", "--export", str(tmp_path / "p.md")).exit_code == 0
    assert (tmp_path / "p.md").read_text(encoding="utf-8").startswith("# Progress")
    refused = lab("progress", "--export", str(tmp_path / "p.pdf"))
    assert refused.exit_code == 1
    assert ".md or .csv" in refused.output
    assert "cannot be written" in lab("progress", "--export", str(tmp_path / "nowhere" / "p.md")).output


def test_errors_are_explained_from_words_and_from_a_pipe(lab: Lab) -> None:
    error = "Error: No such command 'db'."
    assert "F01" in lab("explain", error).output
    assert "F01" in lab("explain", *error.split()).output
    assert "F01" in lab("explain", stdin=error).output
    assert "not in the field guide" in lab("explain", stdin=b"\xff\xfe broken bytes").output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["opne", "01"], "Did you mean `lab open`?"),
        (["frobnicate"], "The commands are start, open, reset, restore, notebook, check"),
        (["open", "01_tyny"], "Did you mean 01_tiny?"),
        (["open", "99"], "The lessons are 00_before, 01_tiny."),
        (["open", "01.9"], "The exercises are 01.1."),
        (["open", "01", "--scene", "x"], "has no scene 'x'"),
        (["open", "01.1", "--scene", "x"], "without --scene"),
        (["open", "01", "--engine", "oracle"], "sqlite"),
        (["open"], "Missing argument"),
        (["reset", "nonsense"], "There is no lesson 'nonsense'."),
        (["check", "1.1"], "There is no exercise '1.1'. Did you mean 01.1?"),
        (["hint", "x"], "The exercises are 01.1."),
        (["hint", "01.1", "4"], "Each exercise has hints 1, 2 and 3."),
        (["progress", "--forget", "nonsense"], "There is no lesson 'nonsense'."),
        (["explain"], "There is nothing to explain."),
    ],
)
def test_a_slip_is_told_in_a_sentence(args: list[str], said: str, lab: Lab) -> None:
    result = lab(*args, stdin="")
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/my_work/shops"),
            "There is no room left on the disk: /x/my",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x/.leases"),
            "The folder is not writable: /x/.leases.",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "This process has reached its limit of open files."),
        (
            BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
            "The system has reached its limit of processes.",
        ),
        (RuntimeError("can't start new thread"), "The system has reached its limit of threads."),
        (MemoryError(), "The machine is out of memory."),
    ],
)
def test_what_the_machine_refuses_is_said_in_a_sentence(
    error: Exception, said: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(workspace, "open_lesson", refuse)
    result = lab("open", "01")
    assert result.exit_code == 1
    assert said in result.output
    assert "again" in result.output


def test_an_unreachable_server_is_told_in_a_sentence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_POSTGRES_URL", "postgresql://nobody@127.0.0.1:1/postgres")
    result = lab("open", "01", "--engine", "postgres")
    assert result.exit_code == 1
    assert "LAB_POSTGRES_URL" in result.output
    assert lab("open", "01").exit_code == 0
