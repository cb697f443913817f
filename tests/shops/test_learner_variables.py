"""Code of learners gets only the variables that it needs, whichever way it is started."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from migration_lab.instruments import service
from migration_lab.instruments.models import read_models
from migration_lab.instruments.revisions import read_revisions
from migration_lab.shops.flask_command import run_flask, run_pytest
from migration_lab.shops.git_command import run_git
from migration_lab.shops.process import forkserver
from migration_lab.shops.script import run_script
from tests.shops.work import Place

SECRET = "ghp-0123456789"
# The variables of a process, and those that it or the process that forked it was started with.
NOTE = """
import os, pathlib
_started = pathlib.Path("/proc/self/environ")
with open(pathlib.Path(__file__).resolve().parents[{up}] / "seen.txt", "a") as _seen:
    _seen.write(repr(dict(os.environ)) + (_started.read_text() if _started.exists() else ""))
"""
UNREADABLE = 'revision = "0003"\ndown_revision = "".join(["0002"])\n'  # the reader has to run it


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell with a token; the forkserver of this process is started from it."""
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, SECRET)
    for each in psutil.Process().children():
        if forkserver.SERVING in " ".join(each.cmdline()):  # of an earlier test, with other variables
            each.kill()
            each.wait(10)


def flask(shop: Place) -> None:
    run_flask(shop, "routes")


def pytest_of_the_shop(shop: Place) -> None:
    (shop.folder / "test_shop.py").write_text("def test_app():\n    import shop\n")
    run_pytest(shop, "-q")


def script(shop: Place) -> None:
    run_script(shop, "python -m flask routes\n")


def live_service(shop: Place) -> None:
    with service.serve(shop):
        pass


def models(shop: Place) -> None:
    read_models(shop, "sqlite://")


def revision_files(shop: Place) -> None:
    path = shop.folder / "migrations/versions/0003_late.py"
    path.write_text(UNREADABLE + NOTE.format(up=2))
    read_revisions(shop.folder)


def git(shop: Place) -> None:
    run_git(shop, "init", "-q")
    run_git(shop, "-c", "alias.note=!env > seen.txt", "note")


WAYS = (flask, pytest_of_the_shop, script, live_service, models, revision_files, git)


@pytest.mark.usefixtures("secrets", "either_way")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_token_in_the_shell_does_not_reach(way: Callable[[Place], None], shop: Path) -> None:
    with (shop / "shop.py").open("a") as app:
        app.write(NOTE.format(up=0))
    way(Place(shop))
    seen = (shop / "seen.txt").read_text()
    assert "PATH" in seen
    assert SECRET not in seen
