"""`%flask`, `%git` and `%%writefile` in a cell."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from migration_lab.ground.errors import LabError
from migration_lab.notebook import magics, shop
from migration_lab.shops.process import Completed
from tests import tiny_course
from tests.notebook.conftest import Cell

OPEN = 'shop = lab.open("01")'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("db upgrade", ["db", "upgrade"]),
        ('db revision -m "add users.nickname"', ["db", "revision", "-m", "add users.nickname"]),
        ("db revision -m 'it''s'", ["db", "revision", "-m", "its"]),
        ("db upgrade 0002:0003 --sql", ["db", "upgrade", "0002:0003", "--sql"]),
        ("db heads  # where we stand", ["db", "heads"]),
        ("db revision -m fix#12", ["db", "revision", "-m", "fix#12"]),
        ('db revision -m "fix #12"', ["db", "revision", "-m", "fix #12"]),
        ("", []),
    ],
)
def test_a_line_is_split_as_a_shell_splits_it(line: str, words: list[str]) -> None:
    assert magics.split(line) == words


def test_windows_paths_keep_their_backslashes() -> None:
    line = r"shell migrations\versions 'a b'"
    assert magics.split(line, windows=True) == ["shell", r"migrations\versions", "a b"]


def test_an_open_quote_is_named() -> None:
    with pytest.raises(LabError, match="not closed"):
        magics.split('db revision -m "add')


def test_a_command_prints_what_the_terminal_prints(run: Cell) -> None:
    run(OPEN)
    assert run("%flask db current").splitlines()[-1] == "0001 (head)"


def test_python_variables_are_put_into_the_command(run: Cell) -> None:
    run(OPEN)
    run("target = 'base'")
    run("%flask db downgrade {target}")
    assert run('shop.sql("SELECT count(*) FROM alembic_version").scalar').strip().endswith("0")


def test_a_failed_command_shows_its_output_and_fails_the_cell(fail: Cell, run: Cell) -> None:
    run(OPEN)
    shown = fail("%flask db upgrade nowhere")
    assert "Can't locate revision identified by 'nowhere'" in shown
    assert "`flask db upgrade nowhere` failed with exit code 1." in shown
    assert shown.index("Can't locate") < shown.index("failed with exit code")


def test_a_failure_is_explained_below_its_output(
    fail: Cell, run: Cell, ipython: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from migration_lab.teaching import explain

    monkeypatch.setattr(explain, "explain", lambda output: "WHAT IT MEANS" if "nowhere" in output else None, False)
    run(OPEN)
    shown = fail("%flask db upgrade nowhere")
    assert shown.index("Can't locate") < shown.index("WHAT IT MEANS") < shown.index("failed with exit code")


def test_output_comes_while_the_command_runs(
    run: Cell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def slow(workspace: Any, *words: str, on_output: Callable[[str], None], **_: Any) -> Completed:
        on_output("first\n")
        seen.append(capsys.readouterr().out)
        on_output("second\n")
        return Completed(0, "first\nsecond\n")

    run(OPEN)
    monkeypatch.setattr(shop, "run_flask", slow)
    assert run("%flask db current") == "second\n"
    assert seen == ["first\n"]


def test_before_a_shop_is_open_every_magic_says_what_to_do(fail: Cell) -> None:
    for cell in ("%flask db upgrade", "%git status", "%%writefile shop.py\nx = 1"):
        assert "Run the cell with `lab.open(...)`" in fail(cell)


@pytest.mark.parametrize("word", ["|", ">", "&&", ";"])
def test_words_of_the_shell_are_refused(word: str, fail: Cell, run: Cell) -> None:
    run(OPEN)
    assert f"`{word}` is shell syntax" in fail(f"%flask db heads {word} cat")


def test_flask_said_twice_is_put_right(fail: Cell, run: Cell) -> None:
    run(OPEN)
    assert "Write `%flask db upgrade`." in fail("%flask flask db upgrade")


def test_ctrl_c_says_what_was_interrupted(fail: Cell, run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Completed:
        raise KeyboardInterrupt

    run(OPEN)
    monkeypatch.setattr(shop, "run_flask", interrupted)
    assert "You interrupted `flask db upgrade`." in fail("%flask db upgrade")


def test_git_works_on_a_repository_of_the_shops_own(run: Cell, fail: Cell) -> None:
    run(OPEN)
    assert "`git status` failed with exit code 128." in fail("%git status")
    assert run("%git init -q") == ""
    run("%git add .")
    run('%git commit -q -m "the start"')
    run("branch = 'note'")
    run("%git switch -q -c {branch}")
    assert run('print(shop.git("branch").output)') == "  main\n* note\n\n"
    assert ".git" not in run("print(shop.files())").replace(".gitignore", "")
    assert "`git merge nothing` failed with exit code 1." in fail("%git merge nothing")
    assert "Write `%git status`." in fail("%git git status")


def test_a_copy_of_a_shop_has_its_repository(run: Cell) -> None:
    run(OPEN)
    run("%git init -q")
    run("copied = shop.copy()")
    assert run("%git branch --show-current") == "On copied (SQLite):\nmain\n"
    run("%git add .")
    run('%git commit -q -m "only here"')
    run("shop.use()")
    assert run("%git log --all --format=%s") == "", "a command that prints nothing has no heading either"


def test_a_file_is_written_into_the_shop_wherever_the_kernel_is(run: Cell, tiny: Path, tmp_path: Path) -> None:
    run(OPEN)
    run(f"import os; os.chdir({str(tmp_path)!r})")
    assert run("%%writefile notes.py\nword = 'größer'") == "Wrote notes.py\n"
    path = tiny / "shops" / "01_tiny-sqlite" / "notes.py"
    assert path.read_bytes() == "word = 'größer'\n".encode()
    assert run("%%writefile -a notes.py\nmore = 1") == "Added to notes.py\n"
    assert path.read_text(encoding="utf-8") == "word = 'größer'\nmore = 1\n"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../outside.py", "leads out of the shop's folder"),
        ("/tmp/outside.py", "leads out of the shop's folder"),
        ("modells/user.py", "There is no folder `modells` in this shop."),
        ("migrations", "`migrations` is a folder."),
        ("", "takes the path of one file"),
        ("a.py b.py", "takes the path of one file"),
    ],
)
def test_a_path_that_cannot_be_is_refused(path: str, said: str, fail: Cell, run: Cell) -> None:
    run(OPEN)
    assert said in fail(f"%%writefile {path}\nx = 1")


def test_tab_completes_the_commands_of_flask_db(ipython: InteractiveShell) -> None:
    def offered(line: str) -> list[str]:
        with provisionalcompleter():
            return [each.text for each in ipython.Completer.completions(line, len(line))]

    assert "upgrade" in offered("%flask db up")
    assert "--rev-id" in offered("%flask db migrate --")
    assert "db" in offered("%flask ")


def test_a_warning_of_a_package_names_no_folder_of_this_machine(run: Cell) -> None:
    run('shop = lab.open("01")')
    warning = "import warnings, alembic; warnings.warn_explicit('odd', UserWarning, alembic.__file__, 1)"
    run(f"%%writefile migrations/versions/0002_warns.py\n{tiny_course.revision(warning, 'pass')}")
    shown = run("%flask db upgrade")
    assert "\nalembic/__init__.py:1: UserWarning: odd" in shown


def test_with_more_shops_open_the_output_names_the_one_of_the_command(run: Cell) -> None:
    run('one = lab.open("01")')
    assert "On " not in run("%flask db current")
    run('two = lab.open("01", engine="postgres")')
    assert run("%flask db current").startswith("On two (PostgreSQL):\n")
    assert run("%git --version").startswith("On two (PostgreSQL):\n")
    run("_ = one.use()")
    assert run("%flask db current").startswith("On one (SQLite):\n")
    run("_ = one.copy()")  # a shop without a name
    assert run("%flask db current").startswith("On 01_tiny-copy (SQLite):\n")
    run("del two\n_ = one.use()")
    assert "On " not in run("%flask db current")


def test_a_command_inside_the_traffic_of_another_shop_warns(run: Cell) -> None:
    run('one = lab.open("01")\ntwo = lab.open("01", engine="postgres")')
    block = (
        'with {}.sql_traffic(reads="SELECT 1 FROM users WHERE id = :id", writes="UPDATE users SET id = id"):\n'
        "    %flask db current"
    )
    assert "requests go to" not in run(block.format("two"))
    shown = run(block.format("one"))
    assert "The requests go to `one`, and this command runs on `two`. `one.use()` changes that." in shown
    assert "requests go to" not in run("%flask db current")
