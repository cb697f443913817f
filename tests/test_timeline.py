"""A run on one clock: its figures, its words, its picture; and what a recording sees while a block lasts."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from migration_lab import locks
from migration_lab.query import execute
from migration_lab.timeline import Blocked, Mark, Recording, Span, Timeline, as_svg, as_text
from migration_lab.timeline.model import merged
from migration_lab.timeline.text import duration
from migration_lab.traffic import Outcome, Requests, over_sql

WAITS = ("4 ms", "350 ms", "350 ms", "4 ms", "1.50 s", "1.50 s")
READ = "SELECT * FROM users WHERE id = :id"
WRITE = "UPDATE users SET visits = visits + 1 WHERE id = :id"


def outcome(due: float, waited: float, *, writes: bool = False, reason: str = "") -> Outcome:
    return Outcome(due, waited, "at first", "x", writes, 200, not reason, reason)


@pytest.fixture
def timeline() -> Timeline:
    """Half a second of requests, of which one read and one write wait for an upgrade, and one write fails."""
    outcomes = [outcome(100 + number / 100, 0.004, writes=number % 2 == 1) for number in range(50)]
    outcomes[10] = outcome(100.1, 0.35)
    outcomes[11] = outcome(100.11, 1.5, writes=True)
    outcomes[13] = outcome(100.13, 0.002, writes=True, reason="no such column <b>")
    span = Span("flask db upgrade", 100.08, 100.48, 0)
    span.marks.extend([])
    return Timeline(
        "one revision",
        100.0,
        outcomes,
        [span],
        [Mark(100.05, "behind a report")],
        blocked=[Blocked("shop", "users", 100.1, 100.4), Blocked("shop", "users", 100.2, 100.5)],
    )


def test_the_figures(timeline: Timeline) -> None:
    assert (timeline.reads.count, timeline.reads.failed, timeline.reads.worst) == (25, 0, 0.35)
    assert (timeline.writes.count, timeline.writes.failed, timeline.writes.worst) == (25, 1, 1.5)
    assert timeline.blocked_for == pytest.approx(0.4)
    assert timeline.working == pytest.approx(0.4)
    assert timeline.seconds == pytest.approx(1.61)
    assert merged([(3, 4), (0, 1), (0.5, 2)]) == [(0, 2), (3, 4)]
    assert merged([]) == []


def test_revisions_are_heard_in_what_a_command_prints() -> None:
    span = Span("flask db upgrade", 0)
    span.heard("INFO  [alembic.runtime.migration] Running upgrade  -> 0001, create users\nanything else\n")
    span.heard("INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, add users timezone\n")
    span.heard("INFO  [alembic.runtime.migration] Running upgrade 0002, 0003 -> 0004, merge\n")
    span.heard("INFO  [alembic.runtime.migration] Running downgrade 0001 -> , create users\n")
    assert [mark.name for mark in span.marks] == ["0001", "0002", "0004", "below 0001"]


def test_the_text_holds_all_that_the_picture_shows(timeline: Timeline) -> None:
    text = as_text([timeline])
    head, row = text.splitlines()[:2]
    assert head.split()[:2] == ["requests", "failed"]
    assert re.split("  +", row) == ["one revision", "50", "1", *WAITS, "400 ms", "400 ms"]
    phase, command = "second 0.05: from now on: behind a report", "second 0.08: flask db upgrade took 400 ms"
    assert text.index(phase) < text.index(command)
    assert (
        "400 ms with a session that waits for a lock, for the first time at second 0.10; who waited: shop (2 times)"
        in text
    )
    assert "1 time: 200: no such column <b>" in text


def test_the_picture_is_whole_and_can_be_read_without_colour(timeline: Timeline) -> None:
    timeline.spans[0].heard("Running upgrade 0001 -> 0002, x")
    root = ET.fromstring(as_svg([timeline, timeline]))
    name = "{http://www.w3.org/2000/svg}"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"].endswith("one revision; one revision")
    said = [element.text for element in root.iter(f"{name}text")]
    assert said.count("one revision") == 2
    for words in (
        "a read",
        "a write",
        "a request that failed",
        "0002",
        "behind a report",
        "commands",
        "waits for locks",
        "seconds",
    ):
        assert words in said
    shapes = {re.sub(r"M[\d.,-]+", "", element.attrib["d"])[:8] for element in root.iter(f"{name}path")}
    assert len(shapes) >= 4  # dots, triangles, crosses, hatching
    for element in root.iter(f"{name}path"):
        for x in re.findall(r"M([\d.-]+),", element.attrib["d"]):
            assert 0 <= float(x) <= 760


def test_names_of_phases_that_follow_soon_are_not_written_over_each_other() -> None:
    phases = [Mark(5.0 + number / 20, f"phase {number}") for number in range(3)]
    root = ET.fromstring(as_svg([Timeline("soon", 5.0, [outcome(8.0, 0.01)], phases=phases)]))
    texts = [each for each in root.iter("{http://www.w3.org/2000/svg}text") if (each.text or "").startswith("phase ")]
    places = [(float(each.attrib["x"]), float(each.attrib["y"])) for each in texts]
    assert len(places) == 3
    for place, (x, y) in enumerate(places):
        assert all(y != above or abs(x - left) >= 5.5 * len("phase 0") for left, above in places[:place])


def test_a_name_that_would_stand_on_the_next_bar_is_left_to_the_text() -> None:
    spans = [Span("try", at, at + 0.1, 1, [Mark(at + 0.05, "0009")]) for at in (5.0, 5.2, 5.4)]
    drawn = as_svg([Timeline("retried", 5.0, [outcome(9.0, 0.01)], spans=spans)])
    names = [each for each in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text") if each.text == "0009"]
    assert len(names) == 1, "that of the last attempt"
    assert names[0].attrib["paint-order"] == "stroke"
    assert as_text([Timeline("retried", 5.0, [], spans=spans)]).count("revision 0009") == 3


def test_what_has_no_room_to_its_right_stands_where_there_is_some() -> None:
    """A name of a revision beside its bar, a phase's to the left of its line; and nothing leaves the picture."""
    span = Span("flask db upgrade", 5.1, 5.2, 0, [Mark(5.15, "0001")])
    blocked = [Blocked("shop", "users", 5.5, 8.0)]
    late = Timeline("late", 5.0, [outcome(8.0, 0.01)], [span], [Mark(7.95, "after a long wait")], blocked)
    root = ET.fromstring(as_svg([late]))
    at = {each.text: each for each in root.iter("{http://www.w3.org/2000/svg}text")}
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    ends = [float(each.attrib["x"]) + float(each.attrib["width"]) for each in bars]
    assert float(at["0001"].attrib["x"]) >= ends[0]
    lines = [each.attrib for each in root.iter("{http://www.w3.org/2000/svg}line")]
    begins = max(float(each["x1"]) for each in lines if each["x1"] == each["x2"] and each["y2"] == "144.0")
    assert float(at["after a long wait"].attrib["x"]) + 5.5 * len("after a long wait") <= begins
    assert ends[1] <= float(at["2.50 s"].attrib["x"]) <= 760 - 5.5 * len("2.50 s")


