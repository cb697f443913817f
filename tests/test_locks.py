"""Who waited for whom, seen while it happens; the watching process is always gone afterwards; held sessions end."""

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url

from migration_lab import locks, readonly
from migration_lab.errors import LabError
from migration_lab.locks.watch import STOP_SECONDS
from migration_lab.query import execute, query
from migration_lab.traffic import Requests, over_sql
from tests.test_traffic import command_of

on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, email text);
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer);
INSERT INTO users VALUES (1, 'ann@example.com'), (2, 'bo@example.com')"""
COUNT = "SELECT count(*) FROM users"
ALTER = "ALTER TABLE users ADD COLUMN timezone text"
PATIENCE = 30  # seconds
SECRET = "s3cret/with@odd"


@pytest.fixture
def url(database: str) -> Iterator[str]:
    execute(database, TABLES)
    yield database
    locks.close_all()


@contextmanager
def meanwhile(url: str, sql: str, name: str) -> Iterator[None]:
    """Carry out SQL in a thread and commit it; it has ended when the block has."""

    def work() -> None:
        with closing(locks.holding(url, sql, name)):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        locks.close_all()  # whatever stands in its way
        thread.join(PATIENCE)
        assert not thread.is_alive()


def watchers() -> list[psutil.Process]:
    """The watching processes of this test."""
    return [each for each in psutil.Process().children() if "migration_lab.locks.child" in command_of(each)]


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


# ------------------------------------------------------------------------------------------------ who waited for whom


@on_postgres
def test_a_reader_waits_behind_an_alter_that_waits_behind_an_idle_reader(url: str) -> None:
    with locks.watch(url) as seen:
        began = time.monotonic()
        report = locks.idle_reader(url, COUNT)
        with meanwhile(url, ALTER, "flask db upgrade"):
            seen.wait_until_blocked()
            with meanwhile(url, "SELECT email FROM users", "shop"):
                seen.wait_until_blocked(2)
                assert report.is_open
                assert {wait.who for wait in seen.waits} == {"flask db upgrade", "shop"}
                time.sleep(0.3)
        ended = time.monotonic()
    assert seen.trouble is None
    alter, reader = seen.waits
    assert (alter.who, alter.table, alter.mode, alter.blockers) == (
        "flask db upgrade",
        "users",
        "ACCESS EXCLUSIVE",
        ("report",),
    )
    assert (reader.who, reader.mode, reader.blockers) == ("shop", "ACCESS SHARE", ("flask db upgrade",))
    assert began < alter.begin < reader.begin < reader.end < ended
    assert alter.sql == ALTER
    assert seen.who_blocked() == [("flask db upgrade", 1, "users"), ("report", 1, "users")]
    assert seen.most_blocked == 2
    assert 0.3 < seen.blocked_for("users") == seen.blocked_for() < ended - began
    assert seen.blocked_for("orders") == 0
    assert seen.in_words().splitlines()[:2] == [
        "flask db upgrade waited for ACCESS EXCLUSIVE on users, blocked by report",
        "shop waited for ACCESS SHARE on users, blocked by flask db upgrade",
    ]


@on_postgres
def test_who_waits_for_a_row_is_seen_with_its_table(url: str) -> None:
    change = "UPDATE users SET email = 'x' WHERE id = 1"
    with locks.watch(url) as seen:
        first = locks.holding(url, change, "first")
        with meanwhile(url, change, "second"):
            seen.wait_until_blocked()
            with meanwhile(url, change, "third"):
                seen.wait_until_blocked(2)
                first.close()
    waits = {wait.who: wait for wait in seen.waits}
    assert {(wait.table, wait.mode) for wait in waits.values()} == {("users", "row")}
    assert waits["second"].blockers == ("first",)
    assert "second" in waits["third"].blockers
    assert "third waited for a row of users, blocked by" in seen.in_words(at_least=0)


@on_postgres
@pytest.mark.parametrize(
    ("statement", "mode"),
    [
        (COUNT, None),
        ("SELECT 1 FROM users FOR UPDATE", "ROW SHARE"),
        ("UPDATE users SET email = NULL", "ROW EXCLUSIVE"),
        ("ANALYZE users", "SHARE UPDATE EXCLUSIVE"),
        ("CREATE INDEX ix ON users (email)", "SHARE"),
        ("CREATE TRIGGER t BEFORE UPDATE ON users EXECUTE FUNCTION suppress_redundant_updates_trigger()", None),
        ("LOCK TABLE users IN EXCLUSIVE MODE", "EXCLUSIVE"),
        (ALTER, "ACCESS EXCLUSIVE"),
    ],
)
def test_each_mode_is_named_as_in_sql(url: str, statement: str, mode: str | None) -> None:
    mode = "SHARE ROW EXCLUSIVE" if "TRIGGER" in statement else mode
    with locks.watch(url) as seen, locks.holding(url, statement, "writer"):
        seen.look()
        assert seen.strongest("users") == mode
        assert seen.strongest("orders") is None
        assert not mode or seen.look().held_for("users", mode) > 0
    assert {hold.who for hold in seen.holds} <= {"writer"}
    assert seen.waits == ()


TWICE = f"""
SET lock_timeout = '500ms';
DO $$ BEGIN
    FOR attempt IN 1..2 LOOP
        BEGIN {ALTER}; EXCEPTION WHEN lock_not_available THEN END;
    END LOOP;
