"""`%flask`, `%git` and `%%writefile`: real commands and real files, in the current shop."""

import os
import shlex
import sysconfig
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from migration_lab.ground.errors import LabError
from migration_lab.notebook import names, shop, under_way
from migration_lab.notebook.displays import Note, show
from migration_lab.notebook.folding import Fold, Folding, is_in

SHELL_WORDS = {"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"}


class CommandFailed(LabError):  # noqa: N818  learners read this name
    """A command of `%flask` or `%git` ended with an exit code other than 0; its output is shown before."""

    def __init__(self, command: str, exit_code: int, *, is_meant: bool = False, output: str = "") -> None:
        super().__init__(
            f"`{command}` failed with exit code {exit_code}.",
            "This cell is meant to fail: read on below." if is_meant else "What it printed, above, says why.",
        )
        self.exit_code = exit_code
        self.output = output


@magics_class
class ShopMagics(Magics):
    """The commands that a cell can give to the current shop."""

    @line_magic
    def flask(self, line: str) -> None:
        """Run a flask command like a terminal in the shop's folder: `%flask db upgrade`.

        Raises:
            CommandFailed: the command's exit code is not 0.
        """
        _run("flask", line)

    @line_magic
    def git(self, line: str) -> None:
        """Run a git command in the shop's folder, on the shop's own repository: `%git switch -c phone`.

        Raises:
            CommandFailed: the command's exit code is not 0.
        """
        _run("git", line)

    @cell_magic
    def writefile(self, line: str, cell: str) -> None:
        """Write the cell into a file of the shop: `%%writefile shop/models/user.py`; `-a` appends to it."""
        words = split(line)
        append = words[:1] in (["-a"], ["--append"])
        paths = words[1:] if append else words
        if len(paths) != 1:
            raise LabError("`%%writefile` takes the path of one file.", "Write `%%writefile shop/models/user.py`.")
        opened = shop.current()
        path = opened.path(opened.here() / paths[0])
        relative = PurePath(paths[0]).as_posix()
        if path.is_dir():
            raise LabError(f"`{relative}` is a folder.", "Give the path of a file in it.")
        if not path.parent.is_dir():
            raise LabError(
                f"There is no folder `{PurePath(relative).parent.as_posix()}` in this shop.",
                "`shop.files()` lists the folders that are there; check the spelling.",
            )
        with path.open("a" if append else "w", encoding="utf-8", newline="\n") as file:
            file.write(cell if cell.endswith("\n") else cell + "\n")
        print(f"Added to {relative}" if append else f"Wrote {relative}")


def register(shell: InteractiveShell) -> None:
    """Register the magics with IPython, with Tab completion for the commands of flask."""
    shell.register_magics(ShopMagics)
    shell.set_hook("complete_command", _complete, str_key="%flask")  # type: ignore[no-untyped-call]


def split(line: str, *, windows: bool = os.name == "nt") -> list[str]:
    """The words of a command line, split as a shell splits them, without a comment at its end.

    Args:
        windows: whether a backslash is part of a path rather than an escape character.

    Raises:
        LabError: a quote is left open, or the line asks for something only a shell can do.
    """
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = "#" if " #" in f" {line}" else ""
    lexer.escape = "" if windows else "\\"
    try:
        words = list(lexer)
    except ValueError:
        raise LabError(f"A quote is opened but not closed in: {line}", "Add the missing quote.") from None
    return words


