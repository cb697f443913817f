"""The summary of samples, computed by hand."""

import pytest

from migration_lab.instruments import locks


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


def test_a_moment_is_as_precise_as_the_samples_are_close(sampled: locks.Seen) -> None:
    assert locks.Seen().precision == 0
    sampled.add(12.25, [], [])
    assert sampled.precision == 0.5
    sampled.add(14.0, [], [])
    assert sampled.precision == 1.75


def test_a_row_that_takes_two_locks_in_turn_is_one_wait_and_a_table_is_not() -> None:
    for mode, count in (("row", 1), ("SHARE", 2)):
        seen = locks.Seen()
        seen.add(1.0, [wait("shop", 2, begin=0.9, mode=mode)], [])
        seen.add(1.1, [wait("shop", 2, begin=1.05, mode=mode)], [])
        assert len(seen.waits) == count


def test_the_text_has_seconds_and_the_words_have_no_number(sampled: locks.Seen) -> None:
    assert sampled.as_text() == (
        "At most 2 waited at once; there was a wait for 1.50 s in all.\n"
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
    assert (locks.Seen().as_text(), locks.Seen().in_words()) == ("Nobody waited.", "no long waits")
