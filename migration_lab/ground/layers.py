"""What is laid over the shop: new files, and edits of existing ones in `changes.md`.

Each block of `changes.md` names a file of the shop. A `diff` block changes it (see `blocks.py`); a block in another
language is a new file, for a scene that has many small ones. Prose between the blocks says why.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from migration_lab.ground.blocks import Block, edited, read_sections
from migration_lab.ground.errors import LabError, mistake, shown

CHANGES = "changes.md"
NOT_INPUT = frozenset(("__pycache__", ".pytest_cache", "instance"))  # created by Python, pytest and the shop

Files = dict[str, bytes]
"""The contents of files, by their paths in the shop, with `/` on every system."""


@dataclass(frozen=True)
class Layer:
    """New files in a folder, which may be None, and blocks."""

    folder: Path | None
    blocks: tuple[Block, ...] = ()

    def over(self, before: Callable[[str], bytes | None]) -> Files:
        """The files that it adds or changes.

        Args:
            before: returns the content of the shop's file of that name, or None if there is no such file.

        Raises:
            LabError: a new file exists already, a file to change does not exist, or an edit does not fit.
        """
        made = read(self.folder) if self.folder else {}
        for name in made:
            if self.folder and before(name) is not None:
                raise LabError(
                    f"{shown(self.folder / name)}: the shop has a file {name} already.",
                    f"Write what changes into a `diff` block of {CHANGES}, or take the file away.",
                )
        for block in self.blocks:
            language, _, name = block.info.partition(" ")
            if not name:
                what = f"a block begins with ```diff FILE or, for a new file, with its language: not {block.info!r}"
                raise mistake(block.path, block.line, what)
            text = made.get(name, before(name))
            if language != "diff":
                if text is not None:
                    raise mistake(block.path, block.line, f"the shop has a file {name} already; use ```diff {name}")
                made[name] = block.text.encode()
            elif text is None:
                raise mistake(block.path, block.line, f"the shop has no file {name}")
            else:
                made[name] = _edited(text.decode(), block, name).encode()
        return made


def layer_of(folder: Path) -> Layer:
    """The layer in a folder: its files, and the blocks of its `changes.md`.

    Raises:
        LabError: `changes.md` cannot be read, or has a heading.
    """
    path = folder / CHANGES
    sections = read_sections(path) if path.is_file() else []
    if len(sections) > 1:
        raise mistake(path, sections[1].line, "a heading has no meaning here; say in prose why a file changes")
    return Layer(folder, sections[0].blocks if sections else ())


def layers_in(path: Path) -> dict[str, Layer]:
    """The layers in a Markdown file, one for each section, by heading; empty if there is no such file.

    Raises:
        LabError: it cannot be read, two sections have the same name, or a block comes before the first section.
    """
    if not path.is_file():
        return {}
    beginning, *sections = read_sections(path)
    if beginning.blocks:
        raise mistake(path, beginning.blocks[0].line, "a heading `## NAME` must say when this is laid")
    found: dict[str, Layer] = {}
    for each in sections:
        if each.title in found:
            raise mistake(path, each.line, f"{each.title!r} appears twice")
        found[each.title] = Layer(None, each.blocks)
    return found


def lay(layer: Layer, into: Path, *, over: Path | None = None) -> None:
    """Write the files that a layer adds or changes into a folder.

    Args:
        over: the shop over which it is laid, if that is another folder; that shop is not changed.

    Raises:
        LabError: as `Layer.over`.
    """
    shop = over or into

    def before(name: str) -> bytes | None:
        return (shop / name).read_bytes() if (shop / name).is_file() else None

    write(layer.over(before), into)


def write(files: Files, into: Path) -> None:
    """Write files into a folder, which is created if necessary."""
    for name, content in files.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def history(sample_app: Path, folders: Iterable[Path]) -> Iterator[tuple[Files, Files]]:
    """The shop step by step: what each step adds or changes, and the whole shop after it.

    Args:
        sample_app: the first step.
        folders: the layers over it, in order.

    Raises:
        LabError: as `Layer.over`.
    """
    shop = read(sample_app)
    yield shop, shop
    for folder in folders:
        made = layer_of(folder).over(shop.get)
        shop = shop | made
        yield made, shop


def files_in(folder: Path, ignore: Iterable[str] = NOT_INPUT) -> list[Path]:
    """All files below a folder, sorted, without files that Python, pytest and the shop create when they run."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ignore]
        found += [Path(parent, name) for name in names]
    return sorted(found)


def read(folder: Path) -> Files:
    """The files below a folder, without `changes.md`."""
    paths = {path.relative_to(folder).as_posix(): path for path in files_in(folder)}
    return {name: path.read_bytes() for name, path in paths.items() if name != CHANGES}


def _edited(text: str, block: Block, name: str) -> str:
    """The text after an edit; it ends with a newline if it did before."""
    text = text.replace("\r\n", "\n")
    end = "\n" if text.endswith("\n") else ""
    return "\n".join(edited(text.removesuffix("\n").split("\n"), block, name)) + end
