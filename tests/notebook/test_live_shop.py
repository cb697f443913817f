"""Requests, open transactions and services in a notebook: seen together, and ended with their lesson."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from migration_lab.notebook import under_way
from tests import tiny_course
from tests.instruments.locks.parts import until
from tests.instruments.test_traffic import command_of
from tests.notebook.conftest import Cell

OPEN = 'shop = lab.open("01", engine="{engine}")'
TRAFFIC = """
with shop.sql_traffic(
    "an upgrade", reads="SELECT * FROM users WHERE id = :id", writes="UPDATE users SET email = email WHERE id = :id"
) as seen:
    seen.wait_for(10)
    %flask db downgrade base
    %flask db upgrade
"""
LIMIT = "migration_lab.shops.flask_command.COMMAND_SECONDS"
each_engine = pytest.mark.parametrize("engine", ["sqlite", "postgres"])


def started() -> list[str]:
    """The programs that this process has started and that still run."""
    lines = [" ".join(command_of(each)) for each in psutil.Process().children(recursive=True)]
    return [
        line
        for line in lines
        if "migration_lab.instruments.traffic" in line or "migration_lab.instruments.locks" in line or "service" in line
    ]


@each_engine
def test_a_block_of_traffic_sees_requests_commands_and_revisions(
    engine: str, run: Cell, bundle: Callable[[str], dict[str, Any]]
) -> None:
    run(OPEN.format(engine=engine))
    run(TRAFFIC)
    assert started() == []
    forms = bundle("seen")
    assert "flask db downgrade base took" in forms["text/plain"]
    assert "revision 0001" in forms["text/plain"]
    assert "users" in forms["text/plain"]  # the table was away for a while
    assert 'role="img"' in forms["text/html"]
    assert '<th scope="col">failed</th>' in forms["text/html"]
    assert "an upgrade; an upgrade" in bundle("lab.side_by_side(seen, seen)")["text/html"]
    assert run("print(seen.in_words())").startswith("at first: some failed")
    run("assert seen.took > 0 and seen.reads.worst > 0 and seen.failed > 0")


def test_the_shop_is_warm_before_its_requests_count(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    from migration_lab.instruments.service import Service

    order: list[Any] = []
    real = Service.requests

    def requests(self: Service, **options: Any) -> Any:
        order.append("requests")
        return real(self, **options)

    monkeypatch.setattr(Service, "warm", lambda self, paths: order.append(paths))
    monkeypatch.setattr(Service, "requests", requests)
    run(OPEN.format(engine="sqlite"))
    run('mix = (("GET", "/users/{id}", None), ("POST", "/orders", None))')
    run("with shop.traffic(mix=mix) as seen:\n    seen.wait_for(1)")
    assert order == [["/users/1"], "requests"]


def test_a_command_that_hangs_is_looked_at_through_one_session(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a new session for each look takes longer than a command with a lock timeout waits."""
    run(OPEN.format(engine="postgres"))
    run('reader = shop.idle_reader("SELECT count(*) FROM users")')
    sessions, connect = [], psycopg.connect

    def counted(*args: Any, **options: Any) -> Any:
        sessions.append(options)
        return connect(*args, **options)

    monkeypatch.setattr(psycopg, "connect", counted)
    run('hanging = shop.start("db downgrade base")\nhanging.until_blocked()')
    assert len(sessions) == 1
    run("reader.close()\nassert hanging.wait().exit_code == 0")


@each_engine
def test_an_error_in_the_block_is_shown_and_leaves_nothing(engine: str, run: Cell, fail: Cell) -> None:
    run(OPEN.format(engine=engine))
    shown = fail(TRAFFIC.replace("%flask db upgrade", "%flask db upgrade nowhere"))
    assert "failed with exit code" in shown
    assert started() == []
    assert under_way.recordings == []


@each_engine
def test_what_a_lesson_leaves_running_ends_when_it_is_opened_anew(engine: str, run: Cell) -> None:
    run(OPEN.format(engine=engine))
    run('reader = shop.idle_reader("SELECT count(*) FROM users")')
    run("service = shop.serve()")
    shown = run(OPEN.format(engine=engine).replace("shop =", "again ="))
    assert "Stopped what an earlier cell had left running: a service, an open transaction." in shown.replace("\n", " ")
    assert started() == []
    assert "False" in run("print(reader.is_open, service.is_running)")
    run('again.execute("ALTER TABLE users ADD COLUMN note TEXT")')  # nobody holds a lock


def test_a_second_shop_of_the_lesson_leaves_the_first_one_running(run: Cell) -> None:
    run(OPEN.format(engine="sqlite"))
    run("service = shop.serve()")
    assert "left running" not in run(OPEN.format(engine="postgres").replace("shop =", "other ="))
    run("assert service.is_running; service.stop()")


def test_a_shop_that_ends_under_requests_is_told(run: Cell) -> None:
    run(OPEN.format(engine="sqlite"))
    shown = run(
        "import os, signal\n"
        "service = shop.serve()\n"
        'with shop.traffic(mix=(("GET", "/", None),), service=service) as seen:\n'
        "    seen.wait_for(5)\n"
        "    os.kill(service._shop.process.pid, signal.SIGKILL)\n"
        "    seen.phase('after its end')\n"
        "    seen.wait_for(5)\n"
    )
    assert "The shop ended while it was receiving requests" in shown
    assert "the shop does not answer" in run("print(seen.in_words())")
    assert started() == []


