"""The files of a notebook's shop: their paths and texts, a change, and a button that opens one."""

from pathlib import Path, PurePath

from migration_lab.ground.errors import LabError
from migration_lab.ground.places import below_my_work
from migration_lab.notebook.displays import EditButton, Source
from migration_lab.shops.identity import Workspace

NOT_LISTED = {"__pycache__", ".pytest_cache", ".git"}


class ShopFiles:
    """The part of `Shop` for its files."""

    workspace: Workspace

    def check(self) -> None:
        """Raise LabError if the shop's folder no longer exists."""
        raise NotImplementedError

    def path(self, name: str | Path) -> Path:
        """The absolute path of a file of the shop, there or not.

        Raises:
            LabError: the path leads out of the shop's folder.
        """
        self.check()
        folder = self.workspace.folder.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise LabError(
                f"`{name}` leads out of the shop's folder.", "Give a path inside it, such as `shop/models/user.py`."
            )
        return path

    def files(self, folder: str = ".") -> Source:
        """The names of all files under a folder of the shop, one in each line, sorted."""
        root, top = self.workspace.folder.resolve(), self.path(folder)
        if not top.is_dir():
            raise LabError(f"There is no folder `{folder}` in this shop.", "`shop.files()` lists all that is there.")
        paths = (path.relative_to(root) for path in top.rglob("*") if path.is_file())
        return Source("\n".join(sorted(path.as_posix() for path in paths if not NOT_LISTED & set(path.parts))))

    def read(self, name: str | Path) -> Source:
        """The text of a file of the shop."""
        path = self._file(name)
        try:
            return Source(path.read_text(encoding="utf-8"), "python" if path.suffix == ".py" else "")
        except UnicodeDecodeError as error:
            raise LabError(
                f"`{name}` is not a text in UTF-8.", "Save it again as UTF-8, or read `shop.path(...)` as bytes."
            ) from error

    def replace(self, name: str | Path, old: str, new: str) -> None:
        """Replace a text in a file of the shop, once. A cell that runs again finds it done and changes nothing.

        Args:
            old: what is there at first.
            new: what is to be there; an empty text takes `old` away.

        Raises:
            LabError: the file has neither.
        """
        text = self.read(name)
        shown = PurePath(name).as_posix()
        is_done = new in text if new else old not in text
        if not is_done and old not in text:
            raise LabError(
                f"`{shown}` does not have the text that this cell replaces: {old.strip().splitlines()[0]!r}.",
                "Run the cells above it first; the notebook's first cell opens a fresh shop.",
            )
        if not is_done:
            self.path(name).write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")
        print(f"{shown} is changed already" if is_done else f"Changed {shown}")

    def edit(self, name: str | Path) -> EditButton:
        """A button that opens a file in JupyterLab's editor, beside the notebook."""
        path = self._file(name)
        shown = path.relative_to(self.workspace.folder.resolve()).as_posix()
        return EditButton(below_my_work(path), shown)

    def _file(self, name: str | Path) -> Path:
        path = self.path(name)
        if not path.is_file():
            raise LabError(f"There is no file `{name}` in this shop.", "`shop.files()` lists the files that are there.")
        return path
