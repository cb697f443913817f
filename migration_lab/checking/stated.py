"""Whether a downgrade that loses something says so. What it says is for people to judge; silence can be seen."""

import ast
import io
import tokenize

from migration_lab.checking.copies import Copy
from migration_lab.checking.expectations import Expectation
from migration_lab.checking.trial import Trial

STATED = Expectation(
    "stated",
    "a `downgrade()` that loses something, leaves something or refuses says so",
    cause="It does what it does without a word, and the next reader finds out when it is too late.",
    next_step="Say in the docstring of `downgrade()` what becomes of the values.",
)


def expect_stated(trial: Trial, table: str, column: str, down_to: str) -> None:
    """STATED: step up and down one revision at a time, in a fresh copy, and look at what each way back does.

    Args:
        trial: its judge declares STATED.
        table, column: what holds the values; who drops it, loses them.
        down_to: the revision to stop at.

    Raises:
        Unmet: a `downgrade()` drops the column, leaves other values in it than it had before, changes no schema or
            fails, and has neither docstring nor comment.
    """
    copy = trial.fresh()
    values = {}  # what the column held before each revision
    while True:
        before = _values(copy, table, column)
        if copy.flask("db", "upgrade", "+1").exit_code != 0:  # there is no further one
            break
        values[copy.stands_at()[0]] = before
    files = {each.id: each.path for each in copy.history().revisions}
    while copy.stands_at() not in ((down_to,), ()):
        revision, schema = copy.stands_at()[0], copy.schema()
        fails = copy.flask("db", "downgrade").exit_code != 0
        now = copy.schema()
        found = now.table(table)
        if fails:
            does = "refuses"
        elif now == schema:
            does = "leaves all as it is"
        elif not (found and found.column(column)):
            does = f"drops `{table}.{column}`"
        elif _values(copy, table, column) != values.get(revision):
            does = f"leaves other values in `{table}.{column}` than there were before the upgrade"
        else:
            does = ""
        trial.expect(
            STATED.id,
            not does or says_something(files[revision].read_text(encoding="utf-8")),
            expected="A `downgrade()` that loses something, leaves something or refuses says so.",
            found=f"The one of {revision} {does}, without a word.",
        )
        if fails:
            return


def _values(copy: Copy, table: str, column: str) -> list[tuple[object, object]]:
    """The column with the id of each row; None in each row while there is no such column."""
    return [(row.get("id"), row.get(column)) for row in copy.rows_of(table)]


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