def test_a_table_without_rows_is_said(run: Cell, fail: Cell) -> None:
    run(OPEN.format(engine="sqlite"))
    run('shop.execute("DELETE FROM users")')
    assert "has no rows to ask for" in fail('shop.sql_traffic(reads="SELECT 1", writes="SELECT 1")')


def test_storage_tells_a_rewrite(run: Cell) -> None:
    run(OPEN.format(engine="postgres"))
    run('before = shop.storage("users")')
    run('shop.execute("ALTER TABLE users ADD COLUMN seen timestamptz DEFAULT clock_timestamp()")')
    assert "rewritten" in run('shop.storage("users").since(before)')
    run('assert shop.storage("users").since(before).rewritten')


@each_engine
def test_an_interrupt_in_the_middle_of_a_migration_ends_all_of_it(
    engine: str, run: Cell, fail: Cell, tmp_path: Path
) -> None:
    run(OPEN.format(engine=engine))
    begun = tmp_path / "begun"
    slow = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)"
    run(f"%%writefile migrations/versions/0002_slow.py\n{tiny_course.revision(slow, 'pass')}")

    def interrupt_in_the_middle() -> None:
        until(begun.exists)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_in_the_middle).start()
    shown = fail(TRAFFIC.replace("%flask db downgrade base", "pass"))
    assert "You interrupted `flask db upgrade`." in shown
    assert started() == []
    assert under_way.recordings == []
    run('shop.execute("ALTER TABLE users ADD COLUMN note TEXT")')  # nothing holds a lock


def test_no_database_process_or_connection_outlives_a_lesson(run: Cell) -> None:
    run(OPEN.format(engine="postgres"))
    run(TRAFFIC)
    run('reader = shop.idle_reader("SELECT 1 FROM users")')
    run(OPEN.format(engine="postgres"))
    sessions = (
        "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    # The server takes a moment to see that somebody has hung up.
    until(lambda: "(0 rows)" in run(f'print(shop.sql("{sessions}").as_text())'))
    assert started() == []


@pytest.fixture
def hanging(run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that hangs behind a report, started where other commands may take half a second."""
    run(OPEN.format(engine="postgres"))
    run(f"%%writefile migrations/versions/0002_add_users_nickname.py\n{tiny_course.revision(tiny_course.ADD, 'pass')}")
    run('reader = shop.idle_reader("SELECT count(*) FROM users")')
    with monkeypatch.context() as patch:  # and no longer: a command that a test waits for may take its time
        patch.setattr(LIMIT, 0.5)
        run('hanging = shop.start("db upgrade")')
        run("hanging.until_blocked()")


def test_a_command_that_is_meant_to_hang_has_no_limit(
    hanging: None, run: Cell, fail: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LIMIT, 0.5)
        assert "stopped after 0.5 seconds" in fail("%flask db upgrade")  # a command of which that is not said
    assert "`flask db upgrade` runs beside the cells" in run("hanging")
    assert "was not started again" in run('again = shop.start("db upgrade")').replace("\n", " ")
    run("assert again is hanging")
    assert "is still running in this shop" in fail('shop.start("db downgrade")')
    run("reader.close()")
    assert "Running upgrade 0001 -> 0002" in run("print(hanging.wait().output)")
    assert "has ended with exit code 0" in run("hanging")


def test_a_command_that_is_over_says_that_it_waits_for_nothing(hanging: None, run: Cell, fail: Cell) -> None:
    run("reader.close()\n_ = hanging.wait()")
    shown = fail("hanging.until_blocked()")
    assert "`flask db upgrade` is no longer waiting: it has ended with exit code 0." in shown
    assert "run the cells of this section again, in order from its first one" in shown


def test_a_command_beside_the_cells_ends_with_its_lesson(hanging: None, run: Cell) -> None:
    run(OPEN.format(engine="postgres"))
    run("assert not hanging.is_running")
    assert "0001" in run("%flask db current")


def test_a_command_beside_the_cells_can_be_stopped(hanging: None, run: Cell, fail: Cell) -> None:
    run("hanging.stop()")
    assert "was stopped before it had finished" in run("hanging")
    assert "was stopped before it had finished. Start it again." in fail("hanging.wait()").replace("\n", " ")


def test_a_wait_for_a_command_can_be_interrupted(hanging: None, run: Cell, fail: Cell) -> None:
    interrupt = "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()"
    assert "`flask db upgrade` is still running." in fail(f"import os, signal, threading\n{interrupt}\nhanging.wait()")
    run("assert hanging.is_running")


@each_engine
def test_a_command_beside_the_cells_that_cannot_run_says_why(engine: str, run: Cell, fail: Cell) -> None:
    run(OPEN.format(engine=engine))
    run("shop.path('.flaskenv').unlink()")
    assert "has no `.flaskenv`" in fail('shop.start("db upgrade").wait()')
