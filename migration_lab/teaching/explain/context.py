"""What the text of an error says about where it arose: in a migration, in an app at work, or in another program."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from migration_lab.ground.authored import read_yaml
from migration_lab.teaching.explain.reading import Reading

WORDS = Path(__file__).with_name("context.yaml")
# They use it, or its database, but know nothing of `flask db`.
NOT_EVEN_WITH_ALEMBIC = {"Airflow", "psql", "a program that brings its own migrations"}
# A frame in a file that is neither Python's own nor a package's.
FRAME = re.compile(
    r"\bFile (?![^,]{0,300}(?:[/\\]lib[/\\]python|site-packages|dist-packages|\.pyx,))(?!<)\S[^,]{0,300}, line \d+"
)


@dataclass(frozen=True)
class Context:
    """Where an error arose.

    Attributes:
        other: the framework or program whose error it is, if it is not one of Flask and SQLAlchemy.
        is_migration: whether a migration was running, as far as the text shows.
        at_run_time: whether an app was running rather than a migration.
        is_own_program: whether the traceback names neither Flask nor SQLAlchemy.
    """

    other: str | None
    is_migration: bool
    at_run_time: bool
    is_own_program: bool


def context(reading: Reading) -> Context:
    """What the words around an error say about where it arose."""
    said = {name for name, pattern in _words().items() if pattern.search(reading.flat)}
    other = next((name for name, pattern in _others().items() if pattern.search(reading.flat)), None)
    if other not in NOT_EVEN_WITH_ALEMBIC and "alembic" in said:
        other = None
    changes_schema = "changes_schema" in said
    at_run_time = not changes_schema and "deep" not in said and bool(said & {"request", "changes_rows"})
    return Context(
        other=other,
        is_migration=changes_schema or ("alembic" in said and not at_run_time),
        at_run_time=at_run_time,
        is_own_program=not said & {"stack", "alembic"} and FRAME.search(reading.flat) is not None,
    )


@cache
def _words() -> dict[str, re.Pattern[str]]:
    """The signs of a migration, an app and so on, by the names of context.yaml."""
    return {name: re.compile("|".join(found)) for name, found in read_yaml(WORDS).items() if name != "others"}


@cache
def _others() -> dict[str, re.Pattern[str]]:
    """The signs of each other framework or program, by its name."""
    return {name: re.compile("|".join(found)) for name, found in read_yaml(WORDS)["others"].items()}
