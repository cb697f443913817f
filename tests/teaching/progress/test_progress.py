"""The progress file: kept through crashes, several kernels and damage; read as a table."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.teaching import progress, quiz

ONE = {
    "id": "02-one",
    "kind": "one",
    "prompt": "Which `command`?",
    "options": [{"text": "a", "right": True}, {"text": "b", "why": "No."}],
}

EXERCISES = {
    name: {"title": "A ticket", "engines": ["sqlite"], "hints": {"question": f"{name}?", "pointer": f"{name}!"}}
    for name in ("02.1", "02.2", "02.3")
}


@pytest.fixture
def lesson(course_copy: Path, home: Path) -> course.Lesson:
    """Lesson 02, written, with a question, a prediction and its exercises."""
    folder = course_copy / "lessons" / "02_first_migration"
    manifest = {"title": "First", "summary": "One.", "exercises": EXERCISES}
    (folder / "lesson.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    lesson = course.lesson("02")
    (lesson.folder / "lesson.md").write_text("# A lesson\n", encoding="utf-8")
    questions = [ONE, ONE | {"id": "02-two", "prediction": True}]
    (lesson.folder / "quiz.yaml").write_text(yaml.safe_dump(questions), encoding="utf-8")
    return lesson


def test_a_lesson_that_is_begun_anew_asks_its_questions_again_and_loses_nothing(lesson: course.Lesson) -> None:
    progress.record_check("02.1", passed=True, fingerprint="a")
    progress.record_check("03.1", passed=True, fingerprint="a")
    progress.record_quiz("02-two", quiz.Record(answer=0, attempts=1, state="right"))
    progress.record_quiz("03-other", quiz.Record(answer=0, attempts=1, state="right"))
    before = progress.path().read_bytes()

    assert "Lesson 02 counts as not begun" in progress.begin_anew(lesson)

    now = progress.load()
    assert ([*now.exercises], [*now.quiz]) == (["03.1"], ["03-other"])
    assert [each.result for each in progress.summary().items if each.lesson == lesson.slug] == ["open"] * 5
    (kept,) = progress.path().parent.glob("progress-before-*.json")
    assert kept.read_bytes() == before


def test_where_nothing_was_done_there_is_nothing_to_forget(lesson: course.Lesson) -> None:
    progress.record_check("03.1", passed=True, fingerprint="a")
    before = progress.path().read_bytes()
    assert "has no record of lesson 02" in progress.begin_anew(lesson)
    assert progress.path().read_bytes() == before
    assert not [*progress.path().parent.glob("progress-*.json")]


def test_nothing_done_yet(home: Path) -> None:
    assert progress.load() == progress.Progress()
    assert not progress.path().exists(), "looking does not write"


def test_real_tries_are_checks_of_something_new(home: Path) -> None:
    for content, passed in (("a", False), ("a", False), ("b", False), ("c", True), ("d", False)):
        progress.record_check("02.1", passed=passed, fingerprint=content)
    record = progress.load().exercise("02.1")
    assert (record.checks, record.tries, record.failed_tries, record.passed) == (5, 4, 3, True)


def test_hints_count_until_the_exercise_is_passed(home: Path) -> None:
    progress.record_hint("02.1", 2)
    progress.record_hint("02.1", 1)
    assert progress.load().exercise("02.1").hints == 2
    progress.record_check("02.1", passed=True, fingerprint="a")
    progress.record_hint("02.1", 3)
    assert progress.load().exercise("02.1").hints == 2


def test_answers_of_every_form_come_back(home: Path) -> None:
    for answer in ("text", "2", 2.5, ["a", "b"], [1, 2]):
        progress.record_quiz("02-one", quiz.Record(state="wrong", answer=answer, attempts=1))
        stored = progress.load().quiz["02-one"].answer
        assert stored == answer
        assert type(stored) is type(answer)


@pytest.mark.parametrize("damage", ['{"exercises": {"02.1": {"ch', "", "[]", '{"quiz": 3}', "\0\0\0"])
def test_damaged_file_is_kept_aside_and_said(home: Path, damage: str) -> None:
    home.mkdir()
    progress.path().write_text(damage, encoding="utf-8")
    loaded = progress.load()
    kept = [file for file in home.iterdir() if file.name.startswith("progress-unreadable-")]
    assert len(kept) == 1
    assert kept[0].read_text(encoding="utf-8") == damage
    assert loaded.notice is not None
    assert kept[0].name in loaded.notice
    assert loaded.exercises == {}
    assert progress.load().notice is None, "it is said once"


def test_two_damaged_files_are_both_kept(home: Path) -> None:
    home.mkdir()
    for damage in ("first", "second"):
        progress.path().write_text(damage, encoding="utf-8")
        progress.load()
    assert {file.read_text() for file in home.glob("progress-unreadable-*")} == {"first", "second"}


def test_damage_found_while_writing_is_said_too(home: Path) -> None:
    home.mkdir()
    progress.path().write_text("{", encoding="utf-8")
    assert progress.record_hint("02.1", 1).notice is not None
    assert progress.load().exercise("02.1").hints == 1


def test_what_a_newer_course_added_is_kept(home: Path) -> None:
    home.mkdir()
    newer = {"version": 2, "badges": ["first"], "exercises": {"02.1": {"checks": 1, "stars": 3}}}
    progress.path().write_text(json.dumps(newer), encoding="utf-8")
    progress.record_hint("02.1", 1)
    stored = json.loads(progress.path().read_text(encoding="utf-8"))
    assert stored["badges"] == ["first"]
    assert stored["exercises"]["02.1"]["stars"] == 3
    assert stored["exercises"]["02.1"]["hints"] == 1


def test_a_write_that_dies_leaves_the_earlier_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress.record_hint("02.1", 1)
    before = progress.path().read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LabError, match="No space left on device"):
        progress.record_hint("02.1", 2)
    assert progress.path().read_bytes() == before


CHECK_OFTEN = """
import sys
from migration_lab.teaching import progress

