"""The course's own Postgres server starts whatever path, language and shell it meets, or says why not."""

import shutil
from pathlib import Path

import pytest

from migration_lab.ground.engines import engine, postgres, why_no_postgres
from migration_lab.ground.engines.postgres import cluster
from tests.ground.engines.own_server import User, eventually, house, row, write


@pytest.mark.parametrize("name", ["a b'c\"d\\e%20$HOME`id`李", "a,b", "x" * 200])
def test_any_path_will_do(own_state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("LAB_STATE", str(own_state / name))
    engine("postgres").create(tmp_path)
    write(tmp_path, "CREATE TABLE users AS SELECT 'ann' AS name")
    url = engine("postgres").url(tmp_path)
    postgres.stop()
    assert row(tmp_path) == "ann"
    assert engine("postgres").url(tmp_path) == url
    sockets = house().outside
    assert (sockets == house().folder) == (len(name) < 200 and "," not in name)
    assert sockets.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(own_state)
    assert eventually(lambda: not sockets.exists())


def test_a_socket_folder_that_others_could_have_made_is_not_used(
    own_state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_STATE", str(own_state / ("x" * 200)))
    postgres.attach()
    postgres.stop()
    sockets = house().outside
    sockets.chmod(0o755)
    postgres.attach()
    assert house().outside != sockets
    assert house().outside.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(sockets)
    shutil.rmtree(house().outside)


@pytest.mark.parametrize("language", [None, "xx_YY.UTF-8"])
def test_any_language_will_do(own_state: Path, monkeypatch: pytest.MonkeyPatch, language: str | None) -> None:
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False) if language is None else monkeypatch.setenv(name, language)
    assert why_no_postgres() is None


def test_what_the_shell_says_about_other_servers_does_not_matter(own_state: Path) -> None:
    user = User(PGPASSWORD="another", PGHOST="nowhere.invalid", PGCHANNELBINDING="require", PGOPTIONS="-c nonsense=1")
    assert user.is_attached()
    assert user.can_query()
    user.leave()


def test_a_house_that_others_can_look_into_is_refused(own_state: Path) -> None:
    postgres.attach()
    folder = house().folder
    postgres.stop()
    shutil.rmtree(folder)
    folder.mkdir(mode=0o755)
    assert "is not private to you" in str(why_no_postgres())
    folder.rmdir()


def test_a_server_that_cannot_start_says_why(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SETTINGS", "shared_buffers = '900TB'\nunix_socket_directories = {sockets}\n")
    assert "Postgres could not be started: " in str(why_no_postgres())
