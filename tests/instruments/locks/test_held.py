"""Sessions that hold locks on purpose: each of them ends."""

import gc
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from migration_lab.ground import connect
from migration_lab.ground.errors import LabError
from migration_lab.instruments import locks
from migration_lab.instruments.query import execute, query
from tests.instruments.locks.parts import ALTER, COUNT, on_postgres, until


@pytest.mark.parametrize("end", ["close", "with", "garbage", "close_all"])
def test_a_held_session_ends(url: str, end: str) -> None:
    held: locks.Held | None = locks.holding(url, ALTER)
    assert held is not None
    assert held.is_open
    if end == "close":
        held.close()
        held.close()
    elif end == "with":
        with held:
            pass
    elif end == "close_all":
        locks.close_all()
    if end == "garbage":
        held = None
        gc.collect()
    assert not held or not held.is_open
    execute(url, ALTER)  # nothing holds it, and the earlier one was not committed


@on_postgres
def test_its_locks_are_gone_when_it_is_closed(url: str) -> None:
    """Also on a machine where the server's process has to wait for its turn."""
    held = locks.holding(url, ALTER)
    mine = "application_name = 'another session' AND datname = current_database()"
    session = psutil.Process(query(url, f"SELECT pid FROM pg_stat_activity WHERE {mine}").scalar)
    session.suspend()
    turn = threading.Timer(0.5, session.resume)
    turn.start()
    held.close()
    execute(url, "BEGIN; LOCK TABLE users NOWAIT; COMMIT")
    turn.join()


def test_it_ends_with_its_process(url: str) -> None:
    script = (
        "import os; from migration_lab.instruments import locks\n"
        f"held = locks.holding({url!r}, {ALTER!r}); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    execute(url, ALTER)


def test_it_can_be_committed(url: str) -> None:
    held = locks.holding(url, "DELETE FROM users")
    assert query(url, COUNT).scalar == 2
    held.commit()
    assert not held.is_open
    assert query(url, COUNT).scalar == 0


@on_postgres
def test_an_idle_reader_is_idle_in_transaction_under_the_name_of_a_report(url: str) -> None:
    with locks.idle_reader(url, COUNT) as reader:
        report = "application_name = 'report' AND datname = current_database()"
        state = query(url, f"SELECT state FROM pg_stat_activity WHERE {report}")
        assert state.scalar == "idle in transaction"
        assert repr(reader) == "<report: its transaction is open>"
    assert repr(reader) == "<report: closed>"


@pytest.mark.parametrize(
    ("sql", "says"), [("SELECT nmae FROM users", "nmae"), ("INSERT INTO users VALUES (1, 'again')", "(?i:unique)")]
)
def test_sql_that_is_refused_leaves_no_session(url: str, sql: str, says: str) -> None:
    with pytest.raises(LabError, match=f"does not accept this SQL.*{says}") as refusal:
        locks.holding(url, sql)
    execute(url, ALTER)
    if url.startswith("postgresql"):
        mine = "application_name = 'another session' AND datname = current_database()"
        sessions = f"SELECT count(*) FROM pg_stat_activity WHERE {mine}"
        until(lambda: query(url, sessions).scalar == 0)
    assert refusal.value.__traceback__  # which keeps all that it saw from being collected, as a notebook does


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    for wrong in (f"sqlite:///{tmp_path}/none.db", "postgresql+psycopg://ann:secret@127.0.0.1:9/shop"):
        with pytest.raises(LabError, match=r"cannot be opened|does not answer") as error:
            locks.idle_reader(wrong, COUNT)
        assert "secret" not in str(error.value)
    assert not (tmp_path / "none.db").exists()


@on_postgres
def test_a_session_that_the_server_has_ended_is_not_blamed_on_the_sql(url: str) -> None:
    held = locks.holding(url, "SELECT set_config('idle_in_transaction_session_timeout', '1ms', false)")
    its_own = "datname = current_database() AND state LIKE 'idle in%'"  # other tests use the same server
    until(lambda: query(url, f"SELECT count(*) FROM pg_stat_activity WHERE {its_own}").scalar == 0)
    with pytest.raises(LabError, match="closed the connection"):
        held.commit()
    with pytest.raises(LabError, match="closed the connection"):
        locks.holding(url, "SELECT pg_terminate_backend(pg_backend_pid())")


def test_holding_what_somebody_holds_does_not_wait_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "LOCK_SECONDS", 1)
    with locks.holding(url, ALTER), pytest.raises(LabError, match="seconds for a lock"):
        locks.holding(url, ALTER)