def _run(program: str, line: str) -> None:
    """Run the command and print its output as it arrives; under a test runner the kernel sees only `sys.stdout`."""
    words = split(line)
    for word in words:
        if word in SHELL_WORDS:
            raise LabError(
                f"`{word}` is shell syntax, and `%{program}` runs one command without a shell.",
                "Put one command in each line, or type this one in a terminal.",
            )
    if words[:1] == [program]:
        raise LabError(f"The word `{program}` is there twice.", f"Write `%{' '.join(words)}`.")
    command = f"{program} {line.strip()}".strip()
    opened = shop.current()
    printer = Printer(opened.workspace.folder, heading=_where(opened))
    try:
        run = opened.run_flask if program == "flask" else opened.run_git
        completed = run(*words, on_output=printer.take)
    except KeyboardInterrupt:
        raise LabError(
            f"You interrupted `{command}`.",
            "What it had committed by then is kept; `shop.revisions()` shows where the database stands.",
        ) from None
    finally:
        printer.end()
    if completed.exit_code != 0:
        _explain(completed.output)
        raise CommandFailed(command, completed.exit_code, is_meant=_is_meant_to_fail(), output=completed.output)


def _where(opened: shop.Shop) -> str:
    """The shop on which the command runs, as a line above its output, if it could be mistaken for another one."""
    namespace = InteractiveShell.instance().user_ns
    other = under_way.under_requests_elsewhere(opened.workspace)
    if other is not None:
        here, there = (names.called(each, namespace) for each in (opened.workspace, other))
        show(Note(f"The requests go to `{there}`, and this command runs on `{here}`. `{there}.use()` changes that."))
    return names.place(opened, namespace)


class Printer:
    """Prints a command's output, line by line as it arrives, with paths relative to the shop's folder.

    `Generating migrations/versions/0001_create_users.py` replaces the absolute path that a terminal shows. It fits
    the cell, and it is the same on every machine. The heading is printed before the first line, if there is one.
    """

    def __init__(self, folder: Path, *, heading: str = "") -> None:
        libraries = {Path(sysconfig.get_path(each)) for each in ("purelib", "stdlib")}  # which a warning names
        places = {folder, folder.resolve(), *libraries}
        self._prefixes = sorted((f"{each}{os.sep}" for each in places), key=len, reverse=True)
        self._rest = ""
        self._heading = heading
        self._folding = Folding(lambda file: is_in(file, folder), self._shortened)

    def take(self, text: str) -> None:
        """Print the lines that are complete."""
        whole, newline, self._rest = (self._rest + text).rpartition("\n")
        self._print(self._folding.take(whole + newline))

    def end(self) -> None:
        """Print what is left."""
        rest, self._rest = self._rest, ""
        self._print(self._folding.take(rest))
        self._print(self._folding.end())

    def _print(self, parts: Iterable[str | Fold]) -> None:
        for part in parts:
            if self._heading and part:
                print(self._heading)
                self._heading = ""
            if isinstance(part, Fold):
                show(part)
            else:
                print(part, end="", flush=True)

    def _shortened(self, text: str) -> str:
        for prefix in self._prefixes:
            text = text.replace(prefix, "")
        return text


def _is_meant_to_fail() -> bool:
    """Whether the current cell has this tag. JupyterLab sends tags to the kernel; without them, the answer is no."""
    kernel = getattr(InteractiveShell.instance(), "kernel", None)
    return kernel is not None and "raises-exception" in kernel.get_parent().get("metadata", {}).get("tags", ())


def _explain(output: str) -> None:
    """Show the card for a failure, if the field guide has one."""
    from migration_lab.teaching import explain  # here, because it reads the whole guide

    card = explain.explain(output)
    if card is not None:
        show(card)


def _complete(shell: InteractiveShell, event: Any) -> list[str]:
    """The words that can follow: the commands of `flask db`, then their options."""
    import flask_migrate.cli  # type: ignore[import-untyped]  # here, because it costs a third of a second that most notebooks need not spend

    commands = flask_migrate.cli.db.commands
    before = event.line[: -len(event.symbol)] if event.symbol else event.line
    match before.split()[1:]:
        case []:
            return ["db", "shell", "routes", "run"]
        case ["db"]:
            return sorted(commands)
        case ["db", name, *_] if name in commands:
            return sorted(option for each in commands[name].params for option in each.opts if option.startswith("-"))
    return []
