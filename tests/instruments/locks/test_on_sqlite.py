"""Which process holds a SQLite file, sampled while it happens."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from migration_lab.instruments import locks
from migration_lab.instruments.query import execute
from migration_lab.instruments.traffic import Requests, over_sql
from tests.instruments.locks.parts import ALTER, COUNT, TABLES, on_sqlite, until

MANY = 3_000_000  # rows: a statement that takes a second, many times as long as the pause between two samples


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


@on_sqlite
def test_a_session_has_its_name_while_its_statement_still_runs(url: str) -> None:
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) SELECT i FROM n"
    held: list[locks.Held] = []
    thread = threading.Thread(target=lambda: held.append(locks.holding(url, f"CREATE TABLE n AS {numbers}", "a job")))
    with locks.watch(url) as seen:
        thread.start()
        until(lambda: seen.look().holds)
        assert not held, "the statement is over before anybody has looked"
        locks.close_all()  # not what still runs
        thread.join()
        assert held[0].is_open
    assert {each.who for each in seen.holds} == {"a job"}


def writer_commits(writer: locks.Held) -> None:
    writer.commit()


@on_sqlite
def test_another_process_that_holds_the_file_is_seen(url: str) -> None:
    script = (
        "import sys; from migration_lab.instruments import locks\n"
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
        assert {(each.who, each.pid) for each in seen.holds} == {(who or f"process {other.pid}", other.pid)}
        # A sample may have met it on its way there or back, with SHARED.
        assert "RESERVED" in {each.mode for each in seen.holds}
    assert "another process held RESERVED on the whole file" in seen.in_words(at_least=0)
    assert seen.as_text().startswith("There is no queue for a file")


@on_sqlite
def test_the_requests_of_a_run_have_their_name_on_a_file_too(url: str) -> None:
    with locks.watch(url) as seen, Requests(over_sql(url, [], ["UPDATE users SET id = id"], per_second=50)) as requests:
        with locks.idle_reader(url, COUNT):
            until(lambda: "PENDING" in {each.mode for each in seen.look().holds})  # or EXCLUSIVE before the report
        requests.wait_for(1)
    assert "requests held PENDING on the whole file" in seen.in_words(at_least=0)


@on_sqlite
def test_in_wal_mode_a_reader_and_a_writer_are_told_apart_from_a_mere_connection(url: str) -> None:
    execute(url, "PRAGMA journal_mode = wal")
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        connection.execute(COUNT).fetchall()  # before the watch: while it reads, it is a reader
        with locks.watch(url) as seen:
            assert seen.look().holds == ()
            with locks.idle_reader(url, COUNT):
                assert seen.look().strongest("users") == "SHARED"
            with locks.holding(url, ALTER):
                assert seen.look().strongest("users") == "RESERVED"


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
