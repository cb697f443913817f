"""Whether a downgrade that loses something says so. People judge what it says; only silence is detected here."""

import ast
import io
import tokenize
from typing import Any

from migration_lab.teaching.judging.database import Snapshot
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.walk import Walk
from migration_lab.teaching.judging.words import text_of


def expect_stated(walk: Walk, column: str) -> None:
    """Each downgrade of a walk that loses something, leaves something or refuses says so.

    Args:
        column: "users.language", which holds the values. Values that arrived during the walk do not count.

    Raises:
        Miss: a `downgrade()` drops the column, leaves other values in it than the upgrade wrote, changes no schema or
            refuses, and has neither docstring nor comment.
    """
    walk.again()
    head, lived = walk.head.values_of(column), walk.lived.values_of(column)
    old = {each for each, value in head.items() if lived.get(each) == value}
    up = {stop.snapshot.revisions: stop.snapshot for stop in walk.stops if stop.way == "up"}
    files = {each.id: each.path for each in walk.database.history().revisions}
    before = walk.lived
    for stop in [each for each in walk.stops if each.way == "down"][: None if walk.refuses else -1]:
        revision, now = before.revisions[0], stop.snapshot
        if walk.refuses and stop is walk.stops[-1]:
            does = "refuses"
        elif now.column(column) is None:
            does = f"drops `{column}`"
        elif now.schema != (was := up.get(now.revisions, walk.start)).schema:
            does = "leaves another schema than there was before its `upgrade()`"
        elif _of(old, column, now) != _of(old, column, was):
            does = f"leaves other values in `{column}` than there were before the upgrade"
        else:
            does = ""
        if does and not says_something(text_of(files[revision])):
            raise Miss(
                expected="A `downgrade()` that loses something, leaves something or refuses says so.",
                found=f"The `downgrade()` of {revision} {does}, and does not say so.",
                next_step="Say in the docstring of `downgrade()` what happens to the values.",
            )
        before = now


def says_something(source: str) -> bool:
    """Whether the `downgrade()` of a revision has a docstring, a comment, or an error that it raises itself."""
    for each in ast.parse(source).body:
        if isinstance(each, ast.FunctionDef) and each.name == "downgrade":
            tokens = tokenize.generate_tokens(io.StringIO(source).readline)
            comments = (token.start[0] for token in tokens if token.type == tokenize.COMMENT)
            return (
                bool(ast.get_docstring(each))
                or any(isinstance(part, ast.Raise) for part in ast.walk(each))
                or any(each.lineno <= line <= (each.end_lineno or 0) for line in comments)
            )
    return False


def _of(rows: set[Any], column: str, where: Snapshot) -> dict[Any, Any]:
    return {each: value for each, value in where.values_of(column).items() if each in rows}
