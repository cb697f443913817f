"""The way through the course: what comes next, the contents with the progress, and the page that opens first."""

import html
import json
import re
from pathlib import Path

import pytest

from migration_lab.ground import course, way
from migration_lab.making import build, links, notebooks, tracks, ways
from migration_lab.teaching import progress, quiz
from migration_lab.teaching.progress import first_page


@pytest.fixture(autouse=True)
def at_home(home: Path) -> Path:
    return home


def answer_all(number: str, *, but: int = 0) -> None:
    """Answer the questions of a lesson, but for the last few."""
    questions = quiz.load(course.lesson(number))
    for question in questions[: len(questions) - but]:
        progress.record_quiz(question.id, quiz.Record(state="noted", attempts=1))


def passes(exercise_id: str) -> None:
    progress.record_check(exercise_id, passed=True, fingerprint="a")


def test_what_is_next_goes_with_the_learner() -> None:
    """From the first lesson through its exercises to the next one, past lessons that are not written."""

    def following() -> str:
        return progress.contents().next.words

    assert following() == "lesson 00 Start here"
    answer_all("00")
    assert following() == "lesson 01 Why migrations"
    answer_all("03", but=1)
    assert following() == "lesson 03 Review what autogenerate wrote"
    answer_all("03")
    assert following().startswith("exercise 03.1 ")
    passes("03.1")
    passes("03.3")
    assert following().startswith("exercise 03.2 ")
    passes("03.2")
    assert following() == "lesson 04 Names and constraints"


def test_who_has_come_to_the_end_is_sent_to_what_was_passed_over() -> None:
    last = [each for each in course.lessons() if each.is_written][-1]
    answer_all(last.number)
    for name in last.manifest.exercises:
        passes(name)
    assert progress.contents().next.words.startswith("exercise 01.1 ")
    for each in course.lessons():
        for name in each.manifest.exercises:
            passes(name)
    assert progress.contents().next == way.Stop("you have done everything that is written so far", way.CONTENTS.link)


def test_after_an_exercise_comes_the_next_one_and_then_the_next_lesson() -> None:
    assert way.after_exercise("03.1").words == "exercise 03.2 Three changes in one file"
    assert way.after_exercise("03.1").link == "../exercises/03_exercises.ipynb#03.2-Three-changes-in-one-file"
    assert way.after_exercise("03.3").words == "lesson 04 Names and constraints"
    last = [name for each in course.lessons() for name in each.manifest.exercises][-1]
    assert way.after_exercise(last) == way.CONTENTS


def test_the_contents_say_of_each_lesson_what_was_done_and_what_is_planned() -> None:
    answer_all("01", but=2)
    passes("01.1")
    progress.record_check("02.1", passed=False, fingerprint="a")
    shown = progress.contents()
    assert re.search(
        r"^01 Why migrations: \d+ min, \d+ of \d+ answered\n   ✓ 01\.1 .* \(passed\)$", shown.as_text(), re.M
    )
    assert "   · 02.1 An optional display name (1 try)\n" in shown.as_text()
    assert "11 Enums, triggers and views (planned)" in shown.as_text()
    page = shown.as_html()
    assert '<progress value="1" max="' in page
    assert '<th scope="row">11 Enums, triggers and views</th><td>planned</td>' in page
    assert (
        '✓ <a href="../exercises/01_exercises.ipynb#01.1-The-shop-is-down">01.1 The shop is down</a> (passed)' in page
    )


def test_a_wrong_answer_does_not_count_as_an_answered_question() -> None:
    counted = [each for each in quiz.load(course.lesson("02")) if not each.prediction][:3]
    assert len(counted) == 3
    progress.record_quiz(counted[0].id, quiz.Record(state="wrong", attempts=1))
    assert re.search(r"^02 .* 0 of \d+ answered$", progress.contents().as_text(), re.M)
    progress.record_quiz(counted[1].id, quiz.Record(state="right", attempts=2))
    progress.record_quiz(counted[2].id, quiz.Record(state="shown", attempts=2))
    shown = progress.contents()
    assert re.search(r"^02 .* 2 of \d+ answered$", shown.as_text(), re.M)
    assert " 2 of " in shown.as_html()
    assert shown.next.words == "lesson 02 Your first migration", "it has been begun"


def sum_of(part: course.Part) -> int:
    return part.minutes.reading + part.minutes.running


def test_parts_are_shown_with_their_minutes() -> None:
    shown = progress.contents()
    part = course.lesson("06").manifest.parts[1]
    minutes = f"{sum_of(part)} min"
    assert f"\n   part 2: {part.title}: {minutes}\n" in shown.as_text()
    link = f"../notebooks/06_transactions_and_locks.ipynb#{part.section.replace(' ', '-')}"
    assert f'<th scope="row">part 2: <a href="{link}">{part.title}</a></th><td>{minutes}</td>' in shown.as_html()


def test_a_part_begins_below_a_sentence_that_says_so() -> None:
    lesson = course.lesson("06")
    _, part, last = lesson.manifest.parts
    made = ["".join(cell["source"]) for cell in notebooks.lesson_notebook(lesson, build.cells_of(lesson)[0])["cells"]]
    place = made.index(next(each for each in made if each.startswith("**Part 2 of 3: ")))
    assert made[place].startswith(f"**Part 2 of 3: {part.title}** ({sum_of(part)} minutes).")
    assert made[place + 1].startswith(f"## {part.section}")
    assert f"[{last.title}](../notebooks/06_transactions_and_locks.ipynb#{last.section.replace(' ', '-')})" in made[0]


