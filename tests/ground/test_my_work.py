"""The learner's copies: their work is never lost, and the course's files are always current."""

import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from migration_lab.ground import my_work
from migration_lab.ground.errors import LabError

LESSON = "notebooks/02_first.ipynb"


def today() -> str:
    """As names have it. A run of the suite may go on over midnight."""
    return f"{date.today():%Y%m%d}"


def notebook(*sources: str, outputs: bool = False, metadata: dict[str, str] | None = None) -> str:
    cells = [
        {
            "cell_type": "code",
            "source": source.splitlines(keepends=True),
            "outputs": [{"text": "printed"}] * outputs,
            "execution_count": 1 if outputs else None,
        }
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": metadata or {}})


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one lesson, one exercise, a picture and a solution."""
    root = tmp_path / "course"
    monkeypatch.setenv("LAB_COURSE", str(root))
    for name in (LESSON, "exercises/02_first.ipynb", "solutions/02_first.ipynb"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(notebook("old"), encoding="utf-8")
    (root / "notebooks/images").mkdir()
    (root / "notebooks/images/loop.png").write_bytes(b"\x89PNG\x00\xff")
    return root


@pytest.fixture
def mine(course: Path, home: Path) -> Path:
    """The learner's folder after the first start."""
    assert my_work.sync() == []
    return home


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_the_first_start_copies_notebooks_and_exercises_but_no_solutions(course: Path, mine: Path) -> None:
    assert text(mine / LESSON) == text(course / LESSON)
    assert (mine / "exercises/02_first.ipynb").exists()
    assert (mine / "notebooks/images/loop.png").read_bytes() == b"\x89PNG\x00\xff"
    assert not (mine / "solutions").exists()


def test_a_copy_as_it_was_given_follows_the_course(course: Path, mine: Path) -> None:
    (course / LESSON).write_text(notebook("new"), encoding="utf-8")
    assert my_work.sync() == []
    assert text(mine / LESSON) == notebook("new")
    assert names(mine / "notebooks") == ["02_first.ipynb"]


@pytest.mark.parametrize(
    "saved",
    [
        notebook("old", outputs=True),
        notebook("old", outputs=True, metadata={"language_info": "3.13"}),
        notebook("old", "", outputs=True),
        notebook("old\n"),
    ],
    ids=["run", "saved by another Python", "last cell run", "a line feed at the end"],
)
def test_running_and_saving_is_not_a_change(course: Path, mine: Path, saved: str) -> None:
    (mine / LESSON).write_text(saved, encoding="utf-8")
    assert my_work.sync() == []
    assert text(mine / LESSON) == saved, "the outputs stay as long as the course has nothing newer"
    (course / LESSON).write_text(notebook("new"), encoding="utf-8")
    assert my_work.sync() == []
    assert text(mine / LESSON) == notebook("new")
    assert names(mine / "notebooks") == ["02_first.ipynb"]


def test_a_changed_copy_stays_while_the_course_has_nothing_newer(mine: Path) -> None:
    (mine / LESSON).write_text(notebook("old", "mine"), encoding="utf-8")
    assert my_work.sync() == []
    assert my_work.sync() == []
    assert text(mine / LESSON) == notebook("old", "mine")
    assert names(mine / "notebooks") == ["02_first.ipynb"]


def test_a_changed_copy_is_kept_aside_when_the_course_is_newer(course: Path, mine: Path) -> None:
    (mine / LESSON).write_text(notebook("mine"), encoding="utf-8")
    (course / LESSON).write_text(notebook("new"), encoding="utf-8")
    kept = f"02_first.mine-{today()}.ipynb"
    assert my_work.sync() == [f"There is a newer {LESSON}. Your own is kept beside it as {kept}."]
    assert text(mine / "notebooks" / kept) == notebook("mine")
    assert text(mine / LESSON) == notebook("new")
    assert my_work.sync() == [], "it is said once"


def test_work_kept_aside_is_never_overwritten(course: Path, mine: Path) -> None:
    for turn in ("first", "second", "third"):
        (mine / LESSON).write_text(notebook(turn), encoding="utf-8")
        (course / LESSON).write_text(notebook(f"newer than the {turn}"), encoding="utf-8")
        my_work.sync()
    folder = mine / "notebooks"
    assert text(folder / f"02_first.mine-{today()}.ipynb") == notebook("first")
    assert text(folder / f"02_first.mine-{today()}-2.ipynb") == notebook("second")
    assert text(folder / f"02_first.mine-{today()}-3.ipynb") == notebook("third")


def test_a_change_that_the_course_makes_too_is_no_conflict(course: Path, mine: Path) -> None:
    (mine / LESSON).write_text(notebook("the same repair", outputs=True), encoding="utf-8")
    (course / LESSON).write_text(notebook("the same repair"), encoding="utf-8")
    assert my_work.sync() == []
    assert names(mine / "notebooks") == ["02_first.ipynb"]


def test_a_deleted_copy_comes_back(course: Path, mine: Path) -> None:
    (mine / LESSON).unlink()
    assert my_work.sync() == []
    assert text(mine / LESSON) == text(course / LESSON)


def test_an_empty_copy_is_given_again(course: Path, mine: Path) -> None:
    (mine / LESSON).write_bytes(b"")
    assert my_work.sync() == []
    assert text(mine / LESSON) == text(course / LESSON)


@pytest.mark.parametrize("damaged", ['{"cells": [{"cell_ty', '["not a notebook"]', '{"cells": null}'])
def test_a_half_written_copy_is_kept_and_a_whole_one_given(course: Path, mine: Path, damaged: str) -> None:
    (mine / LESSON).write_text(damaged, encoding="utf-8")
    (sentence,) = my_work.sync()
    assert sentence.startswith(f"A good copy replaces the damaged {LESSON}. Your own is kept")
    assert text(mine / LESSON) == text(course / LESSON)
    assert text(mine / "notebooks" / f"02_first.mine-{today()}.ipynb") == damaged


def test_a_picture_that_the_learner_changed_is_kept_aside_too(course: Path, mine: Path) -> None:
    (mine / "notebooks/images/loop.png").write_bytes(b"mine")
    (course / "notebooks/images/loop.png").write_bytes(b"new")
    assert len(my_work.sync()) == 1
    assert (mine / f"notebooks/images/loop.mine-{today()}.png").read_bytes() == b"mine"


def test_files_of_the_learner_are_never_touched(course: Path, mine: Path) -> None:
    own = mine / "notebooks/notes.ipynb"
    own.write_text(notebook("my notes"), encoding="utf-8")
    (course / LESSON).write_text(notebook("new"), encoding="utf-8")
    my_work.sync()
    assert text(own) == notebook("my notes")


def test_a_lesson_that_the_course_dropped_goes_unless_it_was_changed(course: Path, mine: Path) -> None:
    (mine / "exercises/02_first.ipynb").write_text(notebook("mine"), encoding="utf-8")
    for name in (LESSON, "exercises/02_first.ipynb"):
        (course / name).unlink()
    assert my_work.sync() == []
    assert not (mine / LESSON).exists()
    assert text(mine / "exercises/02_first.ipynb") == notebook("mine")


@pytest.mark.parametrize("record", ["", "{half", "[]", None])
def test_without_the_record_nothing_is_lost(course: Path, mine: Path, record: str | None) -> None:
    (mine / LESSON).write_text(notebook("mine"), encoding="utf-8")
    if record is None:
        (mine / ".shipped.json").unlink()
    else:
        (mine / ".shipped.json").write_text(record, encoding="utf-8")
    assert len(my_work.sync()) == 1
    assert text(mine / "notebooks" / f"02_first.mine-{today()}.ipynb") == notebook("mine")
    assert names(mine / "exercises") == ["02_first.ipynb"], "what equals the course's is not kept twice"


def test_a_copy_interrupted_half_way_is_finished_by_the_next_start(
    course: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Path, copy: Path) -> None:
        Path(copy).write_text("ha", encoding="utf-8")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            my_work.sync()
    assert my_work.sync() == []
    assert text(home / LESSON) == text(course / LESSON)


def test_a_course_without_notebooks_says_so(course: Path, home: Path) -> None:
    for path in course.rglob("*.*"):
        path.unlink()
    with pytest.raises(LabError, match="There are no notebooks"):
        my_work.sync()


def test_a_folder_that_cannot_be_written_says_so(course: Path, home: Path) -> None:
    home.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(LabError, match="cannot be written"):
        my_work.sync()


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    def run(*arguments: str, cwd: Path = tmp_path) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout

    return run


def test_a_newer_course_arrives_by_git_pull_without_conflict(
    course: Path, tmp_path: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (course / ".gitignore").write_text("my_work/\n", encoding="utf-8")
    git("init", "-q", "-b", "main", cwd=course)
    git("add", ".", cwd=course)
    git("commit", "-qm", "old", cwd=course)
    checkout = tmp_path / "checkout"
    git("clone", "-q", str(course), str(checkout))
    monkeypatch.setenv("LAB_COURSE", str(checkout))
    monkeypatch.delenv("LAB_WORK", raising=False)
    my_work.sync()
    (checkout / "my_work" / LESSON).write_text(notebook("mine"), encoding="utf-8")
    (course / LESSON).write_text(notebook("new"), encoding="utf-8")
    git("commit", "-qam", "new", cwd=course)
    git("pull", "-q", "--ff-only", cwd=checkout)
    assert len(my_work.sync()) == 1
    assert git("status", "--porcelain", cwd=checkout) == ""
    assert text(checkout / "my_work" / LESSON) == notebook("new")


@pytest.mark.parametrize(
    ("asked", "name"), [("02", LESSON), ("2", LESSON), ("02_first", LESSON), ("02.1", "exercises")]
)
def test_a_notebook_that_was_edited_beyond_use_comes_back(asked: str, name: str, course: Path, mine: Path) -> None:
    (course / "exercises/02_first.ipynb").rename(course / "exercises/02_exercises.ipynb")
    my_work.sync()
    name = "exercises/02_exercises.ipynb" if name == "exercises" else name
    (mine / name).write_text(notebook("mine"))
    said = my_work.renew(asked)
    assert text(mine / name) == text(course / name)
    (kept,) = (mine / name).parent.glob(f"*.mine-{today()}.ipynb")
    assert text(kept) == notebook("mine")
    assert said.startswith(f"{name} is the course's version again. Your own is kept beside it as {kept.name}.")
    assert my_work.sync() == []
    (mine / name).write_text(notebook("old", outputs=True))
    assert "is the course's version, with the outputs of your cells." in my_work.renew(asked)
    assert text(mine / name) == notebook("old", outputs=True)
    (mine / name).unlink()
    my_work.renew(asked)
    assert text(mine / name) == text(course / name)


def test_a_notebook_that_came_back_is_replaced_by_a_newer_one(course: Path, mine: Path) -> None:
    (course / LESSON).write_text(notebook("newer"))
    my_work.renew("02")
    assert names(mine / "notebooks") == ["02_first.ipynb"]  # nobody had changed the older one
    (course / LESSON).write_text(notebook("newest"))
    assert my_work.sync() == []
    assert text(mine / LESSON) == notebook("newest")


def test_a_notebook_that_the_course_does_not_give_is_said(mine: Path) -> None:
    with pytest.raises(LabError, match=r"The course has no notebook '09'\. The notebooks are 02_first"):
        my_work.renew("09")
