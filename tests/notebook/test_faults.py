"""What a learner meets when something is wrong: each fault says what to do and loses nothing, and a reset fixes it."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jupyter_client.manager import KernelManager

from migration_lab import cli
from migration_lab.ground import places, spine
from migration_lab.ground.engines.postgres import binaries
from migration_lab.shops import flask_command
from migration_lab.shops.identity import FILE_NAME
from migration_lab.teaching.judging import database
from tests import tiny_course
from tests.notebook.conftest import Cell

EXERCISE = "01.1"
GOOD = f"%%writefile migrations/versions/0002_nickname.py\n{tiny_course.revision(tiny_course.ADD, tiny_course.DROP)}"
ENDLESS = f"%%writefile migrations/versions/0002_slow.py\n{tiny_course.revision('while True: pass', 'pass')}"
NOT_PYTHON = '%%writefile migrations/versions/0002_x.py\nrevision = "0002"\ndown_revision = "0001"\ndef upgrade(:\n'


def lab(*args: str) -> Result:
    """Run `lab ARGS` in a terminal; it never ends in a traceback."""
    result = CliRunner().invoke(cli.main, list(args))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@dataclass(frozen=True)
class Fault:
    """A fault, and its message.

    `cells`: cells that make it; `spoil`: what makes it from outside. `says`: what fails then, with its next step.
    `shows`: cells that do not fail, and what they show. `verdict`: what `lab.check` says, as a verdict or an error.
    """

    name: str
    says: dict[str, tuple[str, ...]]
    verdict: tuple[str, ...]
    cells: tuple[str, ...] = ()
    spoil: Callable[[Path], object] = lambda folder: None
    shows: dict[str, str] | None = None
    work_is_kept: bool = True

    def __str__(self) -> str:
        return self.name


def settings(database_url: str) -> Callable[[Path], object]:
    """Write the workspace's `.flaskenv` with this address."""
    return lambda folder: (folder / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL={database_url}\n")


def without_migrate(folder: Path) -> None:
    file = folder / "shop.py"
    file.write_text(file.read_text().replace("Migrate(app, db)\n", ""))


UPGRADE, CURRENT = "%flask db upgrade", "%flask db current"
AGAIN = f'shop = lab.resume("{EXERCISE}", engine=shop.engine)'
NOT_YET = "no column of that name"  # the check judges a fresh copy, so the fault of the database is not in its way
BOTH = (
    Fault(
        "a_syntax_error_in_the_models",
        {CURRENT: ("G01", "Correct that line"), "shop.serve()": ("SyntaxError", "Correct that")},
        ("(in shop.py, line 19)", "none of it ran", "Correct that line"),
        cells=("%%writefile -a shop.py\ndef broken(:\n",),
        shows={"shop.revisions()": "0001 create users (head, base) <- database"},
    ),
    Fault(
        "alembic_version_dropped",
        {UPGRADE: ("F29", "flask db stamp REVISION")},
        (NOT_YET,),
        cells=('shop.execute("DROP TABLE alembic_version")',),
        shows={"shop.revisions()": "flask db stamp REVISION", AGAIN: "starts afresh"},
    ),
    Fault(
        "alembic_version_pointing_nowhere",
        {UPGRADE: ("F14", "bring it back"), CURRENT: ("F14", "bring it back")},
        (NOT_YET,),
        cells=("shop.execute(\"UPDATE alembic_version SET version_num = 'dead'\")",),
        shows={"shop.revisions()": "at revision dead, which no file has. Bring its file back", AGAIN: "starts afresh"},
    ),
    Fault(
        "a_workspace_deleted",
        {CURRENT: ("lab.reset",), "shop.revisions()": ("lab.reset",), AGAIN: ("Run `lab open 01.1",)},
        ("Run `lab open 01.1",),
        spoil=shutil.rmtree,
        work_is_kept=False,
    ),
)
SQLITE = (
    Fault(
        "a_syntax_error_in_a_migration",
        {UPGRADE: ("G01", "Correct that line"), "shop.revisions()": ("0002_x.py is not Python", "Correct the file.")},
        ("(in migrations/versions/0002_x.py, line 3)", "Correct that line"),
        cells=(NOT_PYTHON,),
        shows={AGAIN: "at revision `0001`"},
    ),
    Fault(
        "a_migration_without_end",
        {UPGRADE: ("was stopped after 2 seconds", "a loop without an end, a sleep")},
        ("was stopped after 1 seconds", "a loop without an end, a sleep"),
        cells=(ENDLESS,),
    ),
    Fault(
        "models_without_end",
        {CURRENT: ("was stopped after 2 seconds", "a loop without an end")},
        ("was stopped after 1 seconds", "A revision or a model takes too long, or never finishes"),
        cells=("%%writefile -a shop.py\nwhile True: pass",),
    ),
    Fault(
        "an_address_that_is_none",
        {CURRENT: ("G02", "lab reset")},
        ("Could not parse SQLAlchemy URL", "Correct it in `.flaskenv`"),
        spoil=settings("shop.db"),
    ),
    Fault(
        "a_server_that_does_not_answer",
        {CURRENT: ("G03", "Compare the host and the port")},
        (NOT_YET,),
        spoil=settings("postgresql+psycopg://ann@127.0.0.1:1/shop"),
    ),
    Fault(
        "no_address_at_all",
        {CURRENT: ("has no `.flaskenv` with a DATABASE_URL", "Run `lab reset 01.1`")},
        ("has no `.flaskenv` with a DATABASE_URL", "Run `lab reset 01.1`"),
        spoil=lambda folder: (folder / ".flaskenv").unlink(),
    ),
    Fault(
        "an_app_without_flask_migrate",
        {CURRENT: ("G07", "Migrate(app, db)")},
        ("No such command 'db'", "Migrate(app, db)"),
        spoil=without_migrate,
    ),
    Fault(
        "a_workspace_half_written",
        {AGAIN: ("is incomplete", "Run `lab reset 01.1`")},
        ("is incomplete", "Run `lab reset 01.1`"),
        spoil=lambda folder: (folder / FILE_NAME).write_text('{"name": "exerc'),
    ),
    Fault(
        "a_database_that_is_none",
        {"shop.schema()": ("cannot be read", "lab reset"), AGAIN: ("cannot be read", "lab reset")},
        (NOT_YET,),
        spoil=lambda folder: (folder / "instance" / "shop.db").write_bytes(b"no database" * 1000),
    ),
)
POSTGRES = (
    Fault(
        "a_wrong_password",
        {CURRENT: ("G04", "Compare the user and the password")},
        (NOT_YET,),
        spoil=lambda folder: (folder / ".flaskenv").write_text(
            (folder / ".flaskenv").read_text().replace("passfile=", "passfile=/nowhere")
        ),
    ),
)
CASES = [("sqlite", each) for each in BOTH + SQLITE] + [("postgres", each) for each in BOTH + POSTGRES]


@pytest.mark.parametrize(("engine", "fault"), CASES, ids=lambda each: str(each))
def test_a_fault_says_what_to_do_and_a_reset_mends_it(
    engine: str, fault: Fault, run: Cell, fail: Cell, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(f'shop = lab.exercise("{EXERCISE}", engine="{engine}")')
    run("%%writefile mine.py\nx = 1")
    folder = tiny / "shops" / f"exercise-{EXERCISE}-{engine}"
    for cell in fault.cells:
        run(cell)
    fault.spoil(folder)

    with monkeypatch.context() as patch:
        if "without_end" in fault.name:  # and no longer: other commands may take their time
            patch.setattr(flask_command, "COMMAND_SECONDS", 2)
            patch.setattr(database, "COMMAND_SECONDS", 1)
        for cell, words in fault.says.items():
            shown = fail(cell)
            assert [word for word in words if word not in shown] == [], shown
        for cell, sentence in (fault.shows or {}).items():
            assert sentence in run(cell)
        checked = lab("check", EXERCISE, "--engine", engine)
    assert checked.exit_code == 1
    plain = " ".join(checked.output.split())
    assert [word for word in fault.verdict if word not in plain] == [], plain

    shown = run(f'shop = lab.reset("{EXERCISE}", engine="{engine}")')
    assert "at revision `0001`" in shown
    if fault.work_is_kept:
        (kept,) = (tiny / "shops" / "kept").iterdir()
        assert kept.name in shown
        assert (kept / "mine.py").read_text() == "x = 1\n"
    run(GOOD)
    run(UPGRADE)
    assert run('print(shop.sql("SELECT count(*) FROM users WHERE nickname IS NULL").scalar)') == "3\n"


# ------------------------------------------------------------------------------------------------------ no Postgres


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine for whose platform there is no wheel, and that has no server of its own."""
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "USUAL_PLACES", ())
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose disk is full when the server's files are made: what initdb said on a file system of 4 MB."""
    programs = tmp_path / "programs"
    programs.mkdir()
    says = {
        "postgres": "echo 'postgres (PostgreSQL) 18.1'",
        "initdb": "echo 'FATAL:  could not extend file \"base/1/2675\": No space left on device' >&2\n"
        "echo 'FATAL:  cannot abort transaction 1, it was already committed' >&2\nexit 1",
    }
    for name, words in says.items():
        (programs / name).write_text(f"#!/bin/sh\n{words}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("LAB_POSTGRES_BIN", str(programs))


@pytest.mark.parametrize(
    ("machine", "said"), [("no_wheel", "no Postgres on this machine"), ("no_room", "No space left on device")]
)
def test_without_postgres_the_parts_on_sqlite_still_work(
    machine: str, said: str, own_state: Path, run: Cell, fail: Cell, request: pytest.FixtureRequest
) -> None:
    run(f'shop = lab.exercise("{EXERCISE}")')
    request.getfixturevalue(machine)
    for cell in ('lab.open("01", engine="postgres")', f'lab.exercise("{EXERCISE}", engine="postgres")'):
        shown = fail(cell)
        assert said in shown
        assert "set LAB_POSTGRES_URL to a server that you have" in shown
    run("%%writefile -a shop.py\n    nickname: Mapped[str | None] = mapped_column(String(40))")
    run(GOOD)
    shown = " ".join(run(f'lab.check("{EXERCISE}")').split())
    assert "Passed on SQLite." in shown
    assert "so it was not judged there" in shown
    assert "set LAB_POSTGRES_URL" in shown
    assert "LAB_POSTGRES_URL" in lab("open", "01", "--engine", "postgres").output
    assert lab("open", "01").exit_code == 0


def test_a_full_disk_is_told_in_a_sentence(fail: Cell, run: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """`shutil.copytree` fails with the reasons of all files at once, each with two paths."""
    run('lab.open("01")')

    def full(*_: object, **__: object) -> None:
        reason = "[Errno 28] No space left on device: '/a/shop.py' -> '/b/shop.py'"
        raise shutil.Error([("/a/shop.py", "/b/shop.py", reason), ("/a/env.py", "/b/env.py", reason)])

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", full)
        shown = fail('lab.open("01")')
        assert shown.splitlines()[0] == "The folder 01_tiny-sqlite cannot be written: No space left on device."
        assert "Check the free space" in shown
        patched.setattr(spine, "write", full)
        patched.setenv("LAB_CACHE", f"{places.cache()}-elsewhere")
        shown = fail('lab.open("01")')
        assert "No space left on device.\nMake room there, or set LAB_CACHE" in shown
    run('lab.open("01")')


# --------------------------------------------------------------------------------------- a kernel that was killed

HALF_WAY = "%%writefile migrations/versions/0002_slow.py\n" + tiny_course.revision(
    "op.execute(\"UPDATE users SET email = 'half'\")\n"
    "op.add_column('users', sa.Column('half', sa.Text))\n"
    "print('half way', flush=True)\n"
    "import time; time.sleep(600)",
    "pass",
)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_kernel_killed_in_the_middle_of_an_upgrade(engine: str, run: Cell, tiny: Path) -> None:
    """The next notebook goes on where the last commit was; on SQLite a reset brings back what DDL had changed."""
    manager = KernelManager()
    manager.start_kernel(env=dict(os.environ))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute("from migration_lab.notebook import lab", silent=True)
        client.execute(f'shop = lab.open("01", engine="{engine}")')
        client.execute(HALF_WAY)
        client.execute(UPGRADE)
        deadline = time.monotonic() + 60
        while "half way" not in client.get_iopub_msg(timeout=60)["content"].get("text", ""):
            assert time.monotonic() < deadline
        manager.signal_kernel(signal.SIGKILL)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    shown = run(f'shop = lab.resume("01", engine="{engine}")')
    assert f"`cd shops/01_tiny-{engine}`" in shown
    assert "at revision `0001`" in shown
    assert "half" not in run('print(shop.sql("SELECT email FROM users").as_text())')
    assert "0001" in run(CURRENT)
    shown = run(f'shop = lab.reset("01", engine="{engine}")')
    assert "Your earlier work is kept in" in shown
    run(GOOD)
    run(UPGRADE)
    assert run('print(shop.sql("SELECT count(*) FROM users").scalar)') == "3\n"
