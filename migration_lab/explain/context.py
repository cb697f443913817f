"""What the text of an error says about where it arose: in a migration, in an app at work, or in another program."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from migration_lab.authored import read_yaml
from migration_lab.explain.reading import Reading

OTHERS = Path(__file__).with_name("others.yaml")
NOT_EVEN_WITH_ALEMBIC = {"Airflow", "psql"}  # they use it, or its database, but know nothing of `flask db`

STACK = re.compile(r"alembic|flask|sqlalchemy|SQLAlchemy|\bSQL: |FLASK_APP|\(Background on this error", re.IGNORECASE)
ALEMBIC = re.compile(
    r"\balembic\b|flask_migrate|Flask-Migrate|\bflask (?:--?\w+ \S+ )?db\b|manage\.py db\b|migrations[/\\]|versions[/\\]\S{1,120}\.py"
    r"|\bmigrations?\.env\b|[/\\]env\.py\b|\benv\.py\b|alembic_version|_alembic_tmp_|Running (?:upgrade|downgrade|stamp_revision)"
    r"|\bop\.(?:\w+)\(|\bbatch_op\b|script\.py\.mako",
    re.IGNORECASE,
)
CHANGE_OF_SCHEMA = re.compile(
    r"(?:\bSQL: (?:u)?|STATEMENT: |LINE 1: |command: )(?:\\[nt]|\s)*(?:CREATE|ALTER|DROP|COMMENT ON|TRUNCATE|LOCK TABLE)\b",
    re.IGNORECASE,
)
CHANGE_OF_ROWS = re.compile(
    r"(?:\bSQL: |STATEMENT: |LINE 1: )(?:\\[nt]|\s)*(?:INSERT|UPDATE|DELETE|SELECT|WITH|MERGE)\b", re.IGNORECASE
)
REQUEST = re.compile(
    r"Exception on /\S* \[|HTTP/[12][.\d]*\W+(?:[45]\d\d)|full_dispatch_request|in dispatch_request|Exception in ASGI application"
    r"|starlette[/\\.]|uvicorn[/\\.]|\bin wsgi_app\b|views?[/\\.]|routes?[/\\.]py|[/\\](?:api|routes|views|resources|endpoints|routers|blueprints)[/\\.]|500 Internal Server Error|fastapi[/\\.]"
    r"|Session.s transaction has been rolled back|PendingRollbackError|raised as a result of Query-invoked autoflush|autoflush"
)
APP_CODE = re.compile(r"db\.session\.|session\.(?:add|commit|flush|execute)|\bin (?:commit|_flush|flush)\b")
DEEP = re.compile(
    r"File \S{0,300}(?:alembic|flask_migrate|migrations)[/\\]\S+, line|versions[/\\]\S{1,120}\.py|Running (?:upgrade|downgrade)"
    r"|_alembic_tmp_|alembic_version|\b(?:flask|manage\.py) db (?:upgrade|downgrade)|alembic (?:upgrade|downgrade)|\bop\.\w+\("
)
FRAME = re.compile(r"\bFile (?!<)\S[^,]{0,300}, line \d+")


@dataclass(frozen=True)
class Context:
    """Where an error arose.

    Attributes:
        other: the framework or program whose error it is, if it is not one of Flask and SQLAlchemy.
        is_migration: whether a migration was at work, for all that the text shows.
        at_run_time: whether an app was at work rather than a migration.
        is_own_program: whether the traceback knows neither Flask nor SQLAlchemy.
    """

    other: str | None
    is_migration: bool
    at_run_time: bool
    is_own_program: bool


def context(reading: Reading) -> Context:
    """What the words around an error say about where it arose."""
    text = reading.flat
    alembic = bool(ALEMBIC.search(text))
    other = next((name for name, pattern in _others().items() if pattern.search(text)), None)
    if other and alembic and other not in NOT_EVEN_WITH_ALEMBIC:
        other = None
    changes_schema, changes_rows = bool(CHANGE_OF_SCHEMA.search(text)), bool(CHANGE_OF_ROWS.search(text))
    deep = bool(DEEP.search(text))
    at_run_time = (
        not deep and not changes_schema and bool(REQUEST.search(text) or changes_rows or APP_CODE.search(text))
    )
    return Context(
        other=other,
        is_migration=changes_schema or (alembic and not at_run_time),
        at_run_time=at_run_time,
        is_own_program=bool(FRAME.search(text)) and not STACK.search(text) and not alembic,
    )


@cache
def _others() -> dict[str, re.Pattern[str]]:
    """What betrays each other framework or program, by its name."""
    return {name: re.compile("|".join(patterns)) for name, patterns in read_yaml(OTHERS).items()}
