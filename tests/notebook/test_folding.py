"""Which parts of a cell's output fold, and that nothing is lost."""

from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from migration_lab.notebook import folding
from migration_lab.notebook.folding import Fold, Folding, own_lines, own_parts
from tests.notebook.conftest import Cell

LIBRARY = [f'  File "/venv/sqlalchemy/base.py", line {number}, in f\n    call()\n    ^^^^^^\n' for number in range(20)]
OWN = '  File "/shop/migrations/versions/0003_x.py", line 5, in upgrade\n    op.execute("INSERT")\n'
TRACEBACK = "".join(
    [
        "Traceback (most recent call last):\n",
        *LIBRARY,
        "sqlite3.IntegrityError: NOT NULL constraint failed: users.email\n",
        "\nThe above exception was the direct cause of the following exception:\n\n",
        "Traceback (most recent call last):\n",
        *LIBRARY,
        OWN,
        *LIBRARY,
        "sqlalchemy.exc.IntegrityError: NOT NULL constraint failed: users.email\n",
        "[SQL: INSERT]\n",
    ]
)
PLUGINS = [f"INFO  [alembic.runtime.plugins] setting up autogenerate plugin {each}\n" for each in "abc"]


def is_own(file: str) -> bool:
    return file.startswith("/shop/")


def folded(*pieces: str) -> list[str | Fold]:
    """What a command that prints these pieces shows."""
    folding = Folding(is_own, lambda text: text.replace("/shop/", ""))
    parts = [part for piece in pieces for part in folding.take(piece)]
    return [*parts, *folding.end()]


def test_of_a_long_traceback_own_frames_and_the_last_lines_are_shown() -> None:
    before, fold = folded("INFO  Running upgrade\n", TRACEBACK[:900], TRACEBACK[900:])
    assert before == "INFO  Running upgrade\n"
    assert isinstance(fold, Fold)
    assert fold.shown.splitlines() == [
        "Traceback (most recent call last):",
        '  File "migrations/versions/0003_x.py", line 5, in upgrade',
        '    op.execute("INSERT")',
        "sqlalchemy.exc.IntegrityError: NOT NULL constraint failed: users.email",
        "[SQL: INSERT]",
    ]


def test_as_text_and_in_the_fold_all_of_it_is_there() -> None:
    (fold,) = folded(TRACEBACK)
    assert isinstance(fold, Fold)
    bundle = fold._repr_mimebundle_()
    assert bundle["text/plain"] == repr(fold) == TRACEBACK.replace("/shop/", "").rstrip("\n")
    assert f"<details><summary>{fold.summary}</summary>" in bundle["text/html"]
    assert bundle["text/html"].count("sqlalchemy/base.py") == 60
    assert "<script>" not in Fold("<script>", "<script>", "<script>")._repr_mimebundle_()["text/html"]


def test_a_short_traceback_is_printed_as_it_is() -> None:
    short = f"Traceback (most recent call last):\n{OWN}ValueError: no\n"
    assert folded(short) == [short.replace("/shop/", "")]


def test_an_error_that_own_code_has_seen_stays_where_another_follows_it() -> None:
    first = f"Traceback (most recent call last):\n{OWN}KeyError: 'a'\n\nDuring handling:\n\n"
    last = f"Traceback (most recent call last):\n{''.join(LIBRARY)}ValueError: no\n"
    lines = "".join(own_lines((first + last).splitlines(keepends=True), is_own))
    assert lines == f"{first}Traceback (most recent call last):\nValueError: no\n"


def test_log_lines_about_plugins_fold_and_the_others_stay_in_their_order() -> None:
    before, fold, after = folded("first\n", *PLUGINS, "last\n")
    assert (before, after) == ("first\n", "last\n")
    assert isinstance(fold, Fold)
    assert (fold.shown, fold.summary) == ("", "3 log lines about Alembic's plugins")
    assert repr(fold) == "".join(PLUGINS).rstrip("\n")
    assert folded(PLUGINS[0], "last\n") == [PLUGINS[0], "last\n"]


def test_of_ipythons_parts_frames_in_cells_and_in_the_learners_folder_stay(tiny: Path) -> None:
    title = "OperationalError      Traceback (most recent call last)"
    library, cell = "File /venv/sqlalchemy/base.py:10, in f()\n  10 call()", "Cell In[1], line 3\n----> 3 call()"
    own = f"File {tiny}/shops/x/shop/models/user.py:3, in g()\n----> 3 h()"
    between, last = "\nThe above exception was the direct cause:\n", "OperationalError: no"
    parts = [title, library, library, last, between, title, cell, own, library, last]
    assert own_parts(parts) == [title, cell, own, last]
    assert own_parts([title, cell, last, between, title, library, last]) == [title, cell, last, between, title, last]


def test_a_tall_error_of_a_cell_folds_and_a_short_one_does_not(
    ipython: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(folding, "show", shown.append)
    tall = "import sqlalchemy as sa\nsa.create_engine('sqlite://').connect().execute(sa.text('SELECT 1 FROM nothing'))"
    ipython.run_cell(tall)  # type: ignore[no-untyped-call]
    printed = capsys.readouterr().out
    assert printed.count("\n") < 20
    assert "Cell In[" in printed
    assert "no such table: nothing" in printed or "syntax error" in printed
    assert "engine/base.py" not in printed
    (fold,) = shown
    assert "engine/base.py" in repr(fold)
    ipython.run_cell("1 / 0")  # type: ignore[no-untyped-call]
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert len(shown) == 1


def test_a_failed_command_folds_the_traceback_of_its_revision(
    run: Cell, fail: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from migration_lab.notebook import magics

    run('shop = lab.open("01")')
    ids = "revision = '0002'\ndown_revision = '0001'\n"
    run(f"%%writefile migrations/versions/0002_broken.py\n{ids}def upgrade():\n    import json\n    json.loads('{{')\n")
    shown: list[Any] = []
    monkeypatch.setattr(magics, "show", lambda each: shown.append(each) if isinstance(each, Fold) else None)
    assert "Traceback" not in fail("%flask db upgrade")
    (fold,) = shown
    assert "alembic/command.py" in fold.whole
    own = [line for line in fold.shown.splitlines() if line.startswith("  File")]
    assert own[-1] == '  File "migrations/versions/0002_broken.py", line 5, in upgrade'
    assert all(line.startswith('  File "migrations/') for line in own)
    assert "JSONDecodeError" in fold.shown.splitlines()[-1]
