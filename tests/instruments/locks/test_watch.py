"""The watching process: always ended after the block, and without exceptions of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
from sqlalchemy import make_url

from migration_lab.ground.errors import LabError
from migration_lab.instruments import locks
from migration_lab.instruments.locks.watch import PATIENCE_SECONDS, Watch
from migration_lab.instruments.query import execute
from tests.instruments.locks.parts import ALTER, COUNT, PATIENCE, SECRET, meanwhile, on_postgres, until, watchers


def test_the_watching_process_is_gone_after_the_block(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[Watch.__module__], "STOP_SECONDS", PATIENCE)  # then it is killed
    with locks.watch(url, every=60) as seen:
        (child,) = watchers()
        assert os.getpgid(child.pid) != os.getpgid(0)  # Ctrl-C does not reach it
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE, "it did not go by itself"
    assert not child.is_running()
    assert seen.trouble is None


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_it_is_gone_after_an_exception_which_is_the_learners_own(url: str, kind: type[BaseException]) -> None:
    with pytest.raises(kind, match="own"), locks.watch(url) as seen:  # noqa: PT012
        (child,) = watchers()
        raise kind("own")
    assert not child.is_running()
    assert seen.trouble is None


def test_it_is_gone_when_its_parent_was_killed(url: str) -> None:
    script = (
        "import psutil, time; from migration_lab.instruments import locks\n"
        f"with locks.watch({url!r}, every=60):\n"
        "    print(psutil.Process().children()[0].pid, flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.send_signal(signal.SIGKILL)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_watching_process_that_died_is_trouble_and_no_exception(url: str) -> None:
    with locks.watch(url) as seen:
        (child,) = watchers()
        child.kill()
        until(lambda: seen.trouble)
        began = time.monotonic()
        seen.look()
        assert time.monotonic() - began < PATIENCE_SECONDS
        with pytest.raises(LabError, match="Watching the locks ended early"):
            seen.wait_until_blocked()
    assert seen.trouble == "Watching the locks ended early: it ended without a message."
    assert seen.as_text().endswith(seen.trouble)


@on_postgres
def test_a_server_that_goes_away_is_trouble_and_no_exception(url: str) -> None:
    with locks.watch(url) as seen:
        mine = "application_name = 'lab locks' AND datname = current_database()"
        execute(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        until(lambda: seen.trouble)
    # Of the server's last words and the end of the connection either may be seen first.
    said = r"Watching the locks ended early: .*(terminating connection|server closed the connection)"
    assert re.search(said, str(seen.trouble))
    assert watchers() == []


def test_a_server_that_is_not_there_is_trouble_without_its_password() -> None:
    with locks.watch("postgresql+psycopg://ann:secret@127.0.0.1:9/shop") as seen:
        pass
    assert "Watching the locks ended early" in str(seen.trouble)
    assert "secret" not in str(seen.trouble)
    assert watchers() == []


@pytest.mark.parametrize("wrong", ["not a url", "sqlite://"])
def test_what_cannot_be_watched_at_all_is_refused(wrong: str) -> None:
    with pytest.raises(LabError), locks.watch(wrong):
        pass
    assert watchers() == []


@pytest.fixture
def as_a_guest(url: str) -> Iterator[str]:
    """The URL of the same database for an ordinary role, with its password."""
    execute(url, f"CREATE ROLE guest_of_locks LOGIN PASSWORD '{SECRET}'; CREATE TABLE guests (id integer)")
    execute(url, "ALTER TABLE guests OWNER TO guest_of_locks")
    parts = make_url(url).set(username="guest_of_locks", password=SECRET).difference_update_query(["passfile"])
    yield parts.render_as_string(hide_password=False)
    execute(url, "DROP OWNED BY guest_of_locks; DROP ROLE guest_of_locks")


@on_postgres
def test_an_ordinary_role_is_enough_and_its_password_is_on_no_command_line(url: str, as_a_guest: str) -> None:
    with locks.watch(as_a_guest) as seen, locks.idle_reader(url, COUNT):
        (child,) = watchers()
        told = [*child.cmdline(), *child.environ().values()]
        with meanwhile(url, ALTER, "flask db upgrade"):
            seen.wait_until_blocked()
    assert SECRET not in " ".join(told)
    assert [(each.who, each.blockers) for each in seen.waits] == [("flask db upgrade", ("report",))]


@on_postgres
def test_an_ordinary_role_sees_the_locks_of_others_and_reads_what_is_missing(url: str, as_a_guest: str) -> None:
    with locks.watch(as_a_guest) as seen:
        with locks.holding(as_a_guest, "LOCK TABLE guests", "guest"):
            seen.look()
        assert seen.trouble is None  # there was nothing else to see
        change = "UPDATE users SET email = 'x' WHERE id = 1"
        with locks.holding(url, change, "boss"), meanwhile(url, ALTER, "flask db upgrade"):
            seen.wait_until_blocked()
    assert ("boss", "users", "ROW EXCLUSIVE", "") in {
        (each.who, each.table, each.mode, each.sql) for each in seen.holds
    }
    assert [(each.who, each.blockers, each.sql) for each in seen.waits] == [("flask db upgrade", ("boss",), "")]
    assert "pg_monitor" in str(seen.trouble)
    assert str(seen.trouble) in seen.as_text()


def test_a_sample_that_was_on_its_way_is_no_look() -> None:
    """Its answer may be old: the server gave it before `look` was called, and it came late."""
    seen = Watch("sqlite:///nowhere.db", 0.02)
    looking = threading.Thread(target=seen.look, daemon=True)
    looking.start()
    seen.take({"asked": 0.0, "at": time.monotonic() + 1, "waits": [], "holds": []})
    looking.join(0.1)
    assert looking.is_alive()
    seen.take({"asked": time.monotonic() + 1, "at": time.monotonic() + 1, "waits": [], "holds": []})
    looking.join(PATIENCE)
    assert not looking.is_alive()
