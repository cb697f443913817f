"""Whether a downgrade that loses something says so. What it says is for people to judge; silence can be seen."""

import ast
import io
import tokenize

from migration_lab.checking.database import Database, Snapshot
from migration_lab.checking.expectations import Miss


def expect_stated(copy: Database, column: str, down_to: str) -> None:
    """Step up and down one revision at a time, and look at what each way back does.

    Args:
        copy: a fresh copy, at the start.
        column: "users.language", what holds the values; a downgrade that drops it, loses them.
        down_to: the revision to stop at.

    Raises:
        Miss: a `downgrade()` drops the column, leaves other values in it than it had before, changes no schema or
            fails, and has neither docstring nor comment.
    """
    before: dict[str, Snapshot] = {}  # what the database held before each revision
    while True:
        held = copy.snapshot()
        if copy.flask("db upgrade +1").exit_code != 0:  # there is no further one
            break
        before[copy.stands_at()[0]] = held
    files = {each.id: each.path for each in copy.history().revisions}
    while copy.stands_at() not in ((down_to,), ()):
        revision = copy.stands_at()[0]
        fails = copy.flask("db downgrade").exit_code != 0
        now, was = copy.snapshot(), before[revision]
        if fails:
            does = "refuses"
        elif now.column(column) is None:
            does = f"drops `{column}`"
        elif now.schema != was.schema:
            does = "leaves something of what its `upgrade()` makes"
        elif now.values_of(column) != was.values_of(column):
            does = f"leaves other values in `{column}` than there were before the upgrade"
        else:
            does = ""
        if does and not says_something(files[revision].read_text(encoding="utf-8")):
            raise Miss(
                expected="A `downgrade()` that loses something, leaves something or refuses says so.",
                found=f"The one of {revision} {does}, without a word.",
                cause="It does what it does in silence, and the next reader finds out when it is too late.",
                next_step="Say in the docstring of `downgrade()` what becomes of the values.",
            )
        if fails:
            return


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
