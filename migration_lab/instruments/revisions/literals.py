"""Reads the plain values of a revision file without running it.

A file may be broken, and reading it must have no effect.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from migration_lab.ground.errors import LabError

ATTRIBUTES = ("revision", "down_revision", "branch_labels", "depends_on")
UNKNOWN = object()  # the value of a name that is known only by running the file
# Statements that could set a name without an assignment to it.
BACK_DOORS = re.compile(rb"\b(?:exec|eval|globals|locals|vars|setattr|global)\b")
BACK_DOOR_NAMES = frozenset(("exec", "eval", "globals", "locals", "vars", "setattr"))


@lru_cache(1024)
def read_literals(name: str, source: bytes) -> Mapping[str, Any] | None:
    """The `ATTRIBUTES` that a file has, and its docstring as `doc`; each of a shop's copies has the same files.

    Args:
        name: how to call the file in an error.
        source: its text.

    Returns:
        None if one of them is computed, imported or set on a condition, so that it is known only by running the file.

    Raises:
        LabError: the file is not Python.
    """
    tree = _parsed(name, source)
    if BACK_DOORS.search(source) and _has_back_door(tree):
        return None
    values = _Values()
    for statement in tree.body:
        values.take(statement)
    said = {each: values.of(each) for each in ATTRIBUTES if each in values.known or values.may_be_more}
    if any(value is UNKNOWN for value in said.values()):
        return None
    return said | {"doc": ast.get_docstring(tree) or ""}


def _parsed(name: str, source: bytes) -> ast.Module:
    try:
        with warnings.catch_warnings():  # a warning about "\d" in the file is for its author
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.args[0] if error.args else "it is nested too deeply"
        raise LabError(f"{name} is not Python: {reason}{line}.", "Correct the file.") from error


def _has_back_door(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Global) or (isinstance(node, ast.Name) and node.id in BACK_DOOR_NAMES)
        for node in ast.walk(tree)
    )


class _Values:
    """The values of a module's names after each of its outermost statements; UNKNOWN if in doubt."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.may_be_more = False  # after `from ... import *`

    def of(self, name: str) -> Any:
        """The value of a name; UNKNOWN also for one that has none here."""
        return self.known.get(name, UNKNOWN)

    def take(self, statement: ast.stmt) -> None:
        """Go on to the next statement."""
        match statement:
            case ast.Assign(targets, value):
                self._assign(statement, targets, self._evaluated(value))
            case ast.AnnAssign(target, _, value):
                if value is not None:
                    self._assign(statement, [target], self._evaluated(value))
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                self.known[name] = UNKNOWN
            case ast.Expr(ast.Constant()):
                pass
            case _:
                self._doubt(statement)

    def _assign(self, statement: ast.stmt, targets: list[ast.expr], value: Any) -> None:
        if value is UNKNOWN or not all(isinstance(target, ast.Name) for target in targets):
            self._doubt(statement)
            return
        for target in targets:
            if isinstance(target, ast.Name):
                self.known[target.id] = value

    def _evaluated(self, node: ast.expr) -> Any:
        """The value of a literal, or of one made of literals and names that are known."""
        match node:
            case ast.Constant(value):
                return value
            case ast.Name(name):
                value = self.of(name)
                return UNKNOWN if isinstance(value, list) else value  # a list with two names can change under either
            case ast.Tuple(parts) | ast.List(parts) | ast.Set(parts):
                values = [self._evaluated(part) for part in parts]
                if any(value is UNKNOWN for value in values):
                    return UNKNOWN
                return tuple(values) if isinstance(node, ast.Tuple) else values
        return UNKNOWN

    def _doubt(self, statement: ast.stmt) -> None:
        """Mark as UNKNOWN each name that a statement may set, and each list that it may change."""
        for node in ast.walk(statement):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                self.known = dict.fromkeys(self.known, UNKNOWN)
                self.may_be_more = True
            if isinstance(node, ast.Name) and isinstance(self.of(node.id), list):
                self.known[node.id] = UNKNOWN
            self.known |= dict.fromkeys(_names_in(node), UNKNOWN)


def _names_in(node: ast.AST) -> Iterator[str]:
    """The names that this part of a statement, without what is inside it, may give a value to or take one from."""
    match node:
        case ast.Name(name, ast.Store() | ast.Del()):
            yield name
        case ast.alias(name, alias):
            yield alias or name.partition(".")[0]
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
