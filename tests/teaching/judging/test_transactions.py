"""What judges learn about transactions, releases side by side, and downgrades without an explanation."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migration_lab.ground import course, engines
from migration_lab.ground.course import EngineName
from migration_lab.instruments.locks.sessions import holding, sqlite_file
from migration_lab.shops.workspace import open_lesson
from migration_lab.teaching.judging import statements, transactions
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.expectations import JudgeError, Miss
from migration_lab.teaching.judging.rollout import both_releases, revisions_ahead
from migration_lab.teaching.judging.stated import says_something
from migration_lab.teaching.judging.statements import Statement, note_statements, noted_statements
from migration_lab.teaching.judging.transactions import Noted, longest_transaction, noted_upgrade

USERS = 40
CHECK = "CONSTRAINT ck_users_name"


@pytest.fixture
def shop(home: Path) -> Iterator[Database]:
    """A shop on Postgres whose users are watched."""
    copy = Database(open_lesson(course.lesson("08"), engines.engine("postgres")).workspace, "the copy")
    note_statements(copy, "users")
    yield copy
    copy.engine.drop(copy.folder)


@pytest.fixture
def till(home: Path) -> Database:
    return Database(open_lesson(course.lesson("08"), engines.engine("sqlite")).workspace, "the copy")


def deeds(copy: Database) -> list[tuple[int, int, str]]:
    return [(each.rows, each.whole_reads, each.keeps_out) for each in noted_statements(copy)]


STATEMENTS = {
    "UPDATE users SET display_name = 'x'": [(USERS, 0, "")],
    "UPDATE users SET display_name = 'y' WHERE id < 3": [(2, 0, "")],
    "INSERT INTO users (email) VALUES ('a'), ('b')": [(2, 0, "")],
    "DELETE FROM users WHERE email IN ('a', 'b')": [(2, 0, "")],
    "UPDATE orders SET currency = 'EUR'": [],
    "ALTER TABLE users ADD COLUMN x TEXT": [(0, 0, "everyone")],
    "CREATE INDEX ix ON users (display_name)": [(0, 1, "writers")],
    "CREATE TABLE elsewhere (id INTEGER)": [(0, 0, "")],
    "LOCK TABLE users; UPDATE users SET display_name = 'x'": [(USERS, 1, "everyone")],
    "LOCK TABLE users IN SHARE MODE; UPDATE users SET display_name = 'x'": [(USERS, 1, "writers")],
    "LOCK TABLE users; INSERT INTO users (email) VALUES ('c')": [(1, 0, "everyone")],
}


def test_a_statement_is_noted_with_whom_it_keeps_out(shop: Database) -> None:
    for sql, noted in STATEMENTS.items():
        before = len(deeds(shop))
        shop.execute(sql)
        assert deeds(shop)[before:] == noted, sql


def test_a_promise_is_long_or_strong_but_not_both(shop: Database) -> None:
    shop.execute("UPDATE users SET display_name = 'x'")
    shop.execute(f"ALTER TABLE users ADD {CHECK} CHECK (display_name IS NOT NULL) NOT VALID")
    shop.execute(f"ALTER TABLE users VALIDATE {CHECK}")
    shop.execute("ALTER TABLE users ALTER display_name SET NOT NULL")
    shop.execute("ALTER TABLE users ALTER last_login_at SET DEFAULT now()")
    assert deeds(shop)[1:] == [(0, 0, "everyone"), (0, 1, ""), (0, 0, "everyone"), (0, 0, "everyone")]


def test_a_promise_without_a_check_is_both(shop: Database) -> None:
    shop.execute("UPDATE users SET display_name = 'x'")
    shop.execute("ALTER TABLE users ALTER display_name SET NOT NULL")
    assert deeds(shop)[1:] == [(0, 1, "everyone")]


def test_a_table_that_is_rewritten_is_read(shop: Database) -> None:
    shop.execute("ALTER TABLE users ADD COLUMN x TEXT DEFAULT clock_timestamp()::text")
    (noted,) = noted_statements(shop)
    assert noted.whole_reads >= 1
    assert noted.keeps_out == "everyone"


def test_a_lock_lasts_until_its_transaction_ends_and_what_is_rolled_back_is_not_noted(shop: Database) -> None:
    shop.execute("ALTER TABLE users ADD COLUMN x TEXT; UPDATE users SET x = 'x' WHERE id > 10; UPDATE users SET x = ''")
    holding(shop.url, "UPDATE users SET x = 'taken back'").close()
    noted = noted_statements(shop)
    assert [each.keeps_out for each in noted] == ["everyone"] * 3
    assert len({each.transaction for each in noted}) == 1


def noted(shop: Database, *statements: Statement, **more: Any) -> Noted:
    return Noted(shop, "users", statements, **more)


def test_rows_are_added_up_by_transaction(till: Database) -> None:
    all_ = noted(
        till,
        Statement("1", 5, 0, ""),
        Statement("1", 5, 0, "everyone"),
        Statement("2", 7, 0, ""),
        Statement("3", 0, 1, "everyone"),
    )
    assert all_.rows_in_one_transaction() == 10
    assert all_.rows_in_one_transaction(under_lock=True) == 5
    assert noted(till).rows_in_one_transaction() == 0


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (Statement("1", 6, 0, "everyone"), "Everyone waits while a transaction changes 6 rows."),
        (Statement("1", 0, 1, "writers"), "Every writer waits while the whole table is read."),
        (Statement("1", 5, 0, "everyone"), ""),
        (Statement("1", 99, 1, ""), ""),
    ],
)
def test_doors_are_open_unless_a_lock_lasts_through_long_work(till: Database, statement: Statement, says: str) -> None:
    with pytest.raises(Miss) if says else nullcontext() as miss:
        noted(till, statement, arriving=1).expect_open_doors(4)
    assert not miss or miss.value.found == says


@pytest.mark.parametrize(("limit", "says"), [("0", "as long as it takes"), ("'5min'", "300 seconds"), ("'2s'", "")])
def test_a_statement_that_may_wait_long_for_a_strong_lock_is_found(shop: Database, limit: str, says: str) -> None:
    shop.execute(f"SET lock_timeout = {limit}; ALTER TABLE users ADD COLUMN x TEXT")
    with pytest.raises(Miss) if says else nullcontext() as miss:
        noted(shop, *noted_statements(shop)).expect_open_doors(0)
    assert not miss or says in miss.value.found


@pytest.mark.parametrize("sql", ["ALTER TABLE orders ADD COLUMN x TEXT", "ALTER TABLE users ENABLE TRIGGER USER"])
def test_a_statement_that_does_not_wait_for_readers_may_wait_long(shop: Database, sql: str) -> None:
    shop.execute(f"SET lock_timeout = 0; {sql}")
    noted(shop, *noted_statements(shop)).expect_open_doors(0)


def test_reading_under_a_lock_and_rows_that_the_judge_adds_may_be_left_out(till: Database) -> None:
    some = noted(till, Statement("1", 12, 1, "everyone"), arriving=2)
    some.expect_open_doors(10, reads=False)
    some.expect_small_steps(10)
    with pytest.raises(Miss, match="more than 9 rows of `users`"):
        some.expect_small_steps(9)


def test_steps_that_grow_with_the_table_are_none(till: Database) -> None:
    few = noted(till, *(Statement(each, 1, 0, "") for each in "123"))
    one = noted(till, Statement("1", 3, 0, ""))
    many = noted(till, *(Statement(each, 5, 0, "") for each in "123"), Statement("4", 0, 0, "everyone"))
    many.expect_small_steps(10)
    many.expect_small_steps(10, few=one)
    with pytest.raises(Miss, match="their size grows with it"):
        many.expect_small_steps(10, few=few)


@pytest.mark.parametrize(
    ("column", "rewritten"),
    [("TEXT", False), ("TEXT DEFAULT clock_timestamp()::text", True)],
    ids=["in place", "rewritten"],
)
def test_an_upgrade_that_rewrites_the_table_is_noted(home: Path, column: str, rewritten: bool) -> None:
    copy = Database(open_lesson(course.lesson("08"), engines.engine("postgres")).workspace, "the copy")
    upgrade = noted_revision(copy, f'op.execute("ALTER TABLE users ADD COLUMN x {column}")')
    assert (upgrade.is_rewritten, upgrade.rows_in_one_transaction()) == (rewritten, 0)
    with pytest.raises(Miss, match="stay where they are") if rewritten else nullcontext():
        upgrade.expect_in_place()
    copy.engine.drop(copy.folder)


@pytest.mark.parametrize(("few", "says"), [("", "One locks "), (" LIMIT 5", "")], ids=["all", "few"])
def test_rows_that_a_transaction_only_locks_are_counted(home: Path, few: str, says: str) -> None:
    copy = Database(open_lesson(course.lesson("08"), engines.engine("postgres")).workspace, "the copy")
    copy.execute("SELECT id FROM users FOR UPDATE")  # which was before the upgrade
    upgrade = noted_revision(copy, f'op.execute("SELECT id FROM users ORDER BY id{few} FOR UPDATE")')
    with pytest.raises(Miss) if says else nullcontext() as miss:
        upgrade.expect_small_steps(10)
    assert not miss or miss.value.found.startswith(says)
    copy.engine.drop(copy.folder)


@pytest.mark.parametrize(("those", "says"), [("", "One locks "), (" WHERE id % 5 = :n", "")], ids=["all", "its_own"])
def test_rows_that_a_batch_locks_for_a_later_one_are_counted(home: Path, those: str, says: str) -> None:
    copy = Database(open_lesson(course.lesson("08"), engines.engine("postgres")).workspace, "the copy")
    locks = f"WITH locked AS MATERIALIZED (SELECT id FROM users{those} FOR UPDATE)"
    batch = f"{locks} UPDATE users SET display_name = 'x' WHERE id % 5 = :n AND id IN (SELECT id FROM locked)"
    upgrade = noted_revision(copy, f'[op.execute("{batch}".replace(":n", str(n))) for n in range(5)]')
    with pytest.raises(Miss) if says else nullcontext() as miss:
        upgrade.expect_small_steps(10)
    assert not miss or miss.value.found.startswith(says)
    copy.engine.drop(copy.folder)


def noted_revision(copy: Database, body: str) -> Noted:
    head = copy.history().heads[0]
    text = (
        f'from alembic import op\n\nrevision = "9999"\ndown_revision = "{head}"\n\n\ndef upgrade():\n'
        f"    with op.get_context().autocommit_block():\n        {body}\n"
    )
    (copy.folder / "migrations/versions/9999_add_x.py").write_text(text, encoding="utf-8")
    return noted_upgrade(copy, "users")


@pytest.mark.parametrize(("how", "says"), [("", "Every writer waits"), ("CONCURRENTLY ", "")])
def test_an_index_built_again_in_its_place_is_noted_on_any_server(
    home: Path, monkeypatch: pytest.MonkeyPatch, how: str, says: str
) -> None:
    monkeypatch.setattr(statements, "NOTE_READS", "SELECT 1")  # for a server before 17 it is no change of the schema
    copy = Database(open_lesson(course.lesson("08"), engines.engine("postgres")).workspace, "the copy")
    upgrade = noted_revision(copy, f'op.execute("REINDEX INDEX {how}ix_users_email")')
    with pytest.raises(Miss) if says else nullcontext() as miss:
        upgrade.expect_open_doors(10)
    assert not miss or miss.value.found.startswith(says)
    copy.engine.drop(copy.folder)


def test_the_longest_of_several_transactions_is_told(till: Database) -> None:
    with longest_transaction(till) as longest:
        took = [keep(till, seconds) for seconds in (0.1, 0.5, *[0.05] * 20)]
    assert 0.25 < longest.seconds <= max(took)


def test_what_cannot_be_timed_is_no_transaction_of_no_time(till: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "sqlite_file", lambda url: str(till.folder / "nowhere.db"))
    with pytest.raises(JudgeError, match="could not be timed"), longest_transaction(till):
        pass


@pytest.mark.parametrize("delay", [0, 0.15])
def test_transactions_without_a_pause_between_them_are_told_apart(
    till: Database, delay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_late = cycle((True, False))

    def clock() -> float:
        now = time.monotonic()
        if next(is_late):
            time.sleep(delay)  # a busy machine gives the thread no turn between its clock and its look
        return now

    monkeypatch.setattr(transactions, "time", SimpleNamespace(monotonic=clock))
    with longest_transaction(till) as longest:
        connection = sqlite3.connect(sqlite_file(till.url), isolation_level=None)
        took = []
        for number in range(8):
            began = time.monotonic()
            connection.execute("BEGIN")
            connection.execute(f"UPDATE users SET display_name = '{number}'")
            time.sleep(0.2)
            connection.execute("COMMIT")
            took.append(time.monotonic() - began)
        connection.close()
    assert longest.seconds <= max(took)


def test_who_only_reads_has_no_transaction_that_counts(till: Database) -> None:
    with longest_transaction(till) as longest:
        till.sql("SELECT * FROM users")
        time.sleep(0.05)
    assert longest.seconds == 0


def keep(copy: Database, seconds: float) -> float:
    """Keep a transaction open, and give back how long it took with all that belongs to it."""
    began = time.monotonic()
    # What changes no value writes nothing.
    with holding(copy.url, "UPDATE users SET display_name = coalesce(display_name, '') || 'x'") as held:
        time.sleep(seconds)
        held.commit()
    return time.monotonic() - began


def test_each_engine_has_its_own_way(till: Database, shop: Database) -> None:
    with pytest.raises(JudgeError, match="Postgres only"):
        note_statements(till, "users")
    with pytest.raises(JudgeError, match="SQLite only"), longest_transaction(shop):
        pass


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_both_releases_serve_one_database(home: Path, name: EngineName) -> None:
    copy = Database(open_lesson(course.lesson("08"), engines.engine(name)).workspace, "the copy")
    routes = copy.folder / "shop" / "routes" / "health.py"
    routes.write_text(routes.read_text() + '\n\n@blueprint.get("/news")\ndef news() -> str:\n    return "news"\n')
    with both_releases(copy, course.lesson("08")) as (old, new):
        created = new.service.post("/users", {"email": "both@example.com"})
        assert old.service.get(f"/users/{created.json['id']}").json["email"] == "both@example.com"
        assert new.unanswered(("GET", "/news", None)) == []
        with pytest.raises(Miss, match="At `0010` the old release serves") as miss:
            old.expect(("GET", "/users/1", None), ("GET", "/news", None))
        assert miss.value.found.startswith("GET /news: ")
    copy.engine.drop(copy.folder)


def test_the_revisions_ahead_are_those_that_have_not_run(home: Path) -> None:
    copy = Database(open_lesson(course.lesson("09"), engines.engine("sqlite")).workspace, "the copy")
    assert revisions_ahead(copy) == []
    copy.flask("db downgrade 0010")
    assert revisions_ahead(copy) == ["0011", "0012", "0013"]
    copy.flask("db downgrade base")
    assert revisions_ahead(copy)[:2] == ["0001", "0002"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("pass", False),
        ('op.drop_column("users", "x")', False),
        ('"""The values are lost."""', True),
        ("# The values are lost.\n    pass", True),
        ("pass  # nothing to undo", True),
        ('raise RuntimeError("not this way")', True),
        ('if True:\n        raise RuntimeError("not this way")', True),
    ],
)
def test_a_downgrade_says_something_or_it_does_not(body: str, says: bool) -> None:
    head = '"""add x, which is lost on the way back"""\n\n\ndef upgrade():\n    # up\n    pass\n\n\n'
    assert says_something(f"{head}def downgrade():\n    {body}\n") is says


def test_a_revision_without_a_downgrade_says_nothing() -> None:
    assert not says_something("def upgrade():\n    pass\n")
