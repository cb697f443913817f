"""The course's own files, compiled once: most files that a command imports are copies of them.

Compiling takes a tenth of a short command. Python's own bytecode cache does not help here: it is keyed by the
file's path and whole seconds, and a workspace has its own files, which are rewritten within a second.
"""

import importlib.util
import marshal
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.abc import FileLoader
from importlib.machinery import SourceFileLoader
from pathlib import Path

from migration_lab.ground.errors import LabError
from migration_lab.ground.layers import history

# The head of a file of bytecode that need not be compared with its source (PEP 552); the source's hash follows.
UNCHECKED = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")


class Compiled:
    """Bytecode by its source text. A text that differs by a byte is not found."""

    def __init__(self, course_root: Path) -> None:
        self._texts = _texts(course_root)
        self._by_text: dict[bytes, bytes] = {}

    def add_next(self) -> bool:
        """Compile one more text; False if none is left."""
        found = next(self._texts, None)
        if found is None:
            return False
        name, text = found
        # A text that cannot be compiled or gives a warning is left to the command, which reports it.
        with suppress(SyntaxError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("error")
            if text not in self._by_text:
                code = marshal.dumps(compile(text, name, "exec", dont_inherit=True))
                self._by_text[text] = UNCHECKED + importlib.util.source_hash(text) + code
        return True

    def use(self) -> None:
        """Let this process import with this bytecode; everything else is compiled as usual.

        Where an import asks for a file of bytecode, it gets what such a file would hold: it goes on by itself from
        there, names the right file in tracebacks, and has no line of ours in those of a file that does not compile.
        """
        get_data = SourceFileLoader.get_data

        def get_bytecode(loader: FileLoader, path: str) -> bytes:
            found = None
            if path.endswith(".pyc"):
                with suppress(OSError, ValueError):
                    found = self._by_text.get(Path(importlib.util.source_from_cache(path)).read_bytes())
            return found or get_data(loader, path)

        SourceFileLoader.get_data = get_bytecode  # type: ignore[method-assign, assignment]


def _texts(course_root: Path) -> Iterator[tuple[str, bytes]]:
    """The Python files of the shop as each lesson leaves them, and those that scenes add, by name.

    While a course is being edited, an edit may not fit; the files after it are compiled when they are used.
    """
    folders = sorted(course_root.glob("lessons/*/leaves"))
    with suppress(OSError, LabError):
        for made, _ in history(course_root / "sample_app", folders):
            yield from ((name, text) for name, text in made.items() if name.endswith(".py"))
    with suppress(OSError):
        for path in course_root.glob("lessons/*/scenes/**/*.py"):
            yield path.name, path.read_bytes()
