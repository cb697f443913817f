"""What a judge learns about commands that run while the shop serves requests."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from migration_lab.ground import course, engines
from migration_lab.ground.course import EngineName
from migration_lab.instruments import locks
from migration_lab.instruments.traffic import ONE_ROW_EACH
from migration_lab.shops import workspace
from migration_lab.shops.process import Completed
from migration_lab.teaching.judging import database
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.running import LEFT_BEHIND, STOPPED, why_it_failed
from migration_lab.teaching.judging.under_traffic import (
    ATTEMPTS,
    HOPELESS,
    REPORT,
    Live,
    deploy_behind_report,
    under_traffic,
)

Open = Callable[[EngineName], Database]
ADD = 'op.add_column("users", sa.Column("note", sa.Text))'
PAUSE = 0.4  # seconds
HEAD = 'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "0009"\ndown_revision = "0008"\n\n'


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    """A function that opens the shop of lesson 06, with a database of its own."""
    made = []

    def make(name: EngineName) -> Database:
        copy = Database(workspace.open_lesson(course.lesson("06"), engines.engine(name)).workspace, "the copy")
        made.append(copy)
        return copy

    yield make
    for each in made:
        each.engine.drop(each.folder)


def write(copy: Database, statement: str) -> None:
    body = f"{HEAD}def upgrade():\n    {statement}\n\n\ndef downgrade():\n    pass\n"
    (copy.folder / "migrations/versions/0009_a_change.py").write_text(body, encoding="utf-8")


def still_running() -> list[str]:
    lines = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            lines.append(" ".join(each.cmdline()))
    started = (
        "migration_lab.instruments.service",
        "migration_lab.instruments.traffic",
        "migration_lab.instruments.locks",
    )
    return [line for line in lines if any(name in line for name in started)]


def test_waits_of_requests_are_told_from_those_of_the_command(opened: Open) -> None:
    shop = opened("postgres")
    write(shop, ADD)
    reader = locks.idle_reader(shop.url, "SELECT count(*) FROM users")
    with reader, under_traffic(shop) as live:
        live.wait_for(5)
        ends = threading.Thread(target=end_when_it_is_in_the_way, args=(reader, live))
        ends.start()
        assert live.flask("db upgrade").exit_code == 0
        live.wait_for(5)
        ends.join()
    assert live.failed == []
    assert live.seen.locks is not None
    assert "shop" in {each.who for each in live.waits}
    assert not [each for each in live.waits if each.who.startswith("flask")]
    assert live.longest_wait > PAUSE - live.seen.locks.precision
    assert live.longest_request > PAUSE
    assert [span.exit_code for span in live.seen.timeline.spans] == [0]
    assert still_running() == []


def end_when_it_is_in_the_way(reader: locks.Held, live: Live) -> None:
    assert live.seen.locks is not None
    live.seen.locks.wait_until_blocked(2)  # the command, and a request behind it
    time.sleep(PAUSE)
    reader.close()


def test_a_command_is_waited_for_until_it_meets_a_lock_or_ends(opened: Open) -> None:
    shop = opened("postgres")
    write(shop, ADD)
    never, at_once = threading.Event(), threading.Event()
    at_once.set()
    with locks.idle_reader(shop.url, "SELECT count(*) FROM users") as reader, under_traffic(shop) as live:
        live.wait_for_a_command(or_until=at_once)
        upgrade = threading.Thread(target=live.flask, args=("db upgrade",))
        upgrade.start()
        live.wait_for_a_command(or_until=never)
        assert live.seen.locks is not None
        assert "flask db upgrade" in {each.who for each in live.seen.locks.waits}
        reader.close()
        upgrade.join()
    with under_traffic(shop) as live:
        live.flask("db current")
        live.wait_for_a_command(or_until=never)
        assert [span.end is not None for span in live.seen.timeline.spans] == [True]


def test_a_deploy_runs_again_until_the_report_has_gone(opened: Open) -> None:
    shop = opened("postgres")
    write(shop, f"op.execute(\"SET LOCAL lock_timeout = '100ms'\"); {ADD}")
    deploy = deploy_behind_report(shop, "db upgrade", "users", mix=ONE_ROW_EACH, seconds=5, pause=0.1)
    *failed, last = [span.exit_code for span in deploy.live.seen.timeline.spans]
    assert failed
    assert 0 not in failed
    assert last == deploy.last.exit_code == 0
    assert deploy.left_report_alone
    assert shop.stands_at() == ("0009",)


def test_a_deploy_gives_up_what_cannot_succeed_and_sees_that_the_report_was_ended(opened: Open) -> None:
    shop = opened("postgres")
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{REPORT}'"
    end = f'op.execute("{end} AND datname = current_database()")'
    write(shop, f'{end}; op.add_column("users", sa.Column("email", sa.Text))')
    deploy = deploy_behind_report(shop, "db upgrade", "users", mix=ONE_ROW_EACH, seconds=5, pause=0.1)
    assert not deploy.left_report_alone
    assert why_it_failed(deploy.last) == LEFT_BEHIND
    assert len(deploy.live.seen.timeline.spans) < ATTEMPTS + HOPELESS


def test_a_lock_that_was_not_waited_for_is_a_cause_too() -> None:
    nowait, limit = 'could not obtain lock on relation "orders"', "canceling statement due to lock timeout"
    assert why_it_failed(Completed(1, nowait)) == why_it_failed(Completed(1, limit)) != ""


def test_nobody_waits_where_nothing_is_in_the_way(opened: Open) -> None:
    shop = opened("sqlite")
    with under_traffic(shop) as live:
        live.wait_for(20)
    assert (live.failed, live.waits, live.longest_wait) == ([], [], 0.0)
    assert live.longest_request > 0


def test_reasons_of_failures_are_the_same_words_each_time(opened: Open) -> None:
    shop = opened("sqlite")
    with under_traffic(shop, mix=(("GET", "/users/{id}", None), ("GET", "/nowhere", None))) as live:
        live.wait_for(10)
    assert [each[:27] for each in live.failed] == ["404: The requested URL was "]


def test_another_release_takes_part_of_the_requests(opened: Open, tmp_path: Path) -> None:
    shop = opened("postgres")
    other = tmp_path / "other"
    shutil.copytree(shop.folder, other)
    routes = other / "shop/routes/users.py"
    routes.write_text(routes.read_text().replace("There is no such user.", "The other release knows no such user."))
    with under_traffic(shop, mix=(("GET", "/users/0", None),), beside=replace(shop.workspace, folder=other)) as live:
        live.wait_for(30)
    assert live.failed == ["404: The other release knows no such user.", "404: There is no such user."]


def test_a_command_that_never_ends_is_told_by_its_exit_code(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "COMMAND_SECONDS", 1.0)
    shop = opened("postgres")
    write(shop, ADD)
    with locks.idle_reader(shop.url, "SELECT count(*) FROM users"), under_traffic(shop) as live:
        completed = live.flask("db upgrade")
    assert completed.exit_code == STOPPED
    assert "was stopped after 1 seconds" in completed.output
    assert still_running() == []
