"""The course's own files, compiled once: what a command imports are mostly copies of them.

Compiling takes a tenth of a short command. Python's own cache of bytecode cannot save that here: it goes by the
file's path and by whole seconds, and a workspace has files of its own that are rewritten within one.
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
    """Bytecode by the text that it was compiled from. A text that differs by a byte is not found."""

    def __init__(self, course_root: Path) -> None:
        self._texts = _texts(course_root)
        self._by_text: dict[bytes, bytes] = {}

    def add_next(self) -> bool:
        """Compile one text more; False when none is left."""
        found = next(self._texts, None)
        if found is None:
            return False
        name, text = found
        # What cannot be compiled or gives a warning is left to the command, which says so.
        with suppress(SyntaxError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("error")
            if text not in self._by_text:
                code = marshal.dumps(compile(text, name, "exec", dont_inherit=True))
                self._by_text[text] = UNCHECKED + importlib.util.source_hash(text) + code
        return True

    def use(self) -> None:
        """Let this process import with what is there; whatever else it imports is compiled as ever.

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
    """The Python files of the shop in each state in which a lesson leaves it, and what scenes add, by their names.

    A course that is being edited may not fit together; what comes after the fault is compiled when it is used.
    """
    folders = sorted(course_root.glob("lessons/*/leaves"))
    with suppress(OSError, LabError):
        for made, _ in history(course_root / "sample_app", folders):
            yield from ((name, text) for name, text in made.items() if name.endswith(".py"))
    with suppress(OSError):
        for path in course_root.glob("lessons/*/scenes/**/*.py"):
            yield path.name, path.read_bytes()
