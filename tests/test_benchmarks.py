"""The benchmarks run, and the cheap ones keep their ratios by a wide margin; no absolute time is tested."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from benchmarks import checks, commands, instruments, live, opening, report, start
from benchmarks.__main__ import PARTS, main
from benchmarks.figure import HEAD, Figure
from benchmarks.timing import side_by_side
from migration_lab.ground import course
from migration_lab.ground.engines import engine
from migration_lab.shops import workspace
from tests import tiny_course

WIDE = 3.0  # times as fast, where the page wants 5 or 10


def test_a_command_in_a_cell_is_far_faster_than_a_plain_subprocess(home: Path) -> None:
    assert commands.compare(engine("sqlite"), repetitions=3).ratio > WIDE


def test_a_late_lesson_opens_far_faster_than_it_is_replayed(home: Path) -> None:
    assert opening.compare_opening(course.lesson("17"), engine("sqlite"), repetitions=2).ratio > WIDE


def test_a_late_lesson_is_reset_faster_than_it_is_replayed_on_postgres(home: Path) -> None:
    assert opening.compare_reset(course.lesson("17"), engine("postgres"), repetitions=2).ratio > 1.5


# How each part is kept small. One that is not named here has one repetition.
SMALL: dict[str, dict[str, Any]] = {
    "opening": {"lessons": ["03"]},
    "memory": {"cells": 6},  # the fifth shows an error
    "instruments": {"run_seconds": 0.3, "rows": 1000},
    "room": {"at_once": 1, "with_pauses": 1, "pause": 0.01},
}
WITH_POSTGRES = ("memory",)  # the others run on SQLite alone


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_page_runs(
    part: str, home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    sizes = {"repetitions": 1, **SMALL.get(part, {})}
    if part not in WITH_POSTGRES:
        for name, value in checks.NO_POSTGRES.items():
            monkeypatch.setenv(name, value)
    if part in ("lessons", "live"):
        request.getfixturevalue("a_course_with_one_live_lesson")
    if part == "start":
        sizes["measure"] = request.getfixturevalue("in_clone_with_our_environment")
    figures = list(PARTS[part](**sizes))
    assert figures
    for each in figures:
        assert each.value > 0 or each.met  # 0 is wanted where errors are counted
        assert each.row().count("|") == HEAD.splitlines()[0].count("|")


@pytest.fixture
def a_course_with_one_live_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tiny_course.make(tmp_path)
    with (root / tiny_course.FOLDER / "lesson.md").open("a", encoding="utf-8") as lesson:
        lesson.write("\n`shop.traffic()` sends requests.\n")
    code = "from migration_lab.notebook import under_way\nunder_way.finished.append(('a run', 1.5, 0.5, 2.0))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    (root / "notebooks").mkdir()
    nbformat.write(notebook, root / "notebooks/01_tiny.ipynb")
    monkeypatch.setenv("LAB_COURSE", str(root))


@pytest.fixture
def in_clone_with_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[float, float]]:
    """Both starts in a clone, measured once; its environment is this one, so that none is created."""
    monkeypatch.setenv("PATH", os.defpath)  # without uv there is only one way
    monkeypatch.setenv("HOME", str(tmp_path))
    ready = "from migration_lab.ground.installation import stamp, stamp_file; stamp_file().write_text(stamp('test'))"

    @cache
    def measured(path: str) -> tuple[float, float]:
        with start.fresh_clone() as clone:
            (clone / ".venv").mkdir()
            for each in Path(sys.prefix).iterdir():
                if each.name != "made-from":
                    (clone / ".venv" / each.name).symlink_to(each)
            subprocess.run([sys.executable, "-c", ready], cwd=clone, check=True)
            return start.start(clone, path), start.start(clone, path)

    return measured


def test_a_table_is_filled_faster_by_the_database_than_by_the_driver(home: Path) -> None:
    for on in map(engine, ("sqlite", "postgres")):
        opened = workspace.open_lesson(course.lesson("08"), on).workspace
        figure = instruments.seeding(on, opened, rows=20_000, repetitions=9)
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
