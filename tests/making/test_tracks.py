"""The index of a track: an agenda that adds up, with links to what is written."""

import re
from itertools import pairwise

import pytest

from migration_lab.ground import course
from migration_lab.ground.course import InTheRoom, Track
from migration_lab.ground.errors import LabError
from migration_lab.making import tracks

TRACKS = course.tracks()


def track(until: str | None = None, **lessons: tuple[str, ...]) -> Track:
    chosen = {name[1:]: InTheRoom(exercises=names, until=until) for name, names in lessons.items()}
    return Track(name="short", title="Short", summary="A short one.", lessons=chosen)


def test_there_is_a_track() -> None:
    assert [each.name for each in TRACKS] == ["essentials", "one_day"]


@pytest.mark.parametrize("each", TRACKS, ids=lambda each: each.name)
def test_the_index_is_what_the_manifests_say(each: Track) -> None:
    assert tracks.path(each).read_text(encoding="utf-8") == tracks.text(each)


def test_times_add_up_and_a_break_stands_after_a_long_block() -> None:
    items = tracks.agenda(track(_02_first_migration=("02.1", "02.2", "02.3", "02.1"), _00_start_here=()))
    assert all(after.begin == before.begin + before.minutes for before, after in pairwise(items))
    lessons = [course.lesson(number).manifest.minutes for number in ("02", "00")]
    reading = sum(each.reading + each.running for each in lessons if each)
    assert sum(each.minutes for each in items) == reading + 4 * tracks.EXERCISE_MINUTES + tracks.BREAK_MINUTES
    assert [each.words == "Break" for each in items] == [False] * 5 + [True, False]
    short = tracks.agenda(track(_02_first_migration=("02.1",), _00_start_here=()))
    assert all(each.words != "Break" for each in short)


def test_the_index_links_to_lessons_and_to_the_headings_of_exercises() -> None:
    shown = tracks.text(track(_02_first_migration=("02.1",)))
    assert "(02_first_migration.ipynb)" in shown
    assert "(../exercises/02_exercises.ipynb#02.1-An-optional-display-name)" in shown
    assert re.search(r"exercises, with the same help:.*- \[02\.2 .*- \[02\.3 ", shown, re.DOTALL)


def test_a_lesson_that_is_not_written_is_said_to_be_planned() -> None:
    shown = tracks.text(track(_02_first_migration=(), _17_capstone=("17.1",)))
    assert "17 Capstone" in shown
    assert "17_capstone.ipynb" not in shown


def test_an_exercise_that_is_not_there_is_refused() -> None:
    with pytest.raises(LabError, match=r"names exercise 02\.9"):
        tracks.text(track(_02_first_migration=("02.9",)))


def test_a_track_may_leave_a_lesson_before_a_heading() -> None:
    heading, later = "Part 2: how do you get back through a merge?", "Keypoints"
    (some,) = tracks.agenda(track(until=heading, _13_heads_and_merges=()))
    (more,) = tracks.agenda(track(until=later, _13_heads_and_merges=()))
    (whole,) = tracks.agenda(track(_13_heads_and_merges=()))
    assert 10 < some.minutes < more.minutes < whole.minutes
    assert some.words.endswith(f"[{heading}](13_heads_and_merges.ipynb#Part-2:-how-do-you-get-back-through-a-merge?)")


def test_a_heading_that_is_not_there_is_refused() -> None:
    with pytest.raises(LabError, match="lesson 02 has no section 'Nowhere'"):
        tracks.text(track(until="Nowhere", _02_first_migration=()))


@pytest.mark.parametrize(("each", "hours"), list(zip(TRACKS, (4, 8), strict=True)), ids=str)
def test_a_track_takes_no_longer_than_it_says(each: Track, hours: int) -> None:
    last = tracks.agenda(each)[-1]
    assert last.begin + last.minutes < hours * 60
