"""Errors as people paste them, in any form that a terminal or log produces, and errors of other programs."""

import time
from functools import cache
from pathlib import Path

import pytest
import yaml

from migration_lab.teaching.explain import explain, not_known
from migration_lab.teaching.explain.errors import cause, searchable
from migration_lab.teaching.explain.reading import LONGEST_TEXT, read
from tests.teaching.explain.wrappings import WRAPPINGS

HERE = Path(__file__).parent
KNOWN: dict[str, list[str]] = yaml.safe_load((HERE / "known_texts.yaml").read_text(encoding="utf-8"))
FOREIGN: dict[str, list[str]] = yaml.safe_load((HERE / "foreign_texts.yaml").read_text(encoding="utf-8"))
MORE = yaml.safe_load((HERE / "unseen_texts.yaml").read_text(encoding="utf-8"))
# These cards are about an error that is the only one, or that says nothing.
ALONE = {
    "G07": {"with a consequence"},
    "G26": {"with a consequence", "JSON", "cut at the bottom", "a prompt before it"},
}


@cache
def answer(text: str) -> str | None:
    found = explain(text)
    return found.id or found.says if found else None


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_known_error_is_recognised_in_any_wrapping(wrapping: str) -> None:
    wrong = [
        (card_id, answer(WRAPPINGS[wrapping](text)), text)
        for card_id, texts in KNOWN.items()
        if wrapping not in ALONE.get(card_id, ())
        for text in texts
        if answer(WRAPPINGS[wrapping](text)) != card_id
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "wrapping", [each for each in WRAPPINGS if each not in ("with a consequence", "a prompt before it")]
)
def test_an_error_of_another_program_gets_no_card(wrapping: str) -> None:
    texts = [text for group in FOREIGN.values() for text in group]
    assert [(answer(WRAPPINGS[wrapping](text)), text) for text in texts if answer(WRAPPINGS[wrapping](text))] == []


def test_texts_that_were_written_without_a_look_at_the_cards() -> None:
    assert [(answer(text), card_id, text) for card_id, text in MORE["known"] if answer(text) != card_id] == []
    assert [(answer(text), text) for text in MORE["foreign"] if answer(text)] == []


def test_the_cause_is_meant_and_not_what_follows_from_it() -> None:
    first = '(psycopg2.errors.NotNullViolation) column "code" of relation "rack" contains null values'
    then = "(psycopg2.errors.InFailedSqlTransaction) current transaction is aborted, commands ignored until end"
    between = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    assert answer(f"sqlalchemy.exc.IntegrityError: {first}{between}sqlalchemy.exc.InternalError: {then}") == "F30"
    assert answer(f"ModuleNotFoundError: No module named 'psycopg2'{between}Error: No such command 'db'.") == "F09"


@pytest.mark.parametrize(
    ("text", "card_id"),
    [
        ('(psycopg2.errors.DupIicateColumn) coIumn "phone" of reIation "users" aIready exists', "F29"),
        ("MuItipIe head revisions are present for given argument 'head'", "F18"),
        ("sqIa1chemy.exc.OperationalError: (sqlite3.OperationaIError) no such tab1e: userlnf0rm", "F62"),
    ],
)
def test_a_text_that_was_read_from_a_picture(text: str, card_id: str) -> None:
    assert answer(text) == card_id


def test_of_several_commands_the_last_is_explained() -> None:
    both = (
        "$ flask db migrate\nERROR [flask_migrate] Error: Target database is not up to date.\n"
        '(.venv) ann@box:~$ flask db upgrade\npsycopg2.errors.DuplicateTable: relation "rack" already exists\n$ '
    )
    assert answer(both) == "F29"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Traceback (most recent call last):\n"
            'psycopg2.errors.UndefinedPsychicError: no such feeling\n\nThe above exception was the direct cause of the '
            "following exception:\n\nTraceback (most recent call last):\n"
            "sqlalchemy.exc.InternalError: (psycopg2.errors.UndefinedPsychicError) no such feeling\nERROR: exit code 1",
            "psycopg2.errors.UndefinedPsychicError: no such feeling",
        ),
        ("INFO  fine\nWARNING: deprecated\nError: it is full\nTask upgrade failed", "Error: it is full"),
        (
            "app_1  | 2026-03-02T07:11:09Z depot.Overfull: no room in rack 7\napp_1  | exited with code 1",
            "depot.Overfull: no room in rack 7",
        ),
        ("nothing that anybody knows", "nothing that anybody knows"),
    ],
)  # fmt: skip
def test_the_line_that_matters_is_quoted(text: str, line: str) -> None:
    assert cause(read(text)) == line
    assert line in not_known(text).meaning


@pytest.mark.parametrize(
    ("line", "search"),
    [
        ('near "ALTER": syntax error', 'near "ALTER": syntax error'),
        ('type "vector" does not exist', 'type "vector" does not exist'),
        ("KeyError: 'migrate'", "KeyError: 'migrate'"),
        ('relation "rack" has no rows', "relation … has no rows"),
        ("UNIQUE constraint failed: rack.code", "UNIQUE constraint failed: …"),
        ("Can't locate revision identified by '3c5a9e21d7b0'", "Can't locate revision identified by '…'"),
    ],
)
def test_what_to_search_for_keeps_the_word_that_decides(line: str, search: str) -> None:
    assert searchable(line) == search


def test_another_framework_is_named() -> None:
    assert "Django" in not_known("django.db.utils.OperationalError: no such table: auth_user").meaning


def test_an_empty_text_gets_a_sentence() -> None:
    for text in ("", " \n\n", "\x1b[0m\n"):
        assert explain(text) is None
        assert "no text to explain" in not_known(text).as_text()


LONG = {
    "empty lines": "\n",
    "spaces": " ",
    "one word": "x",
    "lines of a log": "2026-03-02T07:11:09Z INFO depot served /racks in 3 ms\n",
    "quotes": "'\"",
    "tracebacks": 'Traceback (most recent call last):\n  File "a.py", line 1\nfoo.BarError: no\n',
    "versions": "migrations/versions/a.py ",
    "brackets": "[",
    "SQL": "[SQL: ALTER TABLE rack ADD CONSTRAINT x] relation x ",
}


@pytest.mark.parametrize("kind", LONG)
def test_a_long_text_takes_no_longer_than_a_text_may(kind: str) -> None:
    """What is too long is left out, and said: ten times the text must not take three times the time."""

    def seconds(characters: int) -> float:
        text = (LONG[kind] * characters)[:characters]
        began = time.perf_counter()
        if explain(text) is None:
            not_known(text)
        return time.perf_counter() - began

    seconds(LONGEST_TEXT)
    assert seconds(LONGEST_TEXT * 20) < 3 * seconds(LONGEST_TEXT * 2) + 0.5


def test_the_error_is_found_at_either_end_of_a_long_text() -> None:
    error = 'psycopg2.errors.DuplicateTable: relation "rack" already exists\n'
    noise = "2026-03-02T07:11:09Z INFO depot served /racks in 3 ms\n" * 20_000
    assert answer(error + noise) == answer(noise + error) == "F29"
    assert "beginning and end were read" in not_known(noise + "foo.BarError: no\n").meaning