def test_a_picture_of_nothing_can_be_drawn() -> None:
    empty = Timeline("nothing", 5.0, [])
    assert ET.fromstring(as_svg([empty])) is not None
    assert "nothing" in as_text([empty])


def test_durations_are_said_as_people_say_them() -> None:
    assert [duration(each) for each in (0, 0.0074, 0.34, 0.9996, 3.257)] == [
        "0 ms",
        "7 ms",
        "340 ms",
        "1.00 s",
        "3.26 s",
    ]


# ------------------------------------------------------------------------------------------------------- recordings


@pytest.fixture
def users(database: str) -> Iterator[str]:
    execute(database, "CREATE TABLE users (id integer PRIMARY KEY, visits integer NOT NULL)")
    execute(database, "INSERT INTO users VALUES (1, 0), (2, 0)")
    yield database
    locks.close_all()


def test_a_recording_sees_requests_commands_and_who_waits(users: str) -> None:
    requests = Requests(over_sql(users, [READ], [WRITE], per_second=40, ids=(1, 2)))
    with Recording(requests, title="a row that is locked", watch=locks.watch(users)) as seen:
        seen.wait_for(10)
        with seen.span("a long change"), locks.holding(users, "UPDATE users SET visits = 0"):
            seen.phase("while it is open")
            seen.wait_for(15)  # the readers' requests; the writers wait
        seen.phase("after it")
        seen.wait_for(10)
    assert seen.trouble is None
    assert seen.failed == 0
    assert seen.longest_wait > 0.2
    assert seen.writes.worst > seen.reads.median
    assert seen.took > 0.2
    assert seen.blocked_for() > 0 or users.startswith("sqlite")  # SQLite's writers ask again and again, and do not wait
    assert "a long change" in seen.as_text()
    assert seen.in_words().splitlines()[0] == "at first: all answered"


def test_a_recording_that_cannot_begin_leaves_nothing(users: str) -> None:
    ended = []
    requests = Requests({"not": "a plan"})
    with pytest.raises(Exception, match="do not start"), Recording(requests, title="", on_end=lambda: ended.append(1)):
        pass
    assert ended == [1]
