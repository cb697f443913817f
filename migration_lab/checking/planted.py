"""Negative control: models and database are compared by the engine itself, and a planted difference has to be seen."""

import secrets
from collections.abc import Collection

from migration_lab.checking.database import Database
from migration_lab.checking.expectations import Miss
from migration_lab.checking.words import error_in, listed
from migration_lab.models import Models, read_models


def expect_seen(database: Database, *, by_hand: Collection[str] = ()) -> None:
    """`flask db check`, which found nothing, tells the truth: nothing differs, and it sees what does.

    Args:
        database: at the head of the files.
        by_hand: tables and parts of tables that no model describes, and that the ticket lets stay.

    Raises:
        Miss: models and database differ, or the check does not see a column that somebody has added by hand.
    """
    models = read_models(database.workspace, database.url)
    if models.fault:
        raise Miss(
            expected="The app can be loaded, with its models.",
            found=error_in(models.fault, database.folder),
            next_step="Run `flask run` or `flask db current`, and read the first error.",
        )
    known = [each for each in models.differences if not any(name in each for name in by_hand)]
    if known:
        raise Miss(
            expected="Models and database agree.",
            found=listed(["`flask db check` finds nothing. Alembic, asked without `migrations/env.py`, finds:", *known]),
            cause="Something leaves a difference out of the comparison, or the models are not there for the app.",
            next_step="Look for `include_object`, `include_name` and `compare_type` where the app and "
            "`migrations/env.py` are set up, and at what imports the models.",
        )
    name = _plant(database, models)
    said = database.flask("db check").output
    unseen = [table for table in _planted(database, models) if f"{table}.{name}" not in said]
    _remove(database, models, name)
    if unseen:
        raise Miss(
            expected="When somebody adds a column to a table by hand, `flask db check` detects it.",
            found=f"It does not see a column that was added to {' and '.join(f'`{each}`' for each in unseen)}.",
            cause="The check is silent, whatever the database holds: tables are left out of the comparison, the "
            "metadata is read from the database, or the command was replaced.",
            next_step="Look for `include_object`, `include_name` and `reflect` where the app and `migrations/env.py` "
            "are set up, and take it out.",
        )


def _planted(database: Database, models: Models) -> list[str]:
    return [each for each in models.tables if database.schema().table(each)]


def _plant(database: Database, models: Models) -> str:
    """A column in each table of the models, under a name that nobody can expect."""
    name = f"x{secrets.token_hex(4)}"
    for table in _planted(database, models):
        database.execute(f'ALTER TABLE "{table}" ADD COLUMN {name} INTEGER')
    return name


def _remove(database: Database, models: Models, name: str) -> None:
    for table in _planted(database, models):
        database.execute(f'ALTER TABLE "{table}" DROP COLUMN {name}')
