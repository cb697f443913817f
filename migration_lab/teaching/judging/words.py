"""A command's output, a value or a file in words for learners, the same on every machine."""

import ast
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from migration_lab.instruments.query import as_shown

_LOG_PREFIX = re.compile(r"^(INFO|WARNI?N?G?|ERROR)\s+\[[\w.]+\]\s+")
_FILE_LINE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_NOISE = re.compile(r"^\(Background on this error at: |^\s*$")
# Its address differs from run to run.
_DEFAULT = re.compile(r"^(Dialect impl|User defined function) <.*> detected (?=server default )")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")  # as SQLite keeps one, in UTC
_MOST_LINES = 6
_MOST_CHARACTERS = 500  # of a line: the text of an SQL statement, but not the whole of a table in it


def error_in(output: str, folder: Path) -> str:
    """The error that ends a command's output: its last lines, and the line of the learner's file it comes from.

    Args:
        output: all that the command printed.
        folder: where it ran; paths below it are relative to it, so that the words are stable.
    """
    lines = [_cut(line) for line in output.rstrip().splitlines()]
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        plain = [line for line in lines if not _NOISE.match(line) and not line.startswith("INFO")]
        return relative("\n".join(_LOG_PREFIX.sub("", line) for line in plain[-_MOST_LINES:]), folder)
    trace = lines[starts[-1] + 1 :]
    end = next((number for number, line in enumerate(trace) if line and not line[0].isspace()), 0)
    words = [line for line in trace[end:] if not _NOISE.match(line)][:_MOST_LINES]
    inside = [match for line in trace if (match := _FILE_LINE.search(line)) and _is_below(match["file"], folder)]
    if inside:
        words.append(f"(in {_below(inside[-1]['file'], folder)}, line {inside[-1]['line']})")
    return relative("\n".join(words), folder)


def differences_in(output: str) -> list[str]:
    """What `flask db check` or `flask db migrate` detected, a line each: "Detected added column 'users.nickname'".

    On Postgres it also says which sequences it leaves out. These are no differences.
    """
    lines = [_LOG_PREFIX.sub("", _cut(line)).strip() for line in output.splitlines()]
    lines = [_DEFAULT.sub("Detected ", line) for line in lines]
    return [line for line in lines if line.startswith("Detected ") and not line.startswith("Detected sequence named ")]


def listed(lines: list[str], most: int = 5) -> str:
    """Lines below each other; a long list is cut, with the number of the rest."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def text_of(file: Path) -> str:
    """A file's text, whatever encoding an editor saved it in."""
    raw = file.read_bytes()
    with suppress(UnicodeDecodeError):
        return raw.decode("utf-16" if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    return raw.decode("latin-1")


def code_of(text: str) -> str:
    """A Python file as a syntax tree, without comments and docstrings; the text itself if it is not valid Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    for each in ast.walk(tree):
        if isinstance(each, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(each) is not None:
            each.body = each.body[1:]
    return ast.dump(tree)


def shown(value: object) -> str:
    """A value of a row, formatted for sentences, the same on both engines: 'text', NULL, 2026-05-01 09:30:00."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    elif isinstance(value, str):
        if not _MOMENT.fullmatch(value):
            return repr(value)
        value = value.removesuffix(".000000")
    return as_shown(value)


def _cut(line: str) -> str:
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


def _is_below(file: str, folder: Path) -> bool:
    return Path(file).is_relative_to(folder) or Path(file).is_relative_to(folder.resolve())


def _below(file: str, folder: Path) -> str:
    root = folder if Path(file).is_relative_to(folder) else folder.resolve()
    return Path(file).relative_to(root).as_posix()


def relative(text: str, folder: Path) -> str:
    """The text with paths relative to a folder, the same on every machine."""
    for root in {str(folder), str(folder.resolve())}:
        text = text.replace(f"{root}/", "").replace(root, ".")
    return text


def revision_names(ids: Iterable[str]) -> str:
    """Revisions, formatted for learners: "`0030` and `0031`"."""
    return " and ".join(f"`{each}`" for each in ids) or "no revision"
