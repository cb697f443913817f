"""Which session waited for which on Postgres, sampled while it happens."""

import threading
import time

import pytest

from migration_lab.instruments import locks
from migration_lab.instruments.query import execute, query
from migration_lab.instruments.traffic import Requests, over_sql
from tests.instruments.locks.parts import ALTER, COUNT, meanwhile, on_postgres, until, watchers

PAUSE = 0.3  # seconds


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
                time.sleep(PAUSE)
        seen.look()  # so that the end of the waits has been sampled
        ended = time.monotonic()
    assert seen.trouble is None
    waits = {wait.who: wait for wait in seen.waits}
    alter, reader = waits["flask db upgrade"], waits["shop"]
    assert (alter.who, alter.table, alter.mode, alter.blockers) == (
        "flask db upgrade",
        "users",
        "ACCESS EXCLUSIVE",
        ("report",),
    )
    assert (reader.who, reader.mode, reader.blockers) == ("shop", "ACCESS SHARE", ("flask db upgrade",))
    assert began - seen.precision < alter.begin < reader.begin + seen.precision
    assert reader.begin < reader.end < ended
    assert alter.sql == ALTER
    assert seen.who_blocked() == [("flask db upgrade", 1, "users"), ("report", 1, "users")]
    assert seen.most_blocked == 2
    assert PAUSE - seen.precision < seen.blocked_for("users") == seen.blocked_for()
    assert seen.blocked_for() < ended - began + seen.precision
    assert seen.blocked_for("orders") == 0
    assert seen.in_words(at_least=0).splitlines()[:2] == [
        "flask db upgrade waited for ACCESS EXCLUSIVE on users, blocked by report",
        "shop waited for ACCESS SHARE on users, blocked by flask db upgrade",
    ]


@on_postgres
def test_it_can_wait_until_one_session_blocks_another(url: str) -> None:
    change = "UPDATE users SET email = 'x' WHERE id = 1"
    with locks.watch(url) as seen:
        waiting = threading.Thread(target=seen.wait_until_blocked, kwargs={"by": "report"})
        waiting.start()
        with locks.holding(url, change, "first"), meanwhile(url, change, "second"):
            seen.wait_until_blocked().look()
            assert waiting.is_alive()
        with locks.idle_reader(url, COUNT), meanwhile(url, ALTER, "flask db upgrade"):
            waiting.join()
            assert {each.blockers for each in seen.waits if each.who == "flask db upgrade"} == {("report",)}


@on_postgres
def test_a_late_sample_does_not_make_a_wait_longer_by_the_servers_clock(url: str) -> None:
    with locks.watch(url) as seen:
        (watcher,) = watchers()
        with locks.holding(url, "LOCK TABLE users"), meanwhile(url, COUNT, "shop"):
            seen.wait_until_blocked()
            watcher.suspend()
        time.sleep(PAUSE)
        watcher.resume()
        seen.look()
    (wait,) = seen.waits
    assert wait.seconds > PAUSE
    assert wait.at_least < wait.seconds - PAUSE


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
    assert "first" in waits["second"].blockers
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


LIMIT = 0.5  # seconds
TWICE = f"""
SET lock_timeout = '{LIMIT * 1000:.0f}ms';
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
    assert all(wait.seconds > LIMIT - seen.precision for wait in seen.waits)


@on_postgres
def test_a_session_without_a_name_is_named_by_its_number_and_not_in_words(url: str) -> None:
    with locks.watch(url) as seen, locks.holding(url, ALTER, ""):
        seen.look()
        until(lambda: seen.look().held_for("users", "ACCESS EXCLUSIVE") > locks.seen.LONG)
    assert seen.holds[0].who == f"session {seen.holds[0].pid}"
    assert seen.in_words() == "no long waits\na session held ACCESS EXCLUSIVE on users"


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
