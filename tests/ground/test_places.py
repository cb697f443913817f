"""The lab's folders, also for a user who has no home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from migration_lab.ground import places

pytestmark = [
    pytest.mark.usefixtures("home"),
    pytest.mark.skipif(os.name != "posix", reason="HOME means nothing there"),
]


def test_a_home_that_can_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.ensure_home() == ""
    assert os.environ["HOME"] == str(tmp_path)
    assert not places.my_work().exists()


@pytest.mark.parametrize("named", ["nowhere", "a file"])
def test_without_a_home_files_are_kept_with_the_work(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / named))
    for name in ("LAB_CACHE", "LAB_STATE", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert f"{tmp_path / named} cannot be written, so" in places.ensure_home()
    home = places.my_work() / ".home"
    assert os.environ["HOME"] == str(home)
    assert home.stat().st_mode & 0o777 == 0o700
    assert all(each.is_relative_to(home) for each in (places.cache(), places.state()))


def test_without_any_folder_the_home_stays_as_it_was(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.touch()  # a file in place of the learner's folder
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert places.ensure_home() == ""
    assert os.environ["HOME"] == str(tmp_path / "nowhere")


def test_another_users_folder_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (places.my_work() / ".home").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert places.ensure_home() == ""
    assert os.environ["HOME"] == str(tmp_path / "nowhere")


def test_it_runs_before_any_package_is_installed() -> None:
    """`run.py` calls it to find where uv may keep its files."""
    root = Path(__file__).parents[2]
    code = "from migration_lab.ground import places; print(places.ensure_home(), places.my_work())"
    subprocess.run([sys.executable, "-S", "-c", code], cwd=root, check=True, capture_output=True)
