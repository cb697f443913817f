"""`shop`: the database and the files, as a cell sees them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration_lab.ground import html
from migration_lab.ground.jupyter import exporting
from migration_lab.teaching.judging.words import differences_in
from tests.notebook.conftest import Cell

Bundle = Callable[[str], dict[str, Any]]
OPEN = 'shop = lab.open("01")'


@pytest.fixture(autouse=True)
def _open(run: Cell) -> None:
    run(OPEN)


def test_a_query_is_a_table_in_both_forms(bundle: Bundle) -> None:
    forms = bundle('shop.sql("SELECT id, email FROM users ORDER BY id")')
    assert "1  ann@example.com" in forms["text/plain"]
    assert '<th scope="col">email</th>' in forms["text/html"]
    assert "<caption>(3 rows)</caption>" in forms["text/html"]
    assert "o&#x27;neill@example.com" in forms["text/html"]


def test_a_query_cannot_change_anything(fail: Cell) -> None:
    assert "is read-only" in fail('shop.sql("DELETE FROM users")')


def test_html_in_the_database_is_shown_and_not_run(run: Cell, bundle: Bundle) -> None:
    run("shop.execute(\"UPDATE users SET email = '<script>x</script>' WHERE id = 1\")")
    html = bundle('shop.sql("SELECT email FROM users")')["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_changes_are_told_once(run: Cell, bundle: Bundle) -> None:
    run('shop.execute("ALTER TABLE users ADD COLUMN age INTEGER")')
    forms = bundle("shop.changes()")
    assert forms["text/plain"] == "users: column age added (INTEGER, may be null)"
    assert "<td>column age</td>" in forms["text/html"]
    assert "as it was" in run("shop.changes()")
    assert run("len(shop.changes())").endswith("0\n")


def test_the_schema_can_be_narrowed_to_a_table(run: Cell, fail: Cell, bundle: Bundle) -> None:
    run('shop.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")')
    assert "table other" in run("shop.schema()")
    forms = bundle('shop.schema("users")')
    assert "table other" not in forms["text/plain"]
    assert "<caption>Table <code>users</code></caption>" in forms["text/html"]
    assert "The tables that are there: other, users." in fail('shop.schema("user")')


def test_a_schema_says_what_it_does_not_show(run: Cell, bundle: Bundle) -> None:
    assert "Compared" not in run("shop.schema()")
    run('shop.execute("CREATE VIRTUAL TABLE docs USING fts5(title, tokenize=porter)")')
    forms = bundle("shop.schema()")
    assert forms["text/plain"].endswith("shown only in `.details`: table option (2), virtual table (1).")
    assert forms["text/html"].endswith("<code>.details</code>: table option (2), virtual table (1).</p>")


def test_the_history_is_a_picture_with_words(bundle: Bundle) -> None:
    forms = bundle("shop.revisions()")
    assert "accTitle" in forms["text/vnd.mermaid"]
    assert "accDescr" in forms["text/vnd.mermaid"]
    assert "0001" in forms["text/plain"]
    assert bundle('shop.revisions(since="0001")') == forms


def test_files_are_listed_and_read_as_they_are(run: Cell, fail: Cell, bundle: Bundle) -> None:
    assert run('shop.files("migrations/versions")').strip().endswith("migrations/versions/0001_create_users.py")
    assert ".flaskenv" in run("shop.files()")
    assert "from flask import Flask\n" in run('shop.read("shop.py")')
    assert bundle('shop.read("shop.py")')["text/markdown"].startswith("```python\nimport os\n")
    assert "There is no file `nope.py`" in fail('shop.read("nope.py")')
    assert "There is no folder `nope`" in fail('shop.files("nope")')
    assert "leads out" in fail('shop.read("/etc/passwd")')


def test_a_replacement_in_a_file_is_made_once(run: Cell, fail: Cell) -> None:
    again = 'shop.replace("notes.txt", "one", "one and a half")'
    run('shop.path("notes.txt").write_text("zero, one, two, one")')
    assert run(again) == "Changed notes.txt\n"
    assert run(again) == "notes.txt is changed already\n"
    assert run('print(shop.read("notes.txt"))') == "zero, one and a half, two, one\n"
    away = 'shop.replace("notes.txt", "zero, ", "")'
    assert run(away + "\n" + away) == "Changed notes.txt\nnotes.txt is changed already\n"
    said = fail('shop.replace("notes.txt", "three", "four")')
    assert "does not have the text that this cell replaces: 'three'" in said
    assert "Run the cells above it" in said


def test_the_edit_button_names_the_file_as_jupyterlab_does(bundle: Bundle, fail: Cell) -> None:
    forms = bundle('shop.edit("shop.py")')
    assert "shops/01_tiny-sqlite/shop.py" in forms["text/plain"]
    assert 'data-commandlinker-command="docmanager:open"' in forms["text/html"]
    assert "&quot;path&quot;: &quot;shops/01_tiny-sqlite/shop.py&quot;" in forms["text/html"]
    assert "There is no file" in fail('shop.edit("shop/nope.py")')


def test_an_earlier_shop_can_be_used_again(run: Cell, tiny: Path) -> None:
    run('other = lab.exercise("01.1")')
    run("%flask db downgrade base")
    assert run('shop.sql("SELECT count(*) FROM users").scalar').endswith("3\n")
    run("shop.use();")
    assert Path.cwd() == tiny / "shops" / "01_tiny-sqlite"
    assert "0001 (head)" in run("%flask db current")


def test_folders_of_the_shop_are_walked_as_in_a_terminal(run: Cell, fail: Cell) -> None:
    run('shop.cd("migrations")')
    assert run("%%writefile notes.txt\nx") == "Wrote notes.txt\n"
    assert run('print(shop.read("migrations/notes.txt"))') == "x\n\n"
    assert "leads out" in fail('shop.cd("../..")')
    run("shop.cd()")
    assert Path.cwd().name == "01_tiny-sqlite"


def test_a_service_answers_and_its_answer_reads_well(run: Cell, fail: Cell) -> None:
    run("service = shop.serve()")
    try:
        assert "status 404" in run('service.get("/nowhere")')
    finally:
        run("service.stop()")


def test_drift_is_looked_for_on_a_copy(run: Cell) -> None:
    seen = run('shop.drift_after("ALTER TABLE users ADD COLUMN phone VARCHAR(20)")')
    assert "Detected removed column 'users.phone'" in seen
    assert "phone" not in run('shop.schema("users")')


def test_drift_that_a_check_does_not_see_is_an_empty_list(run: Cell) -> None:
    assert "[]" in run('shop.drift_after("CREATE VIEW everyone AS SELECT id FROM users")')


def test_a_check_that_cannot_run_gives_its_error(run: Cell) -> None:
    found = run("""shop.drift_after("UPDATE alembic_version SET version_num = 'lost'")""")
    assert "Can't locate revision identified by 'lost'" in found


def test_the_differences_of_two_databases_are_a_table(run: Cell, bundle: Bundle) -> None:
    run("other = shop.copy()")
    run('shop.execute("ALTER TABLE users ADD COLUMN age INTEGER")')
    run('other.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)")')
    forms = bundle("shop.differences(other)")
    assert [line.split() for line in forms["text/plain"].splitlines()] == [
        ["table", "part", "here", "there"],
        ["-----", "----------", "--------------------", "-----"],
        ["notes", "table", "–", "id"],
        ["users", "column", "age", "INTEGER,", "may", "be", "null", "–"],
        ["(2", "rows)"],
    ]
    assert "<td>column age</td>" in forms["text/html"]


def test_equal_databases_have_no_differences(run: Cell) -> None:
    run("other = shop.copy(empty=True)")
    run('other.flask("db upgrade")')
    assert run("shop.differences(other)").endswith("No difference.\n")


def test_databases_of_two_engines_are_not_compared(run: Cell, fail: Cell) -> None:
    run('other = shop.copy(engine="postgres")')
    assert "here sqlite, there postgres" in fail("shop.differences(other)")


def test_a_copy_has_the_files_that_are_there_and_no_others(run: Cell) -> None:
    run('shop.path("migrations/versions/0001_create_users.py").unlink()')
    run('_ = shop.path("notes.txt").write_text("mine")')
    run("other = shop.copy()")
    assert "''" in run('str(other.files("migrations/versions"))')
    assert "mine" in run('other.read("notes.txt")')


def test_each_shop_of_a_lesson_says_which_it_is(run: Cell) -> None:
    first = "Lesson 01: A tiny lesson, a copy. In a terminal: `cd shops/01_tiny-copy-sqlite`. "
    run("%flask db downgrade base")
    assert run("other = shop.copy()") == f"{first}Database: SQLite, as at the start: at revision `0001`.\n"
    empty = f"{first}Database: SQLite, empty: at no revision yet. It replaces the earlier copy.\n"
    assert run("other = shop.copy(empty=True)") == empty
    assert "A tiny lesson, a copy of a copy. In a terminal" in run("other.copy()")
    assert run('exercise = lab.exercise("01.1")').startswith("Exercise 01.1. In a terminal: ")
    assert run("exercise.copy()").startswith("Exercise 01.1, a copy. In a terminal: ")


def test_a_later_copy_takes_the_place_of_an_earlier_one_and_both_say_so(run: Cell, fail: Cell) -> None:
    assert "replaces" not in run("first = shop.copy()")
    run("aside = shop.copy(engine='postgres')")
    assert "It replaces the earlier copy." in run("second = shop.copy()")
    assert "This copy is gone: a later `copy()` replaced it." in fail("first.sql('SELECT 1')")
    run("second.sql('SELECT 1'); aside.sql('SELECT 1')")


def test_what_to_do_about_a_lost_database_is_said_to_whom_it_surprises(run: Cell) -> None:
    run("shop.execute('DELETE FROM alembic_version')")
    assert "though it has tables: `shop.revisions()` says more, and `shop = lab.reset(" in run(
        "shop = lab.resume('01')"
    )


def test_a_sequence_that_is_left_out_is_no_drift() -> None:
    said = (
        "INFO  [alembic.ddl.postgresql] Detected sequence named 'users_id_seq' as owned by integer column 'users(id)'"
    )
    assert differences_in(f"{said}\nINFO  [alembic.x] Detected removed table 'notes'\n") == [
        "Detected removed table 'notes'"
    ]


@pytest.mark.parametrize(
    "by", ["Dialect impl <alembic.ddl.X object at 0x7f>", "User defined function <function f at 0x7f>"]
)
def test_a_default_that_differs_is_told_without_an_address(by: str) -> None:
    said = f"INFO  [alembic.x] {by} detected server default on column 'users.note'"
    assert differences_in(said) == ["Detected server default on column 'users.note'"]


def test_a_column_without_a_name_has_no_empty_heading() -> None:
    made = html.table("(1 row)", ("", "SQLite"), [("an index", "yes")])
    assert '<tr><td></td><th scope="col">SQLite</th></tr>' in made


def test_a_table_that_a_small_panel_does_not_show_as_a_whole_can_be_scrolled_by_keyboard() -> None:
    region = '<div class="lab-scroll" role="group" tabindex="0" aria-label="Table users">'
    small, tall, wide = [("a", 1)] * 3, [("a", 1)] * 30, [("a" * 200, 1)]
    shown = [html.table("Table `users`", ("name", "n"), rows) for rows in (small, tall, wide)]
    assert [each.startswith(region) for each in shown] == [False, True, True]
    assert html.table("(30 rows)", ("name", "n"), tall).count('aria-label="30 rows"') == 1
    assert all(exporting.clean_html(each) == each for each in shown)


def test_a_line_of_ci_runs_without_a_word(run: Cell, fail: Cell, bundle: Bundle) -> None:
    line = 'shop.run("set -e\\nflask db current\\nflask db nothing\\nflask db heads")'
    assert bundle(line)["text/plain"] == "ok      flask db current\nFAILED  flask db nothing\nexit code 2"
    assert "INFO" not in run(line)
    assert "joins, hides or redirects commands" in fail('shop.run("flask db check || true")')
