"""The field guide: it recognises printed messages, is silent where nothing is wrong, and is complete."""

import pytest

from migration_lab.ground import course
from migration_lab.ground.errors import LabError
from migration_lab.teaching.explain import card, explain, guide, not_known
from tests.teaching.explain.project import USER, Project, expect

# --- messages that take a race or a program of their own, as they were printed -------------------------------------

VERBATIM = {
    "F33": "INFO  [alembic.autogenerate] Detected type change from REAL() to Float(precision=24) on 't.x'",
    "F49": '(psycopg.errors.DuplicateTable) relation "t1" already exists\n[SQL: CREATE TABLE t1 (id INTEGER)]',
    "F53": "sqlalchemy.exc.OperationalError: (psycopg.errors.DeadlockDetected) deadlock detected",
    "F54": 'duplicate key value violates unique constraint "pg_type_typname_nsp_index"',
    "F56": "sqlite3.OperationalError: table t1 already exists",
    "F26": "alembic.util.exc.DatabaseNotAtHead: Database is not on all head revisions",
    "F62": "500: (psycopg.errors.UndefinedColumn) column users.last_login_at does not exist",
    "F74": "RuntimeError: Working outside of application context.",
    "F02": "Error: While importing 'shop', an ImportError was raised:\n\nModuleNotFoundError: No module named 'x'\n\n"
    "Usage: flask [OPTIONS] COMMAND [ARGS]...\nTry 'flask --help' for help.\n\nError: No such command 'db'.",
    "F01": "Error: No such command 'db'.",
}


@pytest.mark.parametrize("card_id", VERBATIM)
def test_a_message_as_it_was_printed(card_id: str) -> None:
    found = explain(VERBATIM[card_id])
    assert found is not None
    assert card_id in (found.id, *found.also)


def test_the_message_may_be_pasted_with_colours_and_broken_lines() -> None:
    pasted = "\x1b[31mERROR [flask_migrate] Error: Target database\n     is not up to date.\x1b[0m"
    expect(pasted, "F13")


# --- silence where nothing is wrong --------------------------------------------------------------------------------

QUIET: tuple[tuple[str, ...], ...] = (
    ("migrate", "-m", "make users", "--rev-id", "1"),
    ("upgrade",),
    ("current",),
    ("history", "--verbose"),
    ("heads",),
    ("branches",),
    ("show", "1"),
    ("check",),
    ("revision", "-m", "by hand", "--rev-id", "2"),
    ("upgrade", "--sql"),
    ("upgrade",),
    ("downgrade",),
    ("revision", "-m", "other", "--rev-id", "3", "--head", "1", "--splice"),
    ("heads",),
    ("merge", "-m", "join", "--rev-id", "4", "2", "3"),
    ("upgrade",),
    ("stamp", "4"),
    ("downgrade", "base"),
    ("--help",),
)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_command_that_succeeds_has_no_card(request: pytest.FixtureRequest, engine: str) -> None:
    quiet: Project = request.getfixturevalue("project" if engine == "sqlite" else "on_postgres")
    quiet.models(USER)
    for words in QUIET:
        output = quiet.good(*words)
        assert explain(output) is None, output


def test_no_card_for_what_is_no_error() -> None:
    for text in (
        "",
        " \n",
        "INFO  [alembic.autogenerate.compare.tables] Detected added column 'users.last_login_at'",
        "INFO  [alembic.autogenerate.compare.tables] Detected removed column 'users.nickname'",
        "INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, say that the table users already holds orders",
        "NameError: name 'x' is not defined",
        "TypeError: 'NoneType' object is not iterable",
        "Order 5 was paid.",
        "users: column email added (TEXT, may be null)",
    ):
        assert explain(text) is None


def test_what_the_guide_does_not_know_it_says() -> None:
    text = 'Traceback (most recent call last):\n  File "x"\nfoo.BarError: no "users" here\n[SQL: SELECT 1]\n'
    assert explain(text) is None
    unknown = not_known(text)
    assert unknown.says == "This is not in the field guide yet"
    assert 'foo.BarError: no "users" here' in unknown.meaning
    assert any('foo.BarError: no "users" here' in step for step in unknown.cure)
    assert "foo.BarError" in unknown.as_text()


# --- the guide itself ------------------------------------------------------------------------------------------------


def test_every_failure_has_its_card() -> None:
    assert {each for lesson in course.lessons() for each in lesson.manifest.failures} <= guide().keys()
    assert card("f13") == guide()["F13"]
    with pytest.raises(LabError, match=r"F01 to F\d\d, and G01 to G\d{3}\."):
        card("F99")


def test_cards_are_numbered_without_a_gap() -> None:
    for letter in "FG":  # what lessons provoke, and what they do not
        ids = [each for each in guide() if each.startswith(letter)]
        assert ids == [f"{letter}{number:02}" for number in range(1, len(ids) + 1)]


def test_a_card_is_found_by_its_id() -> None:
    assert explain("F51") == explain(" f51\n") == card("F51")


def test_every_card_can_be_found() -> None:
    named = {each for page in guide().values() for each in page.also}
    assert named <= guide().keys()
    for page in guide().values():
        assert page.silent != bool(page.signs.every) or page.id in named, page.id


def test_every_card_names_a_lesson_that_shows_it() -> None:
    shown = {lesson.slug: lesson.manifest.failures for lesson in course.lessons()}
    for page in guide().values():
        if page.id.startswith("G"):
            assert page.lesson is None or page.lesson in shown
            continue
        assert page.lesson is not None
        assert page.id in shown[page.lesson], (
            f"guide.yaml says that lesson {page.lesson} shows {page.id}: list it in the `failures` of its lesson.yaml"
        )


def test_every_card_reads_as_the_course_speaks() -> None:
    for page in guide().values():
        for text in (page.says, page.meaning, *page.cure):
            assert "!" not in text, text
        assert page.meaning.endswith("."), page.id
        assert all(step.endswith(("`.", ".", "`")) for step in page.cure), page.id
        assert page.as_text().startswith(f"{page.id}: {page.says}")
