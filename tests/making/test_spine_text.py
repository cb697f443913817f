"""`lab spine`: what each lesson leaves, in a terminal and on a page."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from migration_lab.cli import main
from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.ground.spine import files_at, head_at, spine
from migration_lab.making import spine_text


def test_all_lessons_are_a_line_each() -> None:
    heading, *lines = spine_text.table().splitlines()
    assert heading.split() == ["revisions", "head", "new", "changed"]
    assert [line[:2] for line in lines] == [each.number for each in course.lessons()]
    assert re.search(r"^03 Review what autogenerate wrote +0003 to 0004 +0004 +2 +5$", "\n".join(lines), re.MULTILINE)


def test_one_lesson_shows_its_files_and_their_differences() -> None:
    text = spine_text.of_lesson("3")
    assert text.startswith("Lesson 03 Review what autogenerate wrote leaves the shop at 0004.\n\nNew files:\n")
    assert "  migrations/versions/0003_add_users_nickname.py: add users nickname\n" in text
    assert "\n  shop/models/user.py\n" in text
    assert "\n--- a/shop/models/user.py\n+++ b/shop/models/user.py\n@@ " in text
    assert "\n+    display_name: Mapped[str | None] = mapped_column(String(80))\n" in text
    assert "\n--- /dev/null\n+++ b/migrations/versions/0003_add_users_nickname.py\n" in text


def test_a_lesson_that_leaves_nothing_says_so() -> None:
    assert spine_text.of_lesson("01") == "Lesson 01 Why migrations leaves the shop as it was."


def test_what_lessons_leave_is_where_the_next_ones_start() -> None:
    for left in spine():
        assert left.before == files_at(left.lesson)
    for before, after in zip(spine(), spine()[1:], strict=False):
        assert after.before == before.before | before.made
        assert head_at(after.lesson) == before.head


@pytest.mark.parametrize("coloured", [True, False])
def test_colours_are_for_terminals(coloured: bool) -> None:
    said = CliRunner().invoke(main, ["spine", "03"], color=coloured)
    assert said.exit_code == 0
    assert ("\x1b[32m+    display_name" in said.output) is coloured
    assert ("\x1b" in said.output) is coloured


def test_an_unknown_lesson_is_refused_with_those_that_there_are() -> None:
    said = CliRunner().invoke(main, ["spine", "03_review_autogen"])
    assert said.exit_code == 1
    assert "There is no lesson '03_review_autogen'.\nDid you mean 03_review_autogenerate?" in said.output


def test_an_edit_that_does_not_fit_is_named_with_its_line(course_copy: Path) -> None:
    path = course_copy / "lessons/03_review_autogenerate/leaves/changes.md"
    path.write_text(path.read_text(encoding="utf-8").replace(" creates a user |", " makes a user |"), encoding="utf-8")
    with pytest.raises(LabError, match=r"03_review_autogenerate/leaves/changes\.md, line 4: 'README\.md' has no line"):
        spine_text.table()


def test_the_page_is_what_the_build_makes() -> None:
    assert spine_text.path().read_text(encoding="utf-8") == spine_text.page()


def test_the_page_links_to_each_lesson_and_file() -> None:
    text = spine_text.page()
    headings = {spine_text.anchor(line.removeprefix("## ")) for line in text.splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) == headings
    files = re.findall(r"\]\(\.\./([^)]+)\)", text)
    assert len(files) > 40
    assert [each for each in files if not (spine_text.path().parents[1] / each).is_file()] == []
