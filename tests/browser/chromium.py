"""A Chromium for the tests: Playwright's own or the system's, kept on this machine."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Error, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = (
    "There is no Chromium here, so the lessons were not tried in a browser. "
    "Install one: `apt install chromium` on Debian, Google Chrome anywhere, or `python -m playwright install chromium`."
)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever asks for another machine by its name is not answered, even where no test can see it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def is_required() -> bool:
    """Whether a missing browser is a failure: on a build server, or on request."""
    return os.environ.get("LAB_BROWSER") == "required" or os.environ.get("CI", "").lower() in ("true", "1")


def launch(playwright: Playwright) -> Browser | None:
    """Start the first Chromium that starts; None when this machine has none."""
    for place in places(playwright):
        with contextlib.suppress(Error):
            return playwright.chromium.launch(args=FLAGS, **place)
    return None


def places(playwright: Playwright) -> Iterator[dict[str, Any]]:
    """Where a Chromium may be, as options of `launch`."""
    if os.path.exists(playwright.chromium.executable_path):  # noqa: PTH110
        yield {}
    for name in NAMES:
        path = shutil.which(name)
        if path:
            yield {"executable_path": path}
    for channel in ("chrome", "msedge"):
        yield {"channel": channel}
