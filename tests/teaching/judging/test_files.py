"""Checks: a learner's files are copied as they are, links as links, up to a limit."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from migration_lab.ground.errors import LabError
from migration_lab.teaching.judging import check, files
from migration_lab.teaching.judging.files import copy_files
from migration_lab.teaching.judging.trial import CAN_BE_JUDGED
from tests.teaching.judging.exercise import opened, solve, unmet


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "mine" / "exercise"
    (folder / "migrations" / "versions").mkdir(parents=True)
    (folder / "migrations" / "versions" / "0001.py").write_text("first")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy" / "1" / "exercise"


def test_links_in_a_circle_and_out_of_the_folder_are_not_followed(source: Path, target: Path) -> None:
    for name in "ab":
        (source / name).symlink_to(".")
    (source / "system").symlink_to("/usr")
    (source / "dangling").symlink_to("nowhere")
    copy_files(source, target)
    assert sorted(each.name for each in target.iterdir()) == ["a", "b", "dangling", "migrations", "system"]
    assert (target / "a").resolve() == target.resolve()
    assert (target / "system").is_symlink()
    assert (target / "system").readlink() == Path("/usr")


@pytest.mark.parametrize("how", ["relative", "absolute", "round about"])
def test_a_link_to_a_folder_within_leads_to_the_copied_folder(how: str, source: Path, target: Path) -> None:
    said = {
        "relative": Path("../migrations/versions"),
        "absolute": source.absolute() / "migrations/versions",
        "round about": Path("../../exercise/migrations/versions"),
    }
    (source / "app").mkdir()
    (source / "app" / "revisions").symlink_to(said[how])
    copy_files(source, target)
    assert (target / "app" / "revisions").resolve() == (target / "migrations/versions").resolve()


def test_a_relative_link_out_of_the_folder_leads_to_where_it_led(source: Path, target: Path) -> None:
    (source.parent / "beside").mkdir()
    (source / "link").symlink_to("../beside")
    copy_files(source, target)
    assert (target / "link").resolve() == (source.parent / "beside").resolve()


def test_an_answer_with_a_link_to_its_migrations_is_right(root: Path) -> None:
    work = opened()
    solve(work)
    (work.folder / "migrations").rename(work.folder / "history")
    (work.folder / "migrations").symlink_to("history")
    assert check("01.1", work, only=["sqlite"]).passed


def test_what_is_no_file_is_left_out(source: Path, target: Path) -> None:
    os.mkfifo(source / "pipe")
    here = Path.cwd()
    os.chdir(source)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        os.chdir(here)
        copy_files(source, target)
    assert [each.name for each in target.iterdir()] == ["migrations"]


@pytest.mark.parametrize(("limit", "how"), [("MOST_BYTES", "take more than 0 MB"), ("MOST_FILES", "are more than 9")])
def test_what_is_too_much_is_named_and_nothing_is_copied(
    limit: str, how: str, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, limit, 9)
    (source / "data").mkdir()
    for number in range(20):
        (source / "data" / str(number)).write_text("text")
    with pytest.raises(LabError) as raised:
        copy_files(source, target)
    assert raised.value.message.startswith(f"The files of the exercise {how}, most of them in data, so")
    assert raised.value.next_step == "Move data out of the folder exercise, or delete it, then check again."
    assert not target.exists()


def test_a_file_of_which_only_the_end_is_written_is_too_much(source: Path, target: Path) -> None:
    with (source / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LabError, match=r"take more than 200 MB, most of them in sparse"):
        copy_files(source, target)


def test_a_file_that_may_not_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = opened()
    solve(work)
    secret = work.folder / "secret.txt"
    secret.write_text("x")
    secret.chmod(0)
    copy2 = shutil.copy2

    def refuse(path: str, *args: Any, **options: Any) -> None:  # root may read it all the same
        if path.endswith("secret.txt"):
            raise PermissionError(13, "Permission denied", path)
        copy2(path, *args, **options)

    monkeypatch.setattr(shutil, "copy2", refuse)
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.expectation.id == CAN_BE_JUDGED
    assert finding.found == "The file secret.txt of the exercise may not be read, so the exercise cannot be checked."
    assert finding.next_step == "Give yourself the right to read it, or remove it."
    secret.chmod(0o600)
