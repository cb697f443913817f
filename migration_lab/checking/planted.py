"""Negative control: models and database are compared by the engine itself, and a planted difference has to be seen."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from migration_lab.checking.database import Database
from migration_lab.checking.expectations import Miss
from migration_lab.checking.rows import quoted
from migration_lab.checking.words import differences_in, error_in, listed, relative
from migration_lab.models import read_models


def expect_no_drift(database: Database, *, by_hand: Collection[str] = ()) -> None:
    """`flask db check` finds nothing, and can be believed; as for `expect_seen`.

    Raises:
        Miss: it finds something, or it cannot be believed.
    """
    said = database.flask("db check")
    if said.exit_code != 0:
        raise Miss(
            expected="`flask db check` says that there is nothing to upgrade.",
            found=listed(differences_in(said.output)) or error_in(said.output, database.folder),
            cause="A model says one thing and the revision another, or one of them was not changed.",
            next_step="Decide which of the two is right, and change the other.",
        )
    expect_seen(database, by_hand=by_hand)


def expect_seen(database: Database, *, by_hand: Collection[str] = ()) -> None:
    """`flask db check`, which found nothing, can be believed: nothing differs, and it sees what does.

    Args:
        database: at the head of the files.
        by_hand: tables and parts of tables that no model describes, and that the ticket lets stay.

    Raises:
        Miss: models and database differ, or the check does not see a column that was added by hand.
    """
    tables = [each.name for each in database.schema().tables if each.name not in by_hand]
    with planted(database, tables) as column:
        models = read_models(database.workspace, database.url)
    if models.fault:
        raise Miss(
            expected="The app can be loaded, with its models.",
            found=error_in(models.fault, database.folder),
            next_step="Run `flask db current`, and read the first error.",
        )
    if models.broken:
        raise Miss(
            expected="Each module of the app can be imported.",
            found=listed([relative(each, database.folder) for each in models.broken]),
            cause="The app itself does without it now, and whoever needs it does not.",
            next_step="Leave models and modules that were right as they were.",
        )
    seen = [each for each in tables if f"{each}.{column}" in models.check_said]
    unseen = [each for each in tables if each in models.tables and each not in seen]
    if unseen:
        raise Miss(
            expected="When somebody adds a column to a table by hand, `flask db check` detects it.",
            found=f"It does not see a column that was added to {' and '.join(f'`{each}`' for each in unseen)}.",
            cause="The check is silent about it, whatever the database holds: the table is left out of the comparison, "
            "the metadata is read from the database, or the command was replaced.",
            next_step="Look for `include_object`, `include_name` and `reflect` where the app and `migrations/env.py` "
            "are set up, and take it out.",
        )
    # A model that only env.py imports is one as well: the check sees what is added to its table.
    known = {column, *by_hand, *(each for each in seen if each not in models.tables)}
    differ = [each for each in models.differences if not any(name in each for name in known)]
    if differ:
        raise Miss(
            expected="Models and database agree, whatever compares them.",
            found=listed(["Alembic, asked without the shop's `migrations/env.py`, finds:", *differ]),
            cause="Something leaves a difference out of the comparison, or the models are there for one command only.",
            next_step="Look for `include_object`, `include_name` and `compare_type` where the app and "
            "`migrations/env.py` are set up, and at what imports the models.",
        )


@contextmanager
def planted(database: Database, tables: Collection[str]) -> Iterator[str]:
    """While a block runs, each of these tables has one more column, added by hand, whose name cannot be guessed."""
    name = f"x{secrets.token_hex(4)}"
    database.execute("; ".join(f"ALTER TABLE {quoted(each)} ADD COLUMN {name} INTEGER" for each in tables))
    try:
        yield name
    finally:
        database.execute("; ".join(f"ALTER TABLE {quoted(each)} DROP COLUMN {name}" for each in tables))
