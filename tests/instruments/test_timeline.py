"""A run on one clock: its figures, its text, its picture; and what a recording sees while a block runs."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from migration_lab.instruments import locks
from migration_lab.instruments.query import execute
from migration_lab.instruments.timeline import Blocked, Mark, Recording, Span, Timeline, as_svg, as_text
from migration_lab.instruments.timeline.model import merged
from migration_lab.instruments.timeline.picture import DOT, TRIANGLE, WIDTH
from migration_lab.instruments.timeline.text import duration
from migration_lab.instruments.traffic import Outcome, Requests, over_sql

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
    assert head.split()[:3] == ["run", "requests", "failed"]
    assert re.split("  +", row) == ["one revision", "50", "1", *WAITS, "400 ms", "400 ms"]
    phase, command = "second 0.05: from now on: behind a report", "second 0.08: flask db upgrade took 400 ms"
    assert text.index(phase) < text.index(command)
    assert "at least one session waited for a lock for 400 ms, first at second 0.10; who waited: shop (2 times)" in text
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
        "upgrade: 0002",
        "behind a report",
        "commands",
        "waits for locks",
        "reads",
        "writes",
        "at least one session waits for a lock",
        "seconds since the first request",
    ):
        assert words in said
    shapes = {re.sub(r"M[\d.,-]+", "", element.attrib["d"])[:8] for element in root.iter(f"{name}path")}
    assert len(shapes) >= 4  # dots, triangles, crosses, hatching
    for element in root.iter(f"{name}path"):
        for x in re.findall(r"M([\d.-]+),", element.attrib["d"]):
            assert 0 <= float(x) <= WIDTH


def drawn(timeline: Timeline, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(as_svg([timeline])).iter("{http://www.w3.org/2000/svg}" + kind))


def box(element: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a name (about) or of a bar."""
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    if element.tag.endswith("rect"):
        return x, y, x + float(element.attrib["width"]), y + float(element.attrib["height"])
    width, size = 7.0 * len(element.text or ""), float(element.attrib["font-size"])
    left = {"start": x, "end": x - width, "middle": x - width / 2}[element.attrib["text-anchor"]]
    return left, y - size, left + width, y


def test_no_name_is_written_over_another_or_over_a_bar_and_none_leaves_the_picture() -> None:
    spans = [Span(f"flask db {number}", at, at + 0.15, number % 2) for number, at in enumerate((5.0, 5.6, 5.8, 8.6))]
    phases = [Mark(5.0 + number / 20, f"phase {number}") for number in range(3)] + [Mark(8.95, "after a long wait")]
    blocked = [Blocked("shop", "users", 5.5, 9.0)]
    held = [locks.Open("report", "", 5.4, 8.8)]
    crowded = Timeline("crowded", 5.0, [outcome(9.0, 0.01)], spans, phases, blocked, held)
    boxes = [(each.text or "", box(each)) for each in drawn(crowded, "text")]
    assert {"phase 0", "phase 2", "after a long wait", "0", "3 (failed)", "report", "3.50 s in all"} <= {
        name for name, _ in boxes
    }
    boxes += [("a bar", box(each)) for each in drawn(crowded, "rect")]
    for number, (name, (left, top, right, bottom)) in enumerate(boxes):
        assert left >= 0, name
        assert right <= WIDTH, name
        for other, (begin, above, end, below) in boxes[:number]:
            assert right <= begin or end <= left or bottom <= above or below <= top, (name, other)


def test_of_attempts_that_follow_each_other_the_last_has_the_name_of_all() -> None:
    spans = [Span("flask db upgrade", at, at + 0.1, 1, [Mark(at + 0.05, "0009")]) for at in (5.0, 5.2, 5.4)]
    retried = Timeline("retried", 5.0, [outcome(9.0, 0.01)], spans)
    assert [each.text for each in drawn(retried, "text") if "0009" in (each.text or "")] == [
        "upgrade: 0009 (failed), 3 times"
    ]
    assert as_text([retried]).count("revision 0009") == 3


def test_a_transaction_that_stands_in_the_way_is_drawn_as_long_as_it_was_open() -> None:
    held = [locks.Open("report", "", 4.0, 7.0), locks.Open("till", "", 8.0), locks.Open("earlier", "", 1.0, 2.0)]
    seen = Timeline("seen", 5.0, [outcome(8.99, 0.01)], held=held)
    assert seen.open_sessions == [("report", 5.0, 7.0), ("till", 8.0, pytest.approx(9.0))]
    names = [each.text for each in drawn(seen, "text")]
    assert "transaction open" in names
    assert "earlier" not in names
    widths = [float(each.attrib["width"]) for each in drawn(seen, "rect")]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.05)
    assert "second 0.00: report: its transaction is open for 2.00 s" in as_text([seen])


def test_reads_are_not_hidden_under_writes(timeline: Timeline) -> None:
    def heights(shape: str) -> list[float]:
        paths = [each.attrib["d"] for each in drawn(timeline, "path") if shape in each.attrib["d"]]
        return [float(y) for y in re.findall(r"M[\d.-]+,([\d.]+)", paths[0])]  # in the legend there is one more

    assert max(heights(DOT)) < min(heights(TRIANGLE))


def test_a_strip_without_requests_is_left_out() -> None:
    names = {each.text for each in drawn(Timeline("writes", 5.0, [outcome(5.5, 0.01, writes=True)]), "text")}
    assert {"writes", "a write"} <= names
    assert not {"reads", "a read"} & names


def test_what_the_columns_mean_stands_below_them(timeline: Timeline) -> None:
    table = as_text([timeline]).split("\n\n")[0]
    for words in ("p50: half of", "p99: 99 of 100", "Blocked: the time in which"):
        assert words in table


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
    assert [name for name, _, _ in seen.timeline.open_sessions] == ["another session"]
    assert seen.in_words().splitlines()[0] == "at first: all answered"


def test_a_recording_that_cannot_begin_leaves_nothing(users: str) -> None:
    ended = []
    requests = Requests({"not": "a plan"})
    with pytest.raises(Exception, match="do not start"), Recording(requests, title="", on_end=lambda: ended.append(1)):
        pass
    assert ended == [1]
