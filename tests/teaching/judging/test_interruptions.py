"""Commands that a judge kills or pauses before one of their statements."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from migration_lab.ground import course, engines
from migration_lab.ground.course import EngineName
from migration_lab.instruments import locks
from migration_lab.instruments.query import Rows
from migration_lab.instruments.readonly import looking_at
from migration_lab.shops import workspace
from migration_lab.shops.process import Completed, until
from migration_lab.teaching.judging import database, running
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.interruptions import DIED, Interruptions, crashes, meetings, sampled
from migration_lab.teaching.judging.running import (
    LEFT_BEHIND,
    PATIENCE_SECONDS,
    Background,
    in_background,
    is_blocked,
    wait_for,
    wait_until_stuck,
)
from migration_lab.teaching.judging.waiting import cancelled

Open = Callable[[EngineName], Database]
REVISION = '''\
"""add campaigns"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade():
    op.create_table("campaigns", sa.Column("code", sa.String(20), primary_key=True))
    op.execute("INSERT INTO campaigns VALUES ('spring')")


def downgrade():
    op.drop_table("campaigns")
'''
POLLS = """\
    import time
    while not op.get_bind().scalar(sa.text("SELECT pg_try_advisory_xact_lock(7)")):
        time.sleep(0.1)
"""
UPGRADE = "db upgrade"
STATEMENTS = ["CREATE TABLE campaigns", "INSERT INTO campaigns", "UPDATE alembic_version"]


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    """A function that opens the shop of lesson 06 with one more revision, and a database of its own."""
    made = []

    def make(name: EngineName) -> Database:
        copy = Database(workspace.open_lesson(course.lesson("06"), engines.engine(name)).workspace, "the copy")
        (copy.folder / "migrations/versions/0009_add_campaigns.py").write_text(REVISION, encoding="utf-8")
        made.append(copy)
        return copy

    yield make
    for each in made:
        each.engine.drop(each.folder)


def tables(copy: Database) -> set[str]:
    return {table.name for table in copy.schema().tables}


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_what_changes_something_is_listed(engine: EngineName, opened: Open) -> None:
    shop = opened(engine)
    env = (shop.folder / "migrations/env.py").read_text()
    listed = Interruptions(shop).statements(UPGRADE)
    assert [line[: len(begin)] for line, begin in zip(listed, STATEMENTS, strict=True)] == STATEMENTS
    assert shop.stands_at() == ("0009",)
    assert (shop.folder / "migrations/env.py").read_text() == env
    assert Interruptions(shop).statements("db history") == []


# SQLite's driver begins a transaction with the INSERT: what comes before it stays.
@pytest.mark.parametrize(
    ("engine", "number", "is_left"),
    [
        ("sqlite", 1, False),
        ("sqlite", 2, True),
        ("sqlite", 3, True),
        ("postgres", 1, False),
        ("postgres", 2, False),
        ("postgres", 3, False),
    ],
)
def test_a_command_dies_before_a_statement(engine: EngineName, number: int, is_left: bool, opened: Open) -> None:
    shop = opened(engine)
    assert Interruptions(shop).die_before(number, UPGRADE).exit_code == DIED
    assert ("campaigns" in tables(shop)) == is_left
    assert shop.stands_at() == ("0008",)
    again = shop.flask(UPGRADE)
    assert again.exit_code == int(is_left), again.output


def test_a_number_that_never_comes_changes_nothing(opened: Open) -> None:
    shop = opened("sqlite")
    assert Interruptions(shop).die_before(9, UPGRADE).exit_code == 0
    assert "campaigns" in tables(shop)


def test_a_command_waits_before_a_statement_with_its_locks(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(3, UPGRADE) as paused:
        assert not paused.has_ended
        assert "campaigns" not in tables(shop)
        assert paused.completed().exit_code == 0
        assert paused.has_ended
    assert "campaigns" in tables(shop)


def test_the_end_of_the_block_lets_it_go_on(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(1, UPGRADE) as paused:
        pass
    assert paused.completed().exit_code == 0
    assert shop.stands_at() == ("0009",)


def test_a_command_runs_beside_one_that_waits(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(2, UPGRADE) as paused:
        other = in_background(shop, UPGRADE)
        wait_until_stuck(shop, other)  # both make the same table
        assert not other.has_ended
        assert paused.completed().exit_code == 0
        assert "already exists" in other.completed().output or "pg_type" in other.completed().output
    assert shop.stands_at() == ("0009",)


def test_one_that_asks_again_and_again_is_not_waited_for(opened: Open) -> None:
    shop = opened("postgres")
    revision = shop.folder / "migrations/versions/0009_add_campaigns.py"
    revision.write_text(REVISION.replace("    op.create_table", f"{POLLS}    op.create_table", 1), encoding="utf-8")
    with locks.holding(shop.url, "SELECT pg_advisory_lock(7)"):
        other = in_background(shop, UPGRADE)
        began = time.monotonic()
        wait_until_stuck(shop, other)
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert not other.has_ended
    assert other.completed().exit_code == 0


def test_one_that_only_begins_late_is_waited_for(opened: Open) -> None:
    shop = opened("postgres")
    revision = shop.folder / "migrations/versions/0009_add_campaigns.py"
    late = '    op.execute("SELECT pg_sleep(1)")\n    op.execute("LOCK TABLE users")\n    op.create_table'
    revision.write_text(REVISION.replace("    op.create_table", late, 1), encoding="utf-8")
    with locks.holding(shop.url, "LOCK TABLE users") as holder:
        other = in_background(shop, UPGRADE)
        wait_until_stuck(shop, other)
        assert is_blocked(shop)
        holder.close()
    assert other.completed().exit_code == 0
    wait_until_stuck(shop, other)


def test_a_statement_for_each_row_is_interrupted_three_times() -> None:
    rows = [f"INSERT INTO points VALUES ({number}, 'it''s {number}')" for number in range(1000)]
    assert sampled(["CREATE TABLE points", *rows, "UPDATE v SET n = '0009'", "UPDATE v SET n = '0010'"]) == [
        *(1, 2, 3, 1001, 1002, 1003),
    ]
    assert sampled([]) == []


# Both deaths leave the same: on SQLite the table, on Postgres nothing.
@pytest.mark.parametrize(("engine", "is_left"), [("sqlite", True), ("postgres", False)])
def test_each_state_that_a_death_leaves_is_one_case(engine: EngineName, is_left: bool, opened: Open) -> None:
    statements = Interruptions(opened(engine)).statements(UPGRADE)
    late = "INSERT INTO users (email) VALUES ('late@example.com')"
    (crash,) = crashes(lambda: opened(engine), UPGRADE, statements, meanwhile=late)
    assert crash.when.startswith("It died before this statement: INSERT INTO campaigns")
    assert ("campaigns" in crash.left.tables) == is_left
    assert ("already exists" in crash.error) == is_left
    assert crash.why == (LEFT_BEHIND if is_left else "")
    assert "late@example.com" not in crash.left.values_of("users.email").values()
    assert "late@example.com" in crash.after.values_of("users.email").values()


def test_a_death_that_shuts_the_shop_is_a_miss(opened: Open) -> None:
    statements = Interruptions(opened("sqlite")).statements(UPGRADE)
    with pytest.raises(Miss, match="the shop works"):
        list(crashes(lambda: opened("sqlite"), UPGRADE, statements, meanwhile="INSERT INTO nowhere VALUES (1)"))


def test_two_commands_meet_either_way_round(opened: Open) -> None:
    stamp = "db stamp 0009"  # waits for the row that an upgrade has changed
    statements = {command: Interruptions(opened("postgres")).statements(command) for command in (UPGRADE, stamp)}
    found = list(meetings(lambda: opened("postgres"), statements))
    assert [each.when for each in found] == [
        f"`flask {UPGRADE}` was at its statement {number} when `flask {stamp}` began." for number in (2, 3)
    ]
    for each in found:
        assert each.errors, "the upgrade does not find the version that it is to change"
        assert f"`flask {UPGRADE}` ended with" in each.errors[0]
        assert each.deadlocks == 0
        assert each.after.revisions == ("0009",)


def test_the_hook_is_for_one_command_and_not_for_another_in_the_same_copy(opened: Open) -> None:
    shop = opened("postgres")
    with Interruptions(shop).paused_before(1, UPGRADE) as paused:
        assert shop.flask("db stamp 0007").exit_code == 0  # its first statement changes something, too
        assert not paused.has_ended


def test_a_slow_machine_does_not_shorten_a_wait(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = opened("postgres")
    hours = SimpleNamespace(monotonic=lambda: time.monotonic() * 3600, sleep=time.sleep)
    monkeypatch.setattr(running, "time", hours)
    monkeypatch.setattr(database, "COMMAND_SECONDS", 0.001)  # it is the pause that takes so long
    with Interruptions(shop).paused_before(3, UPGRADE) as paused:
        assert (shop.folder / "migrations/waits").exists()
        assert paused.completed().exit_code == 0


def test_a_command_beside_the_judge_ends_when_the_check_is_given_up(opened: Open) -> None:
    shop = opened("sqlite")
    given_up = threading.Event()

    def give_up() -> None:
        with until(given_up), Interruptions(shop).paused_before(1, UPGRADE) as paused:
            given_up.set()
            wait_for(lambda: paused.has_ended)

    with pytest.raises(KeyboardInterrupt):
        give_up()


def test_a_look_of_the_judge_is_not_what_a_command_waits_for(opened: Open) -> None:
    shop = opened("postgres")
    with looking_at(shop.url) as look:
        look.exec_driver_sql("DECLARE old CURSOR FOR SELECT 1")  # which keeps its snapshot
        build = Background(lambda: Completed(shop.execute("CREATE INDEX CONCURRENTLY ix ON users (email)"), ""))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
        wait_for(lambda: build.has_ended or shop.sql(f"{waits} AND datname = current_database()").scalar == 1)
        assert not is_blocked(shop)
    assert build.completed().exit_code == 0


def test_a_command_that_gives_up_at_once_was_seen_inside_its_statement(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opened("postgres")
    revision = shop.folder / "migrations/versions/0009_add_campaigns.py"
    lock = '    op.execute("SET LOCAL lock_timeout = \'2s\'")\n    op.execute("LOCK TABLE users")\n    op.create_table'
    revision.write_text(REVISION.replace("    op.create_table", lock, 1), encoding="utf-8")
    look = shop.sql

    def look_slowly(question: str) -> Rows:
        found = look(question)
        if "pg_blocking_pids" in question and found.scalar:
            wait_for(lambda: not look(question).scalar)
        return found

    monkeypatch.setattr(shop, "sql", look_slowly)
    crash = cancelled(lambda: shop, UPGRADE, behind="LOCK TABLE users", meanwhile="SELECT 1")
    assert crash is not None
    assert crash.when == "It was cancelled inside this statement: LOCK TABLE users"
