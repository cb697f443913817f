"""JupyterLab in a browser, driven by a test, with every error that occurred."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import nbformat
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Route, WebSocket

from migration_lab.making.cells import FAILS

LIMIT = 120_000  # milliseconds; a limit for a machine that is busy with other work, never a pause
HERE = ("127.0.0.1", "localhost")
# These make the server ask another machine whether there is news.
NEWS = ("/lab/api/news", "/lab/api/update")

PANEL = "window.jupyterapp.shell.currentWidget"
# The toolbar says "idle" before a kernel exists, so the session is asked.
IS_READY = """path => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.path === path && panel.context.isReady && panel.sessionContext?.isReady
        && panel.sessionContext.session?.kernel?.status === "idle";
}"""
# A kernel has been asked for, and is not there yet.
IS_STARTING = f"() => {PANEL}.sessionContext.hasNoKernel === false && !{PANEL}.sessionContext.session?.kernel"
IS_IDLE = f"() => {PANEL}.sessionContext.session?.kernel?.status === 'idle'"
CODE_CELLS = f"""() => [...{PANEL}.content.model.cells].filter(cell => cell.type === "code").map(cell => ({{
    source: cell.sharedModel.source, count: cell.executionCount, outputs: cell.outputs.toJSON(),
    tags: cell.getMetadata("tags") ?? []}}))"""
HAVE_RUN = f"""() => {{
    const cells = ({CODE_CELLS})();
    const mayFail = cell => cell.tags.includes("raises-exception");
    const failed = cell => cell.outputs.some(output => output.output_type === "error") && !mayFail(cell);
    return cells.some(failed) || cells.every(cell => cell.count || !cell.source);
}}"""
FIND = f"""text => {PANEL}.content.widgets.findIndex(
    cell => cell.model.type === "code" && cell.model.sharedModel.source.startsWith(text))"""


def write_notebook(path: Path, cells: Iterable[Any]) -> None:
    """Write a notebook of these cells; a text is a cell of code."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = [nbformat.v4.new_code_cell(each) if isinstance(each, str) else each for each in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=kernel), path)


class LabPage:
    """One window of JupyterLab.

    Attributes:
        complaints: console errors, and errors that no script caught.
        strays: what was asked of another machine, or makes the server ask one; none of it was answered.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.strays: list[str] = []
        context.set_default_timeout(LIMIT)
        context.route("**/*", self._pass_or_stop)
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page: Page = context.new_page()
        self.page.on("websocket", self._listen_to_socket)

    def start(self) -> None:
        """Go where the command said, and wait until the first notebook can be used."""
        self.page.goto(self.url)
        self.wait_until_ready("notebooks/contents.ipynb")

    def open(self, path: str) -> None:
        """Open a notebook, or come back to it; `path` is relative to JupyterLab's root."""
        self.command("docmanager:open", path=path)
        self.wait_until_ready(path)

    def wait_until_ready(self, path: str) -> None:
        """Wait until the notebook is there and its kernel answers."""
        self.page.wait_for_function(IS_READY, arg=path)

    def command(self, name: str, **arguments: Any) -> Any:
        """Run a command of JupyterLab and wait until it is done."""
        script = "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments).then(() => true)"
        return self.page.evaluate(script, [name, arguments])

    def run_all(self) -> None:
        """Run all cells of the notebook in front, until all have run or one has failed that should not.

        The command is done at the first failure; where that is meant to be, the kernel goes on with the cells after it.
        """
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(HAVE_RUN)
        self.page.wait_for_function(IS_IDLE)

    def cells(self) -> list[dict[str, Any]]:
        """The code cells of the notebook in front: source, count, outputs."""
        cells: list[dict[str, Any]] = self.page.evaluate(CODE_CELLS)
        return cells

    def failed(self) -> list[Any]:
        """The cells that did not run, or ended in an error where they should not, or not in one where they should."""
        return [
            (cell["source"], [output.get("evalue") for output in cell["outputs"]])
            for cell in self.cells()
            if (cell["source"] and not cell["count"])
            or any(each["output_type"] == "error" for each in cell["outputs"]) != (FAILS in cell["tags"])
        ]

    def select(self, beginning: str) -> Locator:
        """Make the code cell that begins with this text the active one, as if reached by keyboard."""
        place = self.page.evaluate(FIND, beginning)
        assert place >= 0, f"no cell begins with {beginning!r}"
        self.page.evaluate(f"place => {{ {PANEL}.content.activeCellIndex = place }}", place)
        self.page.evaluate(f"place => {PANEL}.content.scrollToItem(place, 'center')", place)
        self.command("notebook:enter-command-mode")
        return self.page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active")

    def run(self, beginning: str) -> Locator:
        """Run the cell that begins with this text; its outputs."""
        cell = self.select(beginning)
        self.command("notebook:run-cell")
        self.page.wait_for_function(IS_IDLE)
        return cell.locator(".jp-OutputArea").first

    def type_into(self, beginning: str, text: str) -> None:
        """Replace the text of a cell by way of the keyboard."""
        self.select(beginning)
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Escape")

    def insert_after(self, beginning: str, text: str) -> None:
        """A new cell with this text below the one that begins with `beginning`."""
        self.select(beginning)
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Escape")

    @contextmanager
    def theme(self, name: str) -> Iterator[None]:
        """Light or dark, as the system says it; the course's settings make JupyterLab follow."""
        self._show(name)
        yield
        self._show("light")

    def _show(self, theme: str) -> None:
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        light = "false" if theme == "dark" else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    @contextmanager
    def tall(self) -> Iterator[None]:
        """A window in which the whole notebook fits, because what is scrolled away is not painted, nor scanned.

        JupyterLab's `body` has no height of its own, which axe takes to mean that nothing in it can be seen.
        """
        self.page.add_style_tag(content="body { min-height: 100vh }")
        usual = self.page.viewport_size
        assert usual
        height = self.page.evaluate(f"() => {PANEL}.content.node.querySelector('.jp-WindowedPanel-inner').scrollHeight")
        self.page.set_viewport_size({"width": usual["width"], "height": int(height) + 2000})
        self.page.evaluate(f"() => {PANEL}.content.scrollToItem(0, 'start')")
        yield
        self.page.set_viewport_size(usual)

    def _pass_or_stop(self, route: Route) -> None:
        if self._is_local(route.request.url):
            route.continue_()
        else:
            route.abort()

    def _listen_to_socket(self, socket: WebSocket) -> None:
        self._is_local(socket.url)

    def _is_local(self, url: str) -> bool:
        parts = urlparse(url)
        local = (parts.scheme in ("data", "blob") or parts.hostname in HERE) and not parts.path.startswith(NEWS)
        if not local:
            self.strays.append(url)
        return local

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")
