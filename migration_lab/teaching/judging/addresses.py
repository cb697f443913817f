"""Finds where a learner's files name the learner's database or folder: a check that ran them would leave its copy."""

import ast
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from migration_lab.ground.errors import LabError
from migration_lab.shops.identity import Workspace
from migration_lab.shops.leases import shops

LOOKED_AT = frozenset((".py", ".ini", ".cfg", ".toml", ".yaml", ".yml", ".json", ".sql"))
COMMENTS = ("#", ";", "--")
MOST_BYTES = 1024**2  # of one file; what people write is shorter


class OwnDatabaseError(LabError):
    """The learner's code does not read the database's address from DATABASE_URL; `cause` is the verdict's sentence."""

    cause = "The app, or a revision, does not take the database's address from DATABASE_URL."

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            'Read the address from the environment there: `os.environ["DATABASE_URL"]`. Then check again.',
        )


class OwnFolderError(LabError):
    """The learner's code names the learner's folder, from the root of the disk; `cause` is the verdict's sentence."""

    cause = "A path from the root of the disk is right on one machine, and in one folder."

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            "Write the path as seen from the folder in which commands run, or from the file, with "
            "`Path(__file__).parent`. Then check again.",
        )


def refuse_own_addresses(workspace: Workspace, copied: Path) -> None:
    """Check that no file of a copy names the learner's database, or its folder.

    Args:
        workspace: the learner's.
        copied: where the copied files are.

    Raises:
        OwnDatabaseError: one names the database; the message says which, and the line.
        OwnFolderError: one names the folder, for something else; likewise.
    """
    database, folders = {make_url(workspace.url).database or ""} - {""}, _folders(workspace)
    for path in sorted(copied.rglob("*")):
        if path.suffix in LOOKED_AT and path.is_file() and not path.is_symlink():
            file, copies = path.relative_to(copied), "and a check works on a copy."
            if line := _first_line(path, database):
                raise OwnDatabaseError(
                    f"The app opens your own database by its absolute address, in {file}, line {line}, {copies}"
                )
            if line := _first_line(path, folders):
                raise OwnFolderError(
                    f"The app names your own folder by its absolute path, in {file}, line {line}, {copies}"
                )


def _folders(workspace: Workspace) -> set[str]:
    """The learner's folder and the one around it, in all spellings."""
    found = (form for each in (workspace.folder, shops()) for form in (each.absolute(), each.resolve()))
    return {spelt for each in found for spelt in (str(each), each.as_posix())}


def _first_line(path: Path, names: set[str]) -> int | None:
    """The first line in which a name is used; comments and docstrings do not count."""
    if path.stat().st_size > MOST_BYTES:
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    if not any(name in text for name in names):
        return None
    texts = _strings(text) if path.suffix == ".py" else _lines(text)
    return next((line for line, said in texts if any(name in said for name in names)), None)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(COMMENTS):
            yield number, line


def _strings(text: str) -> Iterator[tuple[int, str]]:
    """The strings of a Python file other than docstrings; all lines of any other file."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        yield from _lines(text)
        return
    alone = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    found = [
        (each.lineno, each.value)
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in alone
    ]
    yield from sorted(found)