END $$"""


@on_postgres
def test_a_wait_that_is_given_up_and_begun_again_at_once_is_two(url: str) -> None:
    with locks.watch(url) as seen, locks.idle_reader(url, COUNT):
        execute(url, TWICE)
        seen.look()
    assert [wait.blockers for wait in seen.waits] == [("report",)] * 2
    assert all(0.4 < wait.seconds < 5 for wait in seen.waits)


@on_postgres
def test_a_session_without_a_name_is_named_by_its_number_and_not_in_words(url: str) -> None:
    with locks.watch(url) as seen, locks.holding(url, ALTER, ""):
        seen.look()
        until(lambda: seen.look().held_for("users", "ACCESS EXCLUSIVE") > locks.seen.LONG)
    assert seen.holds[0].who == f"session {seen.holds[0].pid}"
    assert seen.in_words() == "nobody waited long\na session held ACCESS EXCLUSIVE on users"


@on_postgres
def test_the_watcher_is_left_out_writes_nothing_and_is_in_no_transaction(url: str) -> None:
    mine = "FROM pg_stat_activity WHERE application_name = 'lab locks' AND datname = current_database()"
    with locks.watch(url) as seen:
        seen.look()
        until(lambda: query(url, f"SELECT count(*) {mine} AND state = 'idle' AND xact_start IS NULL").scalar == 1)
        pid = query(url, f"SELECT pid {mine}").scalar
        execute(url, ALTER)
    assert pid not in {each.pid for each in seen.waits} | {each.pid for each in seen.holds}
    until(lambda: query(url, f"SELECT count(*) {mine}").scalar == 0)


# --------------------------------------------------------------------------------------------------------- a file


@on_sqlite
def test_each_state_of_a_file_is_seen_with_the_session_that_has_it(url: str) -> None:
    file = make_url(url).database or ""
    with locks.watch(url) as seen:
        with locks.idle_reader(url, COUNT):
            seen.look()
            assert [(each.who, each.mode, each.table) for each in seen.holds] == [
                ("report", "SHARED", "the whole file")
            ]
            writer = locks.holding(url, ALTER, "upgrade")
            seen.look()
            assert seen.strongest("users") == "RESERVED"
            thread = threading.Thread(target=writer_commits, args=(writer,))
            thread.start()
            until(lambda: seen.look().strongest("users") == "PENDING")
        thread.join()
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            seen.look()
            assert seen.strongest("users") == "EXCLUSIVE"
            assert seen.look().held_for("users", "EXCLUSIVE") > 0
    assert seen.trouble is None
    assert {each.pid for each in seen.holds} == {os.getpid()}
    assert (seen.waits, seen.blocked_for(), seen.most_blocked) == ((), 0, 0)


def writer_commits(writer: locks.Held) -> None:
    writer.commit()


@on_sqlite
def test_another_process_that_holds_the_file_is_seen(url: str) -> None:
    script = (
        "import sys; from migration_lab import locks\n"
        f"held = locks.holding({url!r}, {ALTER!r})\nprint('holds', flush=True)\nsys.stdin.read()"
    )
    for name, who in (("shop", "shop"), ("", None)):
        with locks.watch(url) as seen:
            env = os.environ | {"PGAPPNAME": name}
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            with subprocess.Popen([sys.executable, "-c", script], env=env, text=True, **pipes) as other:  # type: ignore[call-overload]
                assert other.stdout.readline() == "holds\n"
                seen.look()
                other.stdin.close()
        assert [(each.who, each.pid, each.mode) for each in seen.holds] == [
            (who or f"process {other.pid}", other.pid, "RESERVED")
        ]
    assert seen.in_words(at_least=0) == "another process held RESERVED on the whole file"
    assert seen.as_text().startswith("Nobody queues for a file")


@on_sqlite
def test_the_requests_of_a_run_have_their_name_on_a_file_too(url: str) -> None:
    with locks.watch(url) as seen, Requests(over_sql(url, [], ["UPDATE users SET id = id"], per_second=50)) as requests:
        with locks.idle_reader(url, COUNT):
            until(lambda: seen.look().strongest("users") == "PENDING")
        requests.wait_for(1)
    assert "requests held PENDING on the whole file" in seen.in_words(at_least=0)


@on_sqlite
def test_in_wal_mode_a_reader_and_a_writer_are_told_apart_from_a_mere_connection(url: str) -> None:
    execute(url, "PRAGMA journal_mode = wal")
    with locks.watch(url) as seen, closing(sqlite3.connect(make_url(url).database or "")) as connection:
        connection.execute(COUNT).fetchall()
        seen.look()
        assert seen.holds == ()
        with locks.idle_reader(url, COUNT):
            seen.look()
            assert seen.strongest("users") == "SHARED"
        with locks.holding(url, ALTER):
            seen.look()
            assert seen.strongest("users") == "RESERVED"


@on_sqlite
def test_watching_takes_no_lock_away(url: str) -> None:
    write = f"import sqlite3; sqlite3.connect({make_url(url).database!r}, timeout=0).execute('DELETE FROM users')"
    with locks.watch(url) as seen, locks.holding(url, ALTER):
        seen.look()
        refused = subprocess.run([sys.executable, "-c", write], capture_output=True, text=True)
        assert "database is locked" in refused.stderr


@on_sqlite
def test_a_file_that_comes_later_is_watched_from_then_on(url: str, tmp_path: Path) -> None:
    later = f"sqlite:///{tmp_path / 'later.db'}"
    with locks.watch(later) as seen:
        assert seen.look().holds == ()
        execute(later, TABLES)
        with locks.holding(later, ALTER):
            assert "RESERVED" in {each.mode for each in seen.look().holds}


# ------------------------------------------------------------------------------------------- the watching process


def test_the_watching_process_is_gone_after_the_block(url: str) -> None:
    with locks.watch(url, every=60) as seen:
        (child,) = watchers()
        assert os.getpgid(child.pid) != os.getpgid(0)  # Ctrl-C does not reach it
        began = time.monotonic()
    assert time.monotonic() - began < STOP_SECONDS  # it went by itself
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
        "import psutil, time; from migration_lab import locks\n"
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
        assert time.monotonic() - began < 5
        with pytest.raises(LabError, match="could not be watched to the end"):
            seen.wait_until_blocked()
    assert seen.trouble == "The locks could not be watched to the end: it ended without a word."
    assert seen.as_text().endswith(seen.trouble)


@on_postgres
def test_a_server_that_goes_away_is_trouble_and_no_exception(url: str) -> None:
    with locks.watch(url) as seen:
        mine = "application_name = 'lab locks' AND datname = current_database()"
        execute(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        until(lambda: seen.trouble)
    assert "could not be watched to the end: terminating connection" in str(seen.trouble)
    assert watchers() == []


def test_a_server_that_is_not_there_is_trouble_without_its_password() -> None:
    with locks.watch("postgresql+psycopg://ann:secret@127.0.0.1:9/shop") as seen:
        pass
    assert "could not be watched" in str(seen.trouble)
    assert "secret" not in str(seen.trouble)
    assert watchers() == []


@pytest.mark.parametrize("wrong", ["not a url", "sqlite://"])
def test_what_cannot_be_watched_at_all_is_refused(wrong: str) -> None:
    with pytest.raises(LabError), locks.watch(wrong):
        pass
    assert watchers() == []


@pytest.fixture
def as_a_guest(url: str) -> Iterator[str]:
    """The URL of the same database as somebody hands it out: an ordinary role, with its password in it."""
    execute(url, f"CREATE ROLE guest_of_locks LOGIN PASSWORD '{SECRET}'")
    parts = make_url(url).set(username="guest_of_locks", password=SECRET).difference_update_query(["passfile"])
    yield parts.render_as_string(hide_password=False)
    execute(url, "DROP ROLE guest_of_locks")


@on_postgres
def test_an_ordinary_role_is_enough_and_its_password_is_on_no_command_line(url: str, as_a_guest: str) -> None:
    with locks.watch(as_a_guest) as seen, locks.idle_reader(url, COUNT):
        (child,) = watchers()
        told = [*child.cmdline(), *child.environ().values()]
        with meanwhile(url, ALTER, "flask db upgrade"):
            seen.wait_until_blocked()
    assert seen.trouble is None
    assert SECRET not in " ".join(told)
    assert [(each.who, each.blockers) for each in seen.waits] == [("flask db upgrade", ("report",))]


# ------------------------------------------------------------------------------------------------- held sessions


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


def test_it_ends_with_its_process(url: str) -> None:
    script = (
        f"import os; from migration_lab import locks; held = locks.holding({url!r}, {ALTER!r}); os.kill(os.getpid(), 9)"
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
        with pytest.raises(LabError, match="cannot be opened") as error:
            locks.idle_reader(wrong, COUNT)
        assert "secret" not in str(error.value)
    assert not (tmp_path / "none.db").exists()


def test_holding_what_somebody_holds_does_not_wait_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readonly, "LOCK_SECONDS", 1)
    with locks.holding(url, ALTER), pytest.raises(LabError, match="made this wait for a lock"):
        locks.holding(url, ALTER)


# ---------------------------------------------------------------------------------- what samples come to, by hand


def wait(who: str, pid: int, *blockers: str, begin: float, mode: str = "ACCESS SHARE") -> locks.Wait:
    return locks.Wait(who, pid, "users", mode, blockers, begin, begin)


def hold(who: str, pid: int, mode: str, begin: float) -> locks.Hold:
    return locks.Hold(who, pid, "users", mode, begin, begin)


@pytest.fixture
def sampled() -> locks.Seen:
    seen = locks.Seen()
    seen.add(10.0, [], [hold("flask db upgrade", 1, "ACCESS EXCLUSIVE", 10.0)])
    seen.add(
        10.5,
        [wait("shop", 2, "flask db upgrade", begin=10.1), wait("session 3", 3, "shop", begin=10.2)],
        [hold("flask db upgrade", 1, "ACCESS EXCLUSIVE", 10.5), hold("shop", 2, "ROW SHARE", 10.5)],
    )
    seen.add(11.0, [wait("shop", 2, "report", begin=10.1)], [])
    seen.add(11.5, [], [])
    seen.add(12.0, [wait("shop", 2, "report", begin=11.9)], [])
    return seen


def test_consecutive_samples_are_one_wait(sampled: locks.Seen) -> None:
    assert [(each.who, each.blockers, each.begin, each.end) for each in sampled.waits] == [
        ("shop", ("flask db upgrade", "report"), 10.1, 11.5),
        ("session 3", ("shop",), 10.2, 11.0),
        ("shop", ("report",), 11.9, 12.0),
    ]
    assert [(each.who, each.mode, each.begin, each.end) for each in sampled.holds] == [
        ("flask db upgrade", "ACCESS EXCLUSIVE", 10.0, 11.0),
        ("shop", "ROW SHARE", 10.5, 11.0),
    ]


def test_what_overlaps_is_counted_once(sampled: locks.Seen) -> None:
    assert sampled.blocked_for() == pytest.approx(1.5)
    assert sampled.held_for("users", "ACCESS EXCLUSIVE") == pytest.approx(1.0)
    assert sampled.most_blocked == 2
    assert sampled.strongest("users") == "ACCESS EXCLUSIVE"
    assert sampled.who_blocked() == [
        ("report", 2, "users"),
        ("flask db upgrade", 1, "users"),
        ("shop", 1, "users"),
    ]


def test_a_row_that_takes_two_locks_in_turn_is_one_wait_and_a_table_is_not() -> None:
    for mode, count in (("row", 1), ("SHARE", 2)):
        seen = locks.Seen()
        seen.add(1.0, [wait("shop", 2, begin=0.9, mode=mode)], [])
        seen.add(1.1, [wait("shop", 2, begin=1.05, mode=mode)], [])
        assert len(seen.waits) == count


def test_the_text_has_seconds_and_the_words_have_no_number(sampled: locks.Seen) -> None:
    assert sampled.as_text() == (
        "2 waited at once at most, somebody for 1.50 s in all.\n"
        "\n"
        "waited     for    mode          times  longest  blocked by\n"
        "---------  -----  ------------  -----  -------  ------------------------\n"
        "session 3  users  ACCESS SHARE      1   0.80 s  shop\n"
        "shop       users  ACCESS SHARE      2   1.40 s  flask db upgrade, report\n"
        "\n"
        "held              what   mode              times  longest\n"
        "----------------  -----  ----------------  -----  -------\n"
        "flask db upgrade  users  ACCESS EXCLUSIVE      1   1.00 s\n"
        "shop              users  ROW SHARE             1   0.50 s"
    )
    assert sampled.in_words() == (
        "a session waited for ACCESS SHARE on users, blocked by shop\n"
        "shop waited for ACCESS SHARE on users, blocked by flask db upgrade and report\n"
        "flask db upgrade held ACCESS EXCLUSIVE on users\n"
        "shop held ROW SHARE on users"
    )
    assert sampled.in_words(at_least=1.2).count("\n") == 0
    assert (locks.Seen().as_text(), locks.Seen().in_words()) == ("Nobody waited.", "nobody waited long")


def test_the_labs_own_sessions_have_names(database: str) -> None:
    if database.startswith("sqlite"):
        return  # its sessions have none
    ask = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    execute(database, f"CREATE TABLE names AS {ask}")
    assert query(database, "SELECT * FROM names").scalar == "SQL by hand"
    assert query(database, ask).scalar == "a look"
    with Requests(over_sql(database, [], [f"INSERT INTO names {ask}"], per_second=50)) as seen:
        seen.wait_for(1)
    assert query(database, "SELECT count(*) FROM names WHERE application_name = 'requests'").scalar == seen.answered