for number in range(20):
    progress.record_check("02.1", passed=False, fingerprint=f"{sys.argv[1]}-{number}")
"""


def test_several_kernels_lose_nothing(home: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", CHECK_OFTEN, name]) for name in ("one", "two")]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert progress.load().exercise("02.1").tries == 40


def test_fingerprint_sees_changes_and_not_what_tools_leave(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "env.py").write_text("a")
    first = progress.fingerprint(folder)
    (folder / "migrations" / "__pycache__").mkdir()
    (folder / "migrations" / "__pycache__" / "env.pyc").write_text("x")
    assert progress.fingerprint(folder) == first
    assert progress.fingerprint(folder, "schema") != first
    (folder / "migrations" / "env.py").write_text("b")
    changed = progress.fingerprint(folder)
    (folder / "migrations" / "env.py").rename(folder / "migrations" / "other.py")
    assert len({first, changed, progress.fingerprint(folder)}) == 3


def test_fingerprint_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    for name in ("one", "__pycache__"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("a")
    assert progress.fingerprint(tmp_path / "one") == progress.fingerprint(tmp_path / "__pycache__")


def test_summary_as_a_table(lesson: course.Lesson) -> None:
    progress.record_check("02.1", passed=True, fingerprint="a")
    progress.record_check("02.2", passed=False, fingerprint="a")
    progress.record_quiz("02-one", quiz.Record(state="wrong", answer="b", attempts=1))
    progress.record_quiz("02-two", quiz.Record(state="wrong", answer="b", attempts=1))
    summary = progress.summary()
    row = next(row for row in summary.rows if row[0] == lesson.slug)
    assert row[1].startswith("02.1 passed, 02.2 1 try, 02.3 open")
    assert row[2:] == ("0 of 1 right", "1 of 1 made")
    assert " | ".join(row[2:]).replace(" | ", "  ") in " ".join(summary.as_text().split("\n"))
    assert '<th scope="row">02_first_migration</th>' in summary.as_html()
    assert 'tabindex="0" aria-label="Your progress"' in summary.as_html()


def test_export(lesson: course.Lesson, tmp_path: Path) -> None:
    progress.record_quiz("02-one", quiz.Record(state="right", answer="a", attempts=2))
    report = progress.export(tmp_path / "progress.md").read_text(encoding="utf-8")
    assert "| 02-one | Which ‘command’? | right | 2 | 0 |" in report
    table = progress.export(tmp_path / "progress.csv").read_text(encoding="utf-8")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(table))}
    assert rows["02-one"]["result"] == "right"
    assert rows["02.1"]["result"] == "open"
    with pytest.raises(LabError, match=r"\.md or \.csv"):
        progress.export(tmp_path / "progress.pdf")
    with pytest.raises(LabError, match="cannot be written"):
        progress.export(tmp_path / "nowhere" / "progress.md")


def test_notice_stands_above_the_table(lesson: course.Lesson, home: Path) -> None:
    home.mkdir()
    progress.path().write_text("{", encoding="utf-8")
    assert progress.summary().as_text().startswith("Your progress file could not be read.")


def test_a_reader_in_the_middle_of_a_write_reads_the_earlier_file_whole(home: Path) -> None:
    progress.record_hint("02.1", 1)
    with progress.path().open(encoding="utf-8") as reader:
        progress.record_hint("02.1", 2)
        assert json.load(reader)["exercises"]["02.1"]["hints"] == 1
