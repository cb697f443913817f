"""The errors in a text: by the class of the driver or the SQLSTATE of the server, and the line that names the cause."""

import re
from collections.abc import Iterator

from migration_lab.teaching.explain.reading import Reading

DRIVER_CLASS = re.compile(
    r"\b(?:psycopg2?(?:\.errors|\.errorcodes)?|asyncpg(?:\.exceptions(?:\._base)?)?|sqlalchemy\.dialects\.postgresql\.asyncpg)"
    r"\.(?P<name>[A-Z]\w+)|\bclass (?P<asyncpg>[A-Z]\w+Error)>: |(?:^|\s)(?P<alone>[A-Z][a-z]+[A-Z]\w+?)(?:Error)?: "
)
STATE = re.compile(
    r"\b(?:SQLSTATE|sqlstate|pgcode|C)\W{1,4}(?P<state>[0-9A-Z]{5})\b|(?:ERROR|FATAL): {1,2}(?P<verbose>[0-9A-Z]{5}): "
)

# A line that names an error: its class, dotted or not, and what it says; or a program's own word for it.
NAMED = re.compile(
    r"^\s*(?:(?:[A-Za-z_]\w*\.)+[A-Z]\w*|[A-Z]\w*(?:Error|Exception|Violation|Exit|Interrupt|NotFound)\w*)(?::|$)"
    r"|^\s*\((?:\w+\.)+\w+\) "
)
SAID = re.compile(r"^\s*(?:\S{1,60}\s+)?(?:Error|ERROR|FATAL|FAILED|CRITICAL|ERR|E|fatal|error)\b\]?[: ].*\S")
WARNING = re.compile(r"Warning\b|^\s*(?:INFO|DEBUG|WARNI?N?G?)\b")
CHAIN = re.compile(r"^\s*(?:The above exception was the direct cause|During handling of the above exception)")
CONSEQUENCE = re.compile(
    r"No such command|current transaction is aborted|transaction has been rolled back"
    r"|exit(?:ed)? (?:with )?(?:code|status)|Task .* failed"
)
DRIVER = re.compile(
    r"^\s*(?:psycopg2?|asyncpg|sqlite3|pymysql|MySQLdb|pg8000|oracledb|pyodbc|mysql)\.|\((?:psycopg2?|sqlite3|pymysql|MySQLdb|asyncpg|mysql|pg8000|sqlalchemy)\b[\w.]*\)"
)
NAME = re.compile(
    "\"[^\"\n]{1,200}\"|(?<!\\w)'[^'\n]{1,200}'|[\u201c\u201e][^\u201c\u201d\n]{1,200}[\u201d\u201c]|`[^`\n]{1,200}`|[\u2018][^\u2019\n]{1,200}\u2019"
)
TABLE_OR_COLUMN = re.compile(
    r"\b((?:relation|table|column|constraint|index|view|trigger|key|role|user|database|schema|sequence|Table|failed:|exists:|named|module)\s+)"
    r"(NAME)(?!\w)"
)


def classes(flat: str) -> Iterator[tuple[str, int]]:
    """The classes of database errors in a text without quotes, each with where it stands: `("DuplicateTable", 17)`."""
    for found in DRIVER_CLASS.finditer(flat):
        yield (found["name"] or found["asyncpg"] or found["alone"]).removesuffix("Error"), found.start()
    for found in STATE.finditer(flat):
        name = _class_of(found["state"] or found["verbose"])
        if name:
            yield name, found.start()


def cause(reading: Reading) -> str:
    """The line that matters: the first error of a chain, in the driver's words if a database refused something.

    Returns: the line, shortened; "" for a text without lines.
    """
    lines = [line.strip() for line in reading.lines]
    named = [line for line in lines if NAMED.match(line) and not WARNING.search(line)]
    driver = [line for line in named if DRIVER.search(line)]
    says_something = [line for line in named if len(line.split()) > 2]
    said = [line for line in lines if SAID.match(line) and not WARNING.search(line) and not NAMED.match(line)]
    for candidates in (driver, _first_chain(lines, says_something), named, said):
        for line in candidates:
            if not CONSEQUENCE.search(line):
                return line[:300]
    rest = named or said or lines[-1:]
    return rest[0][:300] if rest else ""


def _first_chain(lines: list[str], named: list[str]) -> list[str]:
    """The errors in order if they are a chain, else the last one first: it ended the command."""
    return named if any(CHAIN.match(line) for line in lines) else named[::-1]


def searchable(line: str) -> str:
    """What to search the web for: the line without the names of a project's own tables and columns, ids and values.

    A quoted word is kept if it is what went wrong: `near "ALTER"`, `type "vector"`, `KeyError: 'migrate'`.
    """
    text = re.sub(r"\b[0-9a-f]{10,40}\b", "\u2026", line)
    owned = TABLE_OR_COLUMN.pattern.replace("NAME", NAME.pattern)
    text = re.sub(owned, lambda found: f"{found[1]}\u2026", text)
    return re.sub(r"(constraint failed: )\w+(\.\w+)?", "\\1\u2026", text)


def _class_of(state: str) -> str | None:
    """The class that psycopg has for an SQLSTATE."""
    from psycopg import errors  # here, because few texts have one

    try:
        return errors.lookup(state).__name__
    except KeyError:
        return None
