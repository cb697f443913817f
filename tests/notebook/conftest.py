"""A tiny course, and an IPython without a kernel to run cells in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from migration_lab.notebook import displays, folding, magics, names, shop, which_cell
from tests import tiny_course

Cell = Callable[[str], str]


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny course, made once, so that its template is built once."""
    return tiny_course.make(tmp_path_factory.mktemp("course"))


@pytest.fixture
def tiny(tiny_files: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny course in place of the real one, a learner's folder of this test alone, and no shop open."""
    monkeypatch.setenv("LAB_COURSE", str(tiny_files))
    monkeypatch.setattr(shop, "used", None)
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def ipython(tiny: Path) -> Iterator[InteractiveShell]:
    """An IPython that has run `from migration_lab.notebook import lab`."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.colors = "nocolor"
    magics.register(shell)
    displays.register(shell)
    names.register(shell)
    which_cell.load_ipython_extension(shell)
    folding.fold_tracebacks(shell)
    shell.run_cell("from migration_lab.notebook import lab")  # type: ignore[no-untyped-call]
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def run(ipython: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Cell:
    """Run a cell that must succeed, and give back what it shows as text."""

    def run_cell(text: str) -> str:
        capsys.readouterr()
        result = ipython.run_cell(text)  # type: ignore[no-untyped-call]
        shown = capsys.readouterr().out
        assert result.success, shown
        return shown

    return run_cell


@pytest.fixture
def fail(ipython: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Cell:
    """Run a cell that must fail with a LabError, and give back what it shows: no traceback may be in it."""

    def run_cell(text: str) -> str:
        capsys.readouterr()
        result = ipython.run_cell(text)  # type: ignore[no-untyped-call]
        shown = capsys.readouterr().out
        assert not result.success, shown
        assert "Cell In[" not in shown
        return shown

    return run_cell


@pytest.fixture
def lost(ipython: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Cell:
    """Run a cell that must fail with any error, and give back what it shows."""

    def run_cell(text: str) -> str:
        capsys.readouterr()
        result = ipython.run_cell(text)  # type: ignore[no-untyped-call]
        shown = capsys.readouterr().out
        assert not result.success, shown
        return shown

    return run_cell


@pytest.fixture
def bundle(ipython: InteractiveShell) -> Callable[[str], dict[str, Any]]:
    """All the forms in which JupyterLab gets the value of an expression, by their types."""

    def formats(expression: str) -> dict[str, Any]:
        assert ipython.display_formatter is not None
        value = ipython.ev(expression)  # type: ignore[no-untyped-call]
        forms: dict[str, Any] = ipython.display_formatter.format(value)[0]  # type: ignore[no-untyped-call]
        return forms

    return formats
