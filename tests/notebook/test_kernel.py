"""What only a real kernel can show: interrupting a command, and continuing after a restart."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from migration_lab.ground import places
from tests.notebook.test_which_cell import write_notebook

LIMIT = 60  # seconds for a cell; none takes more than a few
SLEEPING = '''\
"""sleep"""
import time

revision = "0002"
down_revision = "0001"

def upgrade():
    print("upgrade begins", flush=True)
    time.sleep(600)

def downgrade():
    pass
'''


class Kernel:
    """A kernel and what its cells showed."""

    def __init__(self) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(env=dict(os.environ))
        self._connect()

    def _connect(self) -> None:
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT)

    def restart(self) -> None:
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self._connect()

    def run(self, cell: str, on_text: Callable[[str], None] = lambda text: None) -> tuple[str, str]:
        """Run a cell; whether it is `ok` or `error`, and all the text that it showed."""
        shown: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            text = content.get("text") or content.get("data", {}).get("text/plain") or ""
            shown.append(text or "\n".join(content.get("traceback", ())))
            on_text(text)

        reply = self.client.execute_interactive(cell, timeout=LIMIT, output_hook=hear)
        return reply["content"]["status"], "".join(shown)

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tiny: Path) -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.stop()


def test_a_command_can_be_interrupted_and_the_kernel_goes_on(kernel: Kernel) -> None:
    assert kernel.run('from migration_lab.notebook import lab\nshop = lab.open("01")')[0] == "ok"
    assert kernel.run(f"%%writefile migrations/versions/0002_sleep.py\n{SLEEPING}")[0] == "ok"

    def interrupt(text: str) -> None:
        if "upgrade begins" in text:
            kernel.manager.interrupt_kernel()

    status, shown = kernel.run("%flask db upgrade", interrupt)
    assert status == "error"
    assert "You interrupted `flask db upgrade`." in shown
    assert "run_line_magic" not in shown
    status, shown = kernel.run("%flask db current")
    assert status == "ok"
    assert "0001" in shown


def test_after_a_restart_the_lesson_goes_on_where_it_was(kernel: Kernel, tiny: Path) -> None:
    kernel.run('from migration_lab.notebook import lab\nshop = lab.open("01")')
    kernel.run("%%writefile mine.py\nx = 1")
    kernel.restart()
    kernel.run("from migration_lab.notebook import lab")
    status, shown = kernel.run("%flask db current")
    assert status == "error"
    assert "shop = lab.resume()" in shown
    assert kernel.run("shop = lab.resume()")[0] == "ok"
    assert kernel.run("shop.read('mine.py')") == ("ok", "x = 1")
    assert kernel.run("%flask db current")[0] == "ok"


def test_after_a_restart_all_shops_are_back_under_their_names(kernel: Kernel, tiny: Path) -> None:
    kernel.run("from migration_lab.notebook import lab")
    kernel.run('one = lab.open("01")\ntwo = lab.open("01", engine="postgres")\nthree = two.copy()\none.use()')
    for name in ("one", "two", "three"):
        assert kernel.run(f"{name}.path('mine.py').write_text('{name}')")[0] == "ok"
    kernel.restart()
    kernel.run("from migration_lab.notebook import lab")
    status, shown = kernel.run("_ = lab.resume()")
    assert status == "ok"
    assert "- `three`: Lesson 01: A tiny lesson, a copy, on PostgreSQL" in shown
    assert "`cd shops/01_tiny-sqlite`" in shown  # the one that was in use
    assert kernel.run("[each.read('mine.py') for each in (one, two, three)]") == ("ok", "[one, two, three]")
    kernel.run("two.copy()")
    assert "This copy is gone" in kernel.run("three.read('mine.py')")[1]
    kernel.restart()
    shutil.rmtree(tiny / "shops/01_tiny-postgres")
    kernel.run("from migration_lab.notebook import lab")
    shown = kernel.run("lab.resume()")[1]
    assert "The files of `two` are not there any more" in shown
    assert kernel.run("one.read('mine.py')") == ("ok", "one")


def test_a_fresh_kernel_says_which_cell_to_run(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = tiny / "notebooks/01_tiny.ipynb"
    write_notebook(notebook, "from migration_lab.notebook import lab\nshop = lab.open('01')", "shop.sql('SELECT 1')")
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    kernel = Kernel()
    try:
        for cell in ("shop.sql('SELECT 1')", "lab.resume()", "%flask db upgrade", "%%writefile shop/models.py\nx = 1"):
            status, shown = kernel.run(cell)
            assert status == "error"
            assert "Run the first code cell of this notebook." in shown, cell
        assert "Run" not in kernel.run("my_own_name")[1]
        kernel.run("from migration_lab.notebook import lab")
        shown = kernel.run("shop.sql('SELECT 1')")[1]
        assert "No shop is open in this kernel. Run the first code cell of this notebook, or `lab.resume()`" in shown
        write_notebook(
            notebook, "from migration_lab.notebook import lab", "shop = lab.exercise('01.1')", "shop.files()"
        )
        assert "Run the cell that begins `shop = lab.exercise('01.1')`" in kernel.run("shop.files()")[1]
    finally:
        kernel.stop()


def test_a_fresh_kernel_of_an_unknown_notebook_says_it_too(kernel: Kernel) -> None:
    for cell in ("shop.files()", "lab.resume()", "%flask db upgrade"):
        assert "Run the first code cell of this notebook." in kernel.run(cell)[1]


def test_a_kernel_that_starts_imports_nothing_of_the_lab_but_what_says_which_cell(kernel: Kernel) -> None:
    light = "{'migration_lab', 'migration_lab.notebook', 'migration_lab.notebook.which_cell'}"
    cell = "import sys; sorted(each for each in sys.modules if each.startswith(('migration_lab', 'sqlalchemy')))"
    status, shown = kernel.run(f"{cell[:-1]} if each not in {light})")
    assert (status, shown) in (("ok", "[]"), ("ok", "['migration_lab.notebook.interrupts']"))


def test_the_first_cell_does_not_import_the_shop_or_what_teaches(kernel: Kernel) -> None:
    kernel.run('from migration_lab.notebook import lab\nlab.open("01").revisions()')
    cell = "import sys; sorted({'flask', 'shop', 'ipywidgets', 'migration_lab.teaching.judging'} & set(sys.modules))"
    assert kernel.run(cell) == ("ok", "[]")


def test_paths_are_the_learners_own(tiny: Path) -> None:
    assert places.below_my_work(tiny / "shops" / "01_tiny-sqlite") == "shops/01_tiny-sqlite"


INTERRUPTED_IMPORT = """\
import signal, sys, time
from pathlib import Path
import migration_lab.notebook
folder = Path("{folder}")
(folder / "halves.py").write_text("import signal; signal.raise_signal(signal.SIGINT); second_half = True")
sys.path.insert(0, str(folder))
begun = time.monotonic()
try:
    import halves
    time.sleep(60)
except KeyboardInterrupt:
    print(hasattr(sys.modules.get("halves"), "second_half"), time.monotonic() - begun < 30)
"""


def test_stop_lets_an_import_finish_and_then_ends_the_cell(kernel: Kernel, tmp_path: Path) -> None:
    assert kernel.run("import migration_lab.notebook") == ("ok", "")
    assert kernel.run(INTERRUPTED_IMPORT.format(folder=tmp_path.as_posix())) == ("ok", "True True\n")
    # A later cell has the kernel's own handler again, unless it is replaced for each.
    later = INTERRUPTED_IMPORT.replace("halves", "later_halves").format(folder=tmp_path.as_posix())
    assert kernel.run(later) == ("ok", "True True\n")
