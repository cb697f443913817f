"""Negative control: the judge compares models and database itself, and a planted difference must be reported."""

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from zlib import crc32

from migration_lab.instruments.models import Models, read_models
from migration_lab.instruments.schema import Schema
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.rows import quoted
from migration_lab.teaching.judging.words import differences_in, error_in, listed, relative

# Why the check finds something, by the beginning of Alembic's message; the last one is for all others.
WHY_IT_DIFFERS = (
    (
        "Detected removed table",
        "The database has the table, and no model that is loaded for every command describes it.",
    ),
    ("Detected added table", "A model describes the table, and no revision makes it."),
    ("Detected removed column", "A revision makes the column, and the model does not have it."),
    ("Detected added column", "The model has the column, and no revision makes it."),
    ("Detected server default", "The model and the database do not spell the same default in the same way."),
    ("", "A model says one thing and the revision another, or one of them was not changed."),
)


def expect_no_drift(
    database: Database,
    *,
    known: Collection[str] = (),
    by_hand: Collection[str] = (),
    folder: str = "",
    schema: Schema | None = None,
    empty: Collection[str] = (),
) -> None:
    """`flask db check` finds no difference, and can be trusted: it reports a planted one.

    Args:
        database: at the head of the files.
        known: differences, in Alembic's words, that the ticket allows; the check must find them.
        by_hand: tables and parts of tables that no model describes, and that the ticket allows.
        folder: where the app is, as seen from the database's folder.
        schema: what the database holds, if it has been read already.
        empty: columns such as "users.phone" that have no value until somebody gives one.

    Raises:
        Miss: the check finds something else, or does not see a column or an index that was added by hand; models and
            database differ, whatever the check says; a model writes a value into an empty column; or a module of the
            app cannot be imported.
    """
    tables = [each.name for each in (schema or database.schema()).tables if each.name not in by_hand]
    with planted(database, tables) as column:
        shop = replace(database.workspace, folder=database.folder / folder)
        models = read_models(shop, database.url)
    if models.fault:
        raise Miss(
            expected="The app can be loaded, with its models.",
            found=error_in(models.fault, database.folder),
            next_step="Run `flask db current`, and read the first error.",
        )
    found = differences_in(models.check_said)
    _expect_found(sorted(each for each in found if column not in each), sorted(known))
    seen = [each for each in tables if f"{each}.{column}" in models.check_said]
    _expect_seen([each for each in tables if each in models.tables and each not in seen], bool(found), models, database)
    _expect_indexes_seen([each for each in seen if _index(column, each) not in models.check_said])
    # A model that only env.py imports counts too: the check sees what is added to its table.
    _expect_agree(models, {column, *by_hand, *(each for each in seen if each not in models.tables)})
    _expect_nothing_written({name: models.defaults[name] for name in empty if name in models.defaults})
    if models.broken:
        raise Miss(
            expected="Each module of the app can be imported.",
            found=listed([relative(each, database.folder) for each in models.broken]),
            cause="The app no longer imports it, but something else still needs it.",
            next_step="Leave models and modules that were right as they were.",
        )
    if models.unfit:
        raise Miss(
            expected="The shop's first query does not fail: its models fit together.",
            found=models.unfit,
            cause="`flask db` does not use relationships, and every request does. One of them names what is not there.",
            next_step="Put back what the model lost, and start the shop before a release.",
        )


def _expect_found(found: list[str], known: list[str]) -> None:
    if found == known:
        return
    missing = [each for each in known if each not in found]
    raise Miss(
        expected=listed(["`flask db check` says:", *known]) if known else "`flask db check` finds no difference.",
        found=listed(found) or "It detects nothing.",
        cause="A model or a filter was changed so that the check is silent."
        if missing
        else next(cause for begin, cause in WHY_IT_DIFFERS if found[0].startswith(begin)),
        next_step="Decide which side is right, the model or the database, and change the other.",
    )


def _expect_seen(unseen: list[str], sees_something: bool, models: Models, database: Database) -> None:
    if not unseen:
        return
    failed = "Traceback" in models.check_said
    raise Miss(
        expected="When somebody adds a column to a table by hand, `flask db check` detects it.",
        found=error_in(models.check_said, database.folder)
        if failed
        else f"It does not see a column that was added to {' and '.join(f'`{each}`' for each in unseen)}.",
        cause=""
        if failed
        else "The table is left out of the comparison."
        if sees_something
        else "The check is silent, whatever the database holds: everything is left out of the comparison, the "
        "metadata is read from the database, or the command was replaced.",
        next_step="Look for `include_object`, `include_name` and `reflect` where the app and `migrations/env.py` are "
        "set up, and take it out.",
    )


def _expect_indexes_seen(unseen: list[str]) -> None:
    if unseen:
        raise Miss(
            expected="When somebody adds an index to a table by hand, `flask db check` detects it.",
            found=f"It does not see an index that was added to {' and '.join(f'`{each}`' for each in unseen)}.",
            cause="Indexes are left out of the comparison.",
            next_step="Look for `include_object` and `include_name` where the app and `migrations/env.py` are set up, "
            "and take out what leaves indexes out.",
        )


def _expect_agree(models: Models, known: Collection[str]) -> None:
    differ = [each for each in models.differences if not any(name in each for name in known)]
    if differ:
        raise Miss(
            expected="Models and database agree, whatever compares them.",
            found=listed(["Alembic, asked without the shop's `migrations/env.py`, finds:", *differ]),
            cause="Something leaves a difference out of the comparison, or the models are loaded for one command only.",
            next_step="Look for `include_object`, `include_name` and `compare_type` where the app and "
            "`migrations/env.py` are set up, and at what imports the models.",
        )


def _expect_nothing_written(defaults: Mapping[str, str]) -> None:
    for name, value in defaults.items():
        raise Miss(
            expected=f"Where a program names no value for `{name}`, there is none: NULL.",
            found=f"The model writes one: `default={value}`.",
            cause="The ticket gives no value. New rows would hold something else than the old ones, which have none.",
            next_step="Take `default=` out of the model.",
        )


@contextmanager
def planted(database: Database, tables: Collection[str]) -> Iterator[str]:
    """While a block runs, each of these tables has an extra column with an index, added by hand, with a random name."""
    name = f"x{secrets.token_hex(4)}"
    add = "ALTER TABLE {0} ADD COLUMN {1} INTEGER; CREATE INDEX {2} ON {0} ({1})"
    drop = "DROP INDEX IF EXISTS {2}; ALTER TABLE {0} DROP COLUMN {1}"  # SQLite keeps a column that has an index
    database.execute("; ".join(add.format(quoted(each), name, _index(name, each)) for each in tables))
    try:
        yield name
    finally:
        database.execute("; ".join(drop.format(quoted(each), name, _index(name, each)) for each in tables))


def _index(column: str, table: str) -> str:
    """The name of the index on a planted column: one for each table, and short, whatever the table is called."""
    return f"{column}_{crc32(table.encode()):x}"
