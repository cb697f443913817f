"""The benchmarks run, and the cheap ones keep their ratios by a wide margin; no absolute time is tested."""

import os
from pathlib import Path

import psutil
import pytest

from benchmarks import checks, commands, instruments, live, opening, report, room
from benchmarks.__main__ import PARTS, main
from benchmarks.figure import Figure
from benchmarks.timing import side_by_side
from migration_lab.ground import course
from migration_lab.ground.engines import engine
from migration_lab.shops import workspace

WIDE = 3.0  # times as fast, where the page wants 5 or 10


def test_a_command_in_a_cell_is_far_faster_than_a_plain_subprocess(home: Path) -> None:
    assert commands.compare(engine("sqlite"), repetitions=3).ratio > WIDE


def test_a_late_lesson_opens_far_faster_than_it_is_replayed(home: Path) -> None:
    assert opening.compare_opening(course.lesson("17"), engine("sqlite"), repetitions=2).ratio > WIDE


def test_a_late_lesson_is_reset_faster_than_it_is_replayed_on_postgres(home: Path) -> None:
    assert opening.compare_reset(course.lesson("17"), engine("postgres"), repetitions=2).ratio > 1.5


def test_a_check_is_measured_in_a_kernel(home: Path) -> None:
    first, later = checks.measure(1, **checks.NO_POSTGRES)
    assert first > 0
    assert later > 0


def test_a_room_of_two_passes_its_checks(home: Path) -> None:
    assert len(room.measure(2, 0)) == 2


def test_a_table_is_filled_faster_by_the_database_than_by_the_driver(home: Path) -> None:
    for on in map(engine, ("sqlite", "postgres")):
        opened = workspace.open_lesson(course.lesson("08"), on).workspace
        figure = instruments.seeding(on, opened, rows=20_000, repetitions=1)
        assert figure.ratio is not None
        assert figure.ratio > 1


def test_the_load_beside_a_run_ends_with_it() -> None:
    mine = psutil.Process()
    before = {each.pid for each in mine.children()}
    with live.load():
        beside = [each for each in mine.children() if each.pid not in before]
        assert len(beside) == os.cpu_count()
    assert not [each for each in beside if each.is_running()]


def test_the_lessons_that_send_requests_are_found() -> None:
    assert {"06", "08", "12"} <= {each.number for each in live.live_lessons()}
    assert "02" not in {each.number for each in live.live_lessons()}


def test_what_a_lesson_has_measured_is_read_from_its_last_cell() -> None:
    ran = {"cells": [{"outputs": []}, {"outputs": [{"text": ['[["one", 1.5, 0.5, 2.0]]\n']}]}]}
    assert live.seen(ran) == [("one", 1.5, 0.5, 2.0)]


def test_both_ways_are_measured_in_turn() -> None:
    order = []

    def timed(name: str, took: float) -> float:
        order.append(name)
        return took

    pair = side_by_side(lambda: timed("ours", 0.1), lambda: timed("other", 0.4), repetitions=3)
    assert order == ["ours", "other", "other", "ours", "ours", "other"]
    assert pair.ratio == pytest.approx(4)


@pytest.mark.parametrize(
    ("figure", "row"),
    [
        (
            Figure("open", 0.02, other=0.3, other_is="replay", at_most=0.3, at_least=5),
            "| open | 20 ms | 300 ms, replay | 15.0 | at most 300 ms, 5 times | yes |",
        ),
        (Figure("open", 0.1, other=0.3, at_least=5), "| open | 100 ms | 300 ms,  | 3.0 | 5 times | **no** |"),
        (Figure("check", 1.2, at_most=1), "| check | 1.2 s |  |  | at most 1.0 s | **no** |"),
        (Figure("server", 11.3, "MB"), "| server | 11 MB |  |  |  |  |"),
        (Figure("answers", 400, "/s", 800, "wrk"), "| answers | 400 /s | 800 /s, wrk | 0.5 |  |  |"),
        (Figure("p50", 0.0061, other=0.006, other_is="alone"), "| p50 | 6.1 ms | 6.0 ms, alone | 1.0 |  |  |"),
    ],
    ids=["met", "too slow a ratio", "too long", "memory", "per second", "short"],
)
def test_a_figure_as_a_row(figure: Figure, row: str) -> None:
    assert figure.row() == row


def test_the_page_has_a_place_for_every_part() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    for part in ("machine", *PARTS):
        assert f"\nnew {part}\n" in report.written(page, part, f"new {part}")
    with pytest.raises(ValueError, match="no place for lunch"):
        report.written(page, "lunch", "")


def test_the_machine_is_told_without_its_name_or_paths(home: Path) -> None:
    said = report.machine()
    assert "cores" in said
    assert "PostgreSQL" in said
    assert "/" not in said


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lunch"])
    assert "The parts are commands, " in capsys.readouterr().err
