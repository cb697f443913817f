"""Checks: whatever the learner's code does, it cannot reach the learner's own database, and the verdict says why."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from migration_lab.ground.course import EngineName
from migration_lab.instruments import query
from migration_lab.shops.identity import Workspace
from migration_lab.shops.process import landlock
from migration_lab.teaching import progress
from migration_lab.teaching.judging import check
from migration_lab.teaching.judging.trial import CAN_BE_JUDGED
from tests.teaching.judging.exercise import leftovers, opened, solve, unmet
from tests.tiny_course import ADD, DROP

BY_ADDRESS = 'Read the address from the environment there: `os.environ["DATABASE_URL"]`. Then check again.'
CONFIG = 'os.environ["DATABASE_URL"]'
ENGINE = "current_app.extensions['migrate'].db.get_engine()"


def state(work: Workspace) -> object:
    """All that the learner's database holds, and for SQLite its bytes."""
    if work.engine.name == "sqlite":
        path = Path(make_url(work.url).database or "")
        return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())
    tables = query.query(work.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").rows
    return [(name, query.query(work.url, f'SELECT * FROM "{name}" ORDER BY 1').rows) for (name,) in tables]


def in_config(work: Workspace, url: str) -> None:
    """In place of what the environment says."""
    change(work, "shop.py", CONFIG, url)


def in_env_py(work: Workspace, url: str) -> None:
    """Where Flask-Migrate asks the app for its engine."""
    change(work, "migrations/env.py", "return " + ENGINE, f"return __import__('sqlalchemy').create_engine({url})")


def in_a_second_bind(work: Workspace, url: str) -> None:
    """Beside the right address."""
    bind = f'app.config["SQLALCHEMY_BINDS"] = {{"own": {url}}}\ndb = SQLAlchemy(app)'
    change(work, "shop.py", "db = SQLAlchemy(app)", bind)
    solve(work, 'from shop import app, db\nwith db.engines["own"].begin() as own:\n    ' + by_hand("own"), DROP)


def in_an_attached_database(work: Workspace, url: str) -> None:
    """From SQL: SQLite alone has this."""
    path = f"__import__('sqlalchemy').make_url({url}).database"
    attach = f'with op.get_context().autocommit_block():\n    op.execute("ATTACH \'" + {path} + "\' AS own")'
    solve(work, f'{attach}\nop.execute("DELETE FROM own.users")', DROP)


def in_a_connection_of_its_own(work: Workspace, url: str) -> None:
    """By way of the driver."""
    if work.engine.name == "sqlite":
        up = f"import sqlite3\nwith sqlite3.connect(__import__('sqlalchemy').make_url({url}).database) as own:\n    "
        solve(work, up + 'own.execute("DELETE FROM users")', DROP)
    else:
        address = f"({url}).replace('postgresql+psycopg', 'postgresql')"
        solve(
            work, f'import psycopg\nwith psycopg.connect({address}) as own:\n    own.execute("DELETE FROM users")', DROP
        )


def by_hand(connection: str) -> str:
    return f'{connection}.exec_driver_sql("DELETE FROM users")'


def change(work: Workspace, name: str, old: str, new: str) -> None:
    path = work.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


WAYS = [in_config, in_env_py, in_a_second_bind, in_an_attached_database, in_a_connection_of_its_own]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "hidden"])
def test_no_way_leads_to_the_learners_database(
    way: Callable[[Workspace, str], None], engine: EngineName, hidden: bool, root: Path
) -> None:
    if engine == "postgres" and way is in_an_attached_database:
        return
    work = opened(engine)
    solve(work)
    url = work.url
    # What is put together from pieces, no look at the files can find.
    way(work, f"bytes.fromhex({url.encode().hex()!r}).decode()" if hidden else repr(url))
    before = state(work)
    finding = unmet(check("01.1", work, only=[engine]))
    assert state(work) == before
    assert finding.expectation.id == CAN_BE_JUDGED
    assert finding.cause == "The app, or a revision, does not take the database's address from DATABASE_URL."
    assert finding.next_step == BY_ADDRESS
    assert finding.found.startswith("The app opens your own database")
    assert ", line " in finding.found
    assert progress.load().exercise("01.1").tries == 0
    assert leftovers(root) == []


def test_the_file_and_the_line_are_said(root: Path) -> None:
    work = opened()
    solve(work)
    in_config(work, repr(work.url))
    found = unmet(check("01.1", work, only=["sqlite"])).found
    assert found == (
        "The app opens your own database by its absolute address, in shop.py, line 10, and a check works on a copy."
    )


def test_a_path_to_something_else_is_not_taken_for_the_databases_address(root: Path) -> None:
    work = opened()
    solve(work)
    change(work, "migrations/env.py", "import", f"HERE = {str(work.folder / 'migrations')!r}\nimport")
    finding = unmet(check("01.1", work, only=["sqlite"]))
    assert finding.found == (
        "The app names your own folder by its absolute path, in migrations/env.py, line 1, and a check works on a copy."
    )
    assert "`Path(__file__).parent`" in finding.next_step
    assert "DATABASE_URL" not in finding.cause


def test_a_file_with_braces_in_its_name_is_named(root: Path) -> None:
    work = opened()
    solve(work)
    (work.folder / "{old}.py").write_text(f"HERE = {str(work.folder)!r}\n", encoding="utf-8")
    assert "in {old}.py, line 1," in unmet(check("01.1", work, only=["sqlite"])).found


def test_an_address_in_a_comment_or_a_docstring_is_none(root: Path) -> None:
    work = opened()
    solve(work)
    model = work.folder / "shop.py"
    model.write_text(f'"""At first in {work.folder}."""\n# {work.url}\n{model.read_text()}')
    assert check("01.1", work, only=["sqlite"]).passed


@pytest.mark.skipif(landlock.supported() < 1, reason="only Linux's Landlock holds other programs")
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_program_that_a_revision_starts_does_not_write_outside(engine: EngineName, root: Path) -> None:
    work = opened(engine)
    target = bytes(work.folder / "written").hex()
    write = f"import pathlib; pathlib.Path(bytes.fromhex('{target}').decode()).write_text('x')"
    solve(work, f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {write!r}])\n{ADD}", DROP)
    before = progress.fingerprint(work.folder)
    check("01.1", work, only=[engine])
    assert progress.fingerprint(work.folder) == before


def test_a_command_may_write_in_its_folder_and_where_temporary_files_go(root: Path) -> None:
    lines = (
        "import pathlib, sqlite3, tempfile, contextlib",
        "tempfile.TemporaryFile().write(b'x')",
        "pathlib.Path('migrations/note').write_text('x')",
        "pathlib.Path('migrations/note').rename('note')",
        "pathlib.Path('scratch.db').unlink(missing_ok=True)",
        "own = sqlite3.connect('scratch.db', isolation_level=None)",
        "own.execute('PRAGMA cache_size = 1')",
        "own.execute('CREATE TABLE t AS WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT 20000)"
        " SELECT x, hex(randomblob(50)) AS y FROM n ORDER BY y')",
        "own.execute('VACUUM')",
        "print('x', file=open('/dev/null', 'w'))",
        ADD,
    )
    work = opened()
    solve(work, "\n".join(lines), DROP)
    verdict = check("01.1", work, only=["sqlite"])
    assert verdict.passed, verdict