def test_a_lesson_ends_with_links_to_its_exercises_and_to_the_next_lesson() -> None:
    lesson = course.lesson("03")
    lesson_cells, exercise_cells = build.cells_of(lesson)
    made = notebooks.lesson_notebook(lesson, lesson_cells)["cells"]
    assert "04 Names and constraints](../notebooks/04_names_and_constraints.ipynb)" in "".join(made[-1]["source"])
    for cell in (made[0], made[-1]):  # where the lesson opens, and where it ends
        assert "(../exercises/03_exercises.ipynb#03.3-It-wants-to-drop-the-refunds)" in "".join(cell["source"])
    after = notebooks.exercise_notebook(lesson, exercise_cells)["cells"][-1]
    assert "The next lesson" in "".join(after["source"])
    assert "exercises of this lesson" not in "".join(after["source"])


def test_the_end_of_a_lesson_names_those_that_are_not_written_yet() -> None:
    lesson = [each for each in course.lessons() if each.is_written and each.number < "11"][-1]
    last = notebooks.lesson_notebook(lesson, build.cells_of(lesson)[0])["cells"][-1]
    assert re.search(r"Not written yet: (\d\d, )*11\b", "".join(last["source"]))


@pytest.mark.parametrize(
    ("prose", "shown"),
    [
        ("An enum: lesson 11.", "An enum: lesson 11 (planned)."),
        ("An enum: lesson 11, which is planned.", "An enum: lesson 11, which is planned."),
        ("Lesson 11 has more, lesson 06 too.", "Lesson 11 (planned) has more, lesson 06 too."),
        ("See lessons 11, 06 and 16.", "See lessons 11 (planned), 06 and 16 (planned)."),
        ("Lesson 11 is not written yet.", "Lesson 11 is not written yet."),
        ("The 12 lessons of 2026-05-04 are 16.", "The 12 lessons of 2026-05-04 are 16."),
    ],
)
def test_prose_says_which_lessons_are_planned(prose: str, shown: str) -> None:
    assert ways.with_planned(prose) == shown


def test_notebooks_say_it() -> None:
    lesson = course.lesson("03")
    made = notebooks.lesson_notebook(lesson, build.cells_of(lesson)[0])
    assert any("Lesson 11 (planned) shows how" in "".join(cell["source"]) for cell in made["cells"])


def test_links_stand_below_the_promises_and_not_between_a_cell_and_its_words() -> None:
    lesson = course.lesson("00")
    opening = "".join(notebooks.lesson_notebook(lesson, build.cells_of(lesson)[0])["cells"][0]["source"])
    not_here, contents, run = (opening.index(words) for words in ("**Not here**", "**All lessons**", "Run this one:"))
    assert not_here < contents < run
    assert ways.with_top(lesson, "# A title").startswith("# A title\n\n**All lessons**")


def test_every_link_of_the_way_leads_somewhere(tmp_path: Path) -> None:
    """The notebooks are made from the lessons, so that this holds whatever stands in `notebooks/`."""
    for folder in ("notebooks", "exercises"):
        (tmp_path / folder).mkdir()
    for lesson in (each for each in course.lessons() if each.is_written):
        lesson_cells, exercise_cells = build.cells_of(lesson)
        made = {f"notebooks/{lesson.slug}.ipynb": notebooks.lesson_notebook(lesson, lesson_cells)}
        if exercise_cells:
            made[f"exercises/{lesson.exercises_file}"] = notebooks.exercise_notebook(lesson, exercise_cells)
        for name, notebook in made.items():
            (tmp_path / name).write_text(notebooks.as_json(notebook), encoding="utf-8")
    for track in course.tracks():
        (tmp_path / "notebooks" / f"{track.name}.ipynb").write_text(tracks.text(track), encoding="utf-8")
    page = notebooks.contents_notebook()
    stops = re.findall(r'<a href="([^"]+)">', progress.contents().as_html())
    page["cells"][0]["source"] += [f"\n[a stop]({html.unescape(link)})" for link in stops]
    (tmp_path / "notebooks/contents.ipynb").write_text(notebooks.as_json(page), encoding="utf-8")
    assert len(stops) > 30
    assert list(links.broken_links(tmp_path)) == []


def test_the_page_that_opens_first_shows_the_progress_before_a_cell_has_run(home: Path) -> None:
    path = home / "notebooks/contents.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebooks.as_json(notebooks.contents_notebook()), encoding="utf-8")
    passes("01.1")
    first_page.fill()
    written = path.stat().st_mtime_ns, path.stat().st_ino
    first_page.fill()
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == written, "a page that is right is left alone"
    (output,) = json.loads(path.read_text(encoding="utf-8"))["cells"][1]["outputs"]
    count = sum(len(each.manifest.exercises) for each in course.lessons())
    assert f"1 of {count} exercises passed" in "".join(output["data"]["text/plain"])
    assert "<progress" in "".join(output["data"]["text/html"])


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"cells": 3}', '{"cells": []}', "\0"])
def test_a_damaged_page_is_left_as_it_is(home: Path, damage: str) -> None:
    first_page.fill()  # there is none
    path = home / "notebooks/contents.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(damage, encoding="utf-8")
    first_page.fill()
    assert path.read_text(encoding="utf-8") == damage
