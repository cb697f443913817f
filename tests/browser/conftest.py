"""One JupyterLab, started as the README says, and one browser for a module of tests."""

import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from migration_lab.ground import installation, places
from migration_lab.ground.jupyter import start
from tests.browser import chromium
from tests.browser.lab_page import LIMIT, LabPage

START_LIMIT = 120  # seconds until JupyterLab answers; it takes a few
FIRST_WORDS = "JupyterLab: "

expect.set_options(timeout=LIMIT)  # five seconds otherwise, which a kernel beside two other workers may need


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Without one the tests are skipped and say so; on a build server they fail."""
    with sync_playwright() as playwright:
        found = chromium.launch(playwright)
        if found is None:
            if chromium.is_required():
                pytest.fail(chromium.HOW_TO_GET_ONE)
            pytest.skip(chromium.HOW_TO_GET_ONE)
        yield found
        found.close()


@pytest.fixture(scope="module")
def my_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The learner's folder of these tests."""
    return tmp_path_factory.mktemp("browser") / "my_work"


@pytest.fixture(scope="module")
def url(browser: Browser, my_work: Path) -> Iterator[str]:
    """The address that `python run.py lab` prints, once JupyterLab answers there."""
    folder = my_work.parent
    env = os.environ | {
        "LAB_WORK": str(my_work),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    command = [*lab_command(), "--no-browser", f"--port={free_port()}", "--LabApp.expose_app_in_browser=True"]
    log = folder / "jupyterlab.log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            command, cwd=places.course_root(), env=env, stdout=subprocess.PIPE, stderr=written, text=True
        ) as lab,
    ):
        try:
            lines = iter(lab.stdout or ())
            said = next((line for line in lines if line.startswith(FIRST_WORDS)), "")
            assert said, f"the command ended without an address: {log.read_text()}"
            address = said.removeprefix(FIRST_WORDS).strip()
            wait_until_it_answers(address, lab, log)
            yield address
        finally:
            lab.terminate()
            try:
                lab.wait(START_LIMIT)
            except subprocess.TimeoutExpired:
                lab.kill()


@pytest.fixture(scope="module")
def window(browser: Browser, url: str) -> Iterator[LabPage]:
    """JupyterLab in a window of its own, with the contents in front."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    window = LabPage(context, url)
    window.start()
    yield window
    context.close()


@pytest.fixture(autouse=True)
def nothing_else_goes_wrong(window: LabPage) -> Iterator[None]:
    """No test may leave an error in the console, or ask another machine for anything."""
    yield
    window.page.evaluate("0")  # what the browser has to say about the last step has arrived before this answer
    seen = {"errors": window.complaints[:], "requests that leave": window.strays[:]}
    window.complaints.clear()
    window.strays.clear()
    assert seen == {"errors": [], "requests that leave": []}


def lab_command() -> list[str]:
    """The README's command; in an environment that `run.py` has not made, what it would run in its own."""
    if installation.is_ready("lab") and Path(sys.prefix) == installation.venv():
        return [sys.executable, "run.py", "lab"]
    return [sys.executable, "-m", "migration_lab.teaching.progress.first_page"]


def free_port() -> int:
    """A port below those that the system gives away: JupyterLab takes seconds until it takes it."""
    return start.free_port(random.randrange(20_000, 30_000))


def wait_until_it_answers(address: str, lab: subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + START_LIMIT
    while True:
        try:
            with urllib.request.urlopen(address, timeout=START_LIMIT):
                return
        except (urllib.error.URLError, ConnectionError):
            assert lab.poll() is None, f"JupyterLab has ended: {log.read_text()}"
            assert time.monotonic() < end, f"JupyterLab does not answer: {log.read_text()}"
            time.sleep(0.1)
