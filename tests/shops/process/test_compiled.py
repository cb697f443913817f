"""The course's files, compiled beforehand: used only for the same text, without a visible difference."""

import importlib.util
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from migration_lab.ground import places
from migration_lab.ground.spine import spine
from migration_lab.shops.process.compiled import Compiled

FAILS = "def outer():\n    def inner():\n        1 / 0\n    inner()\n"
PLACES = ("sample_app/shop/extensions.py", "lessons/01_x/leaves/shop/app.py", "lessons/01_x/scenes/a/files/b.py")


@pytest.fixture
def compiled_texts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What this process compiles; its own way of importing comes back after the test."""
    texts: list[object] = []
    before = SourceFileLoader.source_to_code

    def noted(loader: SourceFileLoader, data: object, path: str, **options: int) -> object:
        texts.append(data)
        return before(loader, data, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(SourceFileLoader, "source_to_code", noted)
    monkeypatch.setattr(SourceFileLoader, "get_data", SourceFileLoader.get_data)
    return texts


def compiled(root: Path) -> Compiled:
    found = Compiled(root)
    while found.add_next():
        pass
    return found


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path) -> ModuleType:
    """As Alembic loads a revision."""
    spec = importlib.util.spec_from_file_location("loaded", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", PLACES)
def test_a_copy_of_a_file_is_not_compiled_again(place: str, tmp_path: Path, compiled_texts: list[object]) -> None:
    write(tmp_path / place, "x = 1\n")
    compiled(tmp_path).use()
    assert load(write(tmp_path / "copy.py", "x = 1\n")).x == 1
    assert compiled_texts == []


def test_a_text_that_differs_is_compiled_as_it_is(tmp_path: Path, compiled_texts: list[object]) -> None:
    write(tmp_path / PLACES[0], "x = 1\n")
    compiled(tmp_path).use()
    assert load(write(tmp_path / "copy.py", "x = 2\n")).x == 2
    assert compiled_texts == [b"x = 2\n"]


def test_a_traceback_names_the_copy_and_its_lines(tmp_path: Path, compiled_texts: list[object]) -> None:
    write(tmp_path / PLACES[0], FAILS)
    compiled(tmp_path).use()
    module = load(write(tmp_path / "copy.py", FAILS))
    assert compiled_texts == []
    with pytest.raises(ZeroDivisionError) as error:
        module.outer()
    frames = traceback.extract_tb(error.tb)[1:]
    assert [(each.filename, each.name, each.line) for each in frames] == [
        (str(tmp_path / "copy.py"), "outer", "inner()"),
        (str(tmp_path / "copy.py"), "inner", "1 / 0"),
    ]


@pytest.mark.parametrize("text", ["class\n", "\0", "x = 1 is 1\n"], ids=["an error", "no text", "a warning"])
def test_what_compiling_says_is_left_to_the_command(text: str, tmp_path: Path, compiled_texts: list[object]) -> None:
    write(tmp_path / PLACES[0], text)
    write(tmp_path / PLACES[1], "x = 1\n")
    compiled(tmp_path).use()
    load(write(tmp_path / "fine.py", "x = 1\n"))
    assert compiled_texts == []
    with pytest.warns(SyntaxWarning) if "is" in text else pytest.raises((SyntaxError, ValueError)):
        load(write(tmp_path / "copy.py", text))
    assert compiled_texts == [text.encode()]


def test_an_edited_file_is_compiled_in_each_state(tmp_path: Path, compiled_texts: list[object]) -> None:
    write(tmp_path / PLACES[0], "x = 1\n")
    write(tmp_path / "lessons/01_x/leaves/changes.md", "```diff shop/extensions.py\n-x = 1\n+x = 2\n```\n")
    compiled(tmp_path).use()
    assert [load(write(tmp_path / f"copy{number}.py", f"x = {number}\n")).x for number in (1, 2)] == [1, 2]
    assert compiled_texts == []


def test_a_course_that_does_not_fit_together_compiles_the_rest(tmp_path: Path, compiled_texts: list[object]) -> None:
    write(tmp_path / PLACES[0], "x = 1\n")
    write(tmp_path / PLACES[2], "x = 3\n")
    write(tmp_path / "lessons/01_x/leaves/changes.md", "```diff shop/extensions.py\n-y = 1\n+y = 2\n```\n")
    compiled(tmp_path).use()
    assert [load(write(tmp_path / f"copy{number}.py", f"x = {number}\n")).x for number in (1, 3)] == [1, 3]
    assert compiled_texts == []


def test_no_file_of_a_checkpoint_is_compiled_by_a_command(compiled_texts: list[object], tmp_path: Path) -> None:
    compiled(places.course_root()).use()
    texts = {text for left in spine() for name, text in left.made.items() if name.endswith(".py")}
    assert len(texts) > 50
    for number, text in enumerate(sorted(texts)):
        file = tmp_path / f"copy{number}.py"
        file.write_bytes(text)
        code = SourceFileLoader("copied", str(file)).get_code("copied")
        assert code
        assert code.co_filename == str(file)
    assert compiled_texts == []
