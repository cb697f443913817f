"""Whether a downgrade that loses something says so. What it says is for people to judge; silence can be seen."""

import ast
import io
import tokenize
from pathlib import Path

from migration_lab.checking.expectations import Expectation
from migration_lab.checking.trial import Trial

STATED = Expectation(
    "stated",
    "a `downgrade()` that loses something, leaves something or refuses says so",
    cause="It does what it does without a word, and the next reader finds out when it is too late.",
    next_step="Say in the docstring of `downgrade()` what becomes of the values.",
)


def expect_stated(trial: Trial, table: str, column: str, down_to: str) -> None:
    """STATED: step down one revision at a time, in a fresh copy, and look at what each step does.

    Args:
        trial: its judge declares STATED.
        table, column: what holds the values; who drops it, loses them.
        down_to: the revision to stop at.

    Raises:
        Unmet: a `downgrade()` drops the column, changes no schema or fails, and has neither docstring nor comment.
    """
    copy = trial.fresh()
    copy.flask("db", "upgrade")
    files = {each.id: each.file for each in copy.history().revisions}
    while copy.stands_at() not in ((down_to,), ()):
        revision, before = copy.stands_at()[0], copy.schema()
        fails = copy.flask("db", "downgrade").exit_code != 0
        found = copy.schema().table(table)
        does = "refuses" if fails else "leaves all as it is" if copy.schema() == before else ""
        does = does or ("" if found and found.column(column) else f"drops `{table}.{column}`")
        path = copy.folder / "migrations" / "versions" / Path(files[revision]).name
        trial.expect(
            STATED.id,
            not does or says_something(path.read_text(encoding="utf-8")),
            expected="A `downgrade()` that loses something, leaves something or refuses says so.",
            found=f"The one of {revision} {does}, without a word.",
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
