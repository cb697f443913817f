"""Two at a time in the same shop: a lock is reported, and a second notebook works beside the first."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from migration_lab.notebook import shop
from tests.notebook.conftest import Cell


def test_a_lock_that_is_held_is_told_and_not_waited_for_without_end(
    run: Cell, fail: Cell, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration_lab.ground.connect.LOCK_SECONDS", 0.2)
    run('shop = lab.open("01")')
    other = sqlite3.connect(tiny / "shops" / "01_tiny-sqlite" / "instance" / "shop.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for cell in ("shop.schema()", "shop.revisions()", "shop.changes()"):
        shown = fail(cell)
        assert "seconds for a lock" in shown
        assert "End the other transaction, then run this again." in shown
    other.close()
    run("shop.schema()")


def test_a_lock_on_postgres_is_told_too(run: Cell, fail: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_lab.ground.connect.LOCK_SECONDS", 1)
    run('shop = lab.open("01", engine="postgres")')
    url = make_url(shop.current().workspace.url)
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as other:
        other.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        assert "End the other transaction, then run this again." in fail("shop.revisions()")
        other.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        assert "End the other transaction, then run this again." in fail("shop.schema()")
    run("shop.schema()")


HOLD = """\
import sys
from migration_lab.notebook import lab
lab.open("01")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_notebook_works_beside_the_first_and_is_told(run: Cell, fail: Cell, tiny: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True) as first:
        try:
            assert first.stdout is not None
            while (line := first.stdout.readline()) and line != "open\n":
                pass
            shown = run('shop = lab.open("01")')
            assert "`cd shops/01_tiny-sqlite-2`" in shown
            assert "Another notebook opened the same one first" in shown
            run("%flask db downgrade base")
        finally:
            first.kill()
    run("%flask db upgrade")
    run('shop = lab.open("01")')
    with closing(sqlite3.connect(tiny / "shops/01_tiny-sqlite/instance/shop.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
