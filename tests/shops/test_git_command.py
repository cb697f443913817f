"""git in a workspace: only its own repository, none of the user's settings, the same on every machine."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from migration_lab.ground.errors import LabError
from migration_lab.shops.git_command import run_git
from migration_lab.shops.process import StoppedError


@dataclass(frozen=True)
class Place:
    folder: Path

    def git(self, *args: str) -> str:
        done = run_git(self, *args)
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A workspace inside another repository, as `my_work/` is inside the course's."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    folder = tmp_path / "shops" / "13_heads_and_merges-sqlite"
    folder.mkdir(parents=True)
    (folder / "shop.py").write_text("word = 'größer'\n", encoding="utf-8")
    (folder / ".lab.json").write_text("{}")
    return Place(folder)


def test_the_repository_around_a_workspace_is_not_seen(place: Place, tmp_path: Path) -> None:
    done = run_git(place, "status")
    assert (done.exit_code, "not a git repository" in done.output) == (128, True)
    (place.folder / "shop").mkdir()
    assert run_git(place, "status", folder=place.folder / "shop").exit_code == 128
    run_git(place, "add", ".")
    assert not (tmp_path / ".git" / "index").exists()


def test_a_variable_of_the_shell_does_not_lead_to_another_repository(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert run_git(place, "status").exit_code == 128


def test_a_commit_is_the_same_on_every_machine(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        "[user]\n\tname = Ann\n[commit]\n\tgpgSign = true\n[alias]\n\thi = log\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ann")
    monkeypatch.setenv("LANGUAGE", "de")
    place.git("init", "-q")
    place.git("add", ".")
    place.git("commit", "-q", "-m", "start")
    assert place.git("log", "--format=%an %ae %ad %cn %D", "--date=iso") == (
        "The shop's team team@shop.example 2026-01-05 09:00:00 +0000 The shop's team HEAD -> main\n"
    )
    assert place.git("rev-parse", "--short=12", "HEAD") == "103237a7a66a\n"
    assert run_git(place, "hi").exit_code == 1


def test_what_the_lab_keeps_is_left_out(place: Place) -> None:
    place.git("init", "-q")
    assert place.git("status", "--short") == "?? shop.py\n"


def test_nobody_is_asked_and_no_hook_runs(place: Place) -> None:
    place.git("init", "-q")
    place.git("add", ".")
    hook = place.folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert "empty commit message" in run_git(place, "commit").output
    place.git("commit", "-q", "-m", "start")
    assert "not allowed" in run_git(place, "fetch", "https://127.0.0.1/none").output


def test_a_conflict_comes_back_as_an_exit_code(place: Place) -> None:
    place.git("init", "-q")
    for branch, text in (("main", "0\n"), ("one", "1\n"), ("two", "2\n")):
        if branch != "main":
            place.git("switch", "-q", "-c", branch, "main")
        (place.folder / "head.txt").write_text(text)
        place.git("add", ".")
        place.git("commit", "-q", "-m", branch)
    pieces: list[str] = []
    done = run_git(place, "merge", "one", on_output=pieces.append)
    assert done.exit_code == 1
    assert "CONFLICT (content): Merge conflict in head.txt\n" in done.output
    assert "".join(pieces) == done.output
    place.git("merge", "--abort")


def test_without_git_one_sentence_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LabError, match=r"There is no git on this machine\. Install it"):
        run_git(place, "status")


def test_a_folder_that_is_gone_and_a_limit_are_said(place: Place, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is not there any more"):
        run_git(Place(tmp_path / "gone"), "status")
    with pytest.raises(StoppedError, match=r"`git --version` was stopped after 0 seconds"):
        run_git(place, "--version", timeout=0)
