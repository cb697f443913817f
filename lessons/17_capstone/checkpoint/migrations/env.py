"""How migrations run. Alembic executes this file for every command that looks at the database.

Three promises, on Postgres:
- one process migrates at a time, however many replicas start at once
- no statement waits long for a lock, so that no request waits long behind it; the run is tried again instead
- each migration is a transaction of its own, in the script that `--sql` writes as well
"""

import logging
import time
from contextlib import contextmanager
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy.exc import OperationalError

LOCK_KEY = 20260112  # any number that no other program takes for an advisory lock of this database
LONGEST_WAIT_FOR_TURN = 600  # seconds: longer than the longest migration
LOCK_TIMEOUT = "2s"  # how long a statement, and every request behind it, may wait for a lock
ATTEMPTS = 10
PAUSE = 3  # seconds between two attempts, for the requests that have queued up

# Without the second argument the service's own loggers go silent when it migrates in its own process, as tests do.
fileConfig(context.config.config_file_name, disable_existing_loggers=False)
logger = logging.getLogger("alembic.env")

db = current_app.extensions["migrate"].db
configure_args = dict(current_app.extensions["migrate"].configure_args)
# Each migration lets go of its locks before the next one begins. Both modes get this, so that the script under review
# has the same boundaries as the run.
configure_args["transaction_per_migration"] = True


def leave_out_empty_revisions(_context, _revision, directives):
    """Write no file when autogenerate has found no change."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        logger.info("No changes in schema detected.")


configure_args.setdefault("process_revision_directives", leave_out_empty_revisions)


def write_script():
    """Write SQL for someone to review and run, instead of running it: `flask db upgrade --sql`."""
    context.configure(url=db.engine.url, target_metadata=db.metadata, literal_binds=True, **configure_args)
    if context.get_context().dialect.name == "postgresql":
        # A script cannot wait and try again. It stops when another migration is running; run it with
        # `psql --set ON_ERROR_STOP=1`. The lock ends with the session.
        context.execute(
            f"DO $$ BEGIN IF NOT pg_try_advisory_lock({LOCK_KEY}) THEN"
            " RAISE EXCEPTION 'another migration is running'; END IF; END $$"
        )
        context.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    with context.begin_transaction():
        context.run_migrations()


def migrate():
    """Bring the database up or down, or compare it with the models."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            with one_at_a_time(), short_waits_for_locks(connection):
                run_until_locks_are_free(connection)
        else:
            with foreign_keys_off(connection):
                run(connection)


def run(connection):
    """Run what the command asks for, once."""
    context.configure(connection=connection, target_metadata=db.metadata, **configure_args)
    with context.begin_transaction():
        context.run_migrations()


def run_until_locks_are_free(connection):
    """Run again when a lock was not available. Finished migrations are kept; the next run continues after them."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return run(connection)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03" or attempt == ATTEMPTS:  # lock_not_available
                raise
            connection.rollback()
            logger.warning("No lock within %s (attempt %d of %d).", LOCK_TIMEOUT, attempt, ATTEMPTS)
            time.sleep(PAUSE)


@contextmanager
def one_at_a_time():
    """Wait until no other process migrates this database, and keep others waiting meanwhile.

    The lock is asked for again and again. To wait inside Postgres would be a transaction that stays open, and an index
    that another process builds concurrently would wait for its end: a deadlock. For the same reason the lock has a
    connection of its own, on which every statement is a transaction.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        give_up = time.monotonic() + LONGEST_WAIT_FOR_TURN
        said = False
        while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK_KEY})").scalar():
            if not said:
                logger.info("Another process is migrating this database; waiting for it to finish.")
                said = True
            if time.monotonic() > give_up:
                raise CommandError("Another process has been migrating this database for too long.")
            time.sleep(0.5)
        try:
            yield
        finally:
            connection.invalidate()  # closes the session, and the lock ends with it, whatever happened before


@contextmanager
def short_waits_for_locks(connection):
    """Fail rather than wait long for a lock.

    A session that waits for a strong lock on a table blocks everyone who asks after it. A migration that gives up
    in time can be run again; the requests that it keeps waiting cannot.
    """
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.commit()  # so that no transaction is open: Alembic begins its own
    try:
        yield
    finally:
        connection.invalidate()  # the setting must not go back to the pool


@contextmanager
def foreign_keys_off(connection):
    """On SQLite, switch foreign keys off while migrations run, and check afterwards that none is broken.

    Batch mode copies a table and drops the old one. With foreign keys enforced, the drop deletes every row, and
    ON DELETE CASCADE deletes the rows that refer to them. SQLite ignores the pragma inside a transaction, so it
    comes before the first one begins.
    """

    def pragma(statement):
        rows = connection.exec_driver_sql(f"PRAGMA {statement}")
        found = set(rows.all()) if rows.returns_rows else set()
        connection.commit()
        return found

    broken_before = pragma("foreign_key_check")
    pragma("foreign_keys = OFF")
    try:
        yield
    finally:
        connection.rollback()
        pragma("foreign_keys = ON")
    for table, rowid, parent, _ in pragma("foreign_key_check") - broken_before:
        raise CommandError(f"Row {rowid} of {table} refers to a row of {parent} that is not there any more.")


if context.is_offline_mode():
    write_script()
else:
    migrate()
