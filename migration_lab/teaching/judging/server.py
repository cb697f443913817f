"""Revisions that write to more than their own database: to the server's catalog, or to what all databases share."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from migration_lab.teaching.judging.words import code_of, text_of

if TYPE_CHECKING:
    from migration_lab.teaching.judging.judge import Judge

CATALOG = re.compile(r"\b(?:UPDATE|INSERT\s+INTO|DELETE\s+FROM)\s+(?:pg_catalog\.)?(pg_(?!temp)\w+)", re.IGNORECASE)
# Not `IN DATABASE`: that is a setting of one database, and is seen there.
SHARED = re.compile(
    r"\b((?:CREATE|DROP)\s+(?:ROLE|DATABASE|TABLESPACE)|ALTER\s+SYSTEM|"
    r"ALTER\s+(?:ROLE|USER(?!\s+MAPPING))(?!(?:(?!\bSET\b)[^;])*\bIN\s+DATABASE\b))\s",
    re.IGNORECASE,
)


def expect_one_database(judge: "Judge") -> None:
    """What was written in `migrations/` changes neither the server's catalog nor roles and settings of the server.

    It is read there: such a setting would still be there at the next check, and for whatever else runs.

    Raises:
        Miss: a file does.
    """
    traces = judge.traces
    written = [traces.database.folder / each for each in (*traces.changed, *traces.added) if "migrations/" in each]
    files = [each for each in written if each.suffix in (".py", ".sql")]
    judge.expect_none(
        [f"`{path.name}` writes to `{found[1]}`." for path in files if (found := CATALOG.search(text_of(path)))],
        expected="The revisions run in a new database of any role that owns it.",
        cause="Only a superuser may write to the server's catalog, and the server does not check what comes there.",
        next_step="Use a statement, such as `ALTER TABLE`: the server changes its catalog itself.",
    )
    judge.expect_none(
        [
            f"`{path.name}` says `{' '.join(found[1].split())}`."
            for path in files
            if (found := SHARED.search(_code(path)))
        ],
        expected="The revisions change nothing outside their own database.",
        cause="Roles and settings of the server belong to all its databases, and stay when this one is gone.",
        next_step="Limit a setting to the revision: `SET LOCAL`. Leave roles to those who run the server.",
    )


def _code(path: Path) -> str:
    return code_of(text_of(path)).replace("\\n", "\n")  # a syntax tree shows the lines of a text in one
