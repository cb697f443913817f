"""How migrations run: what migrations/env.py promises."""

import logging
from contextlib import ExitStack

from flask import Flask
from flask_migrate import current
from sqlalchemy import text

from shop.extensions import db

# A setting that a migration changes for itself, and what the service must find afterwards.
SETTING = {"sqlite": ("PRAGMA foreign_keys", 1), "postgresql": ("SHOW lock_timeout", "0")}
ADVISORY_LOCKS = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid
    WHERE locktype = 'advisory' AND datname = current_database()
"""


def test_a_migration_leaves_no_setting_and_no_lock_behind(app: Flask) -> None:
    question, as_before = SETTING[db.engine.dialect.name]

    current()

    with ExitStack() as stack:
        pool = [stack.enter_context(db.engine.connect()) for _ in range(5)]  # as many as the pool keeps
        assert [each.scalar(text(question)) for each in pool] == [as_before] * 5
        if db.engine.dialect.name == "postgresql":
            assert pool[0].scalar(text(ADVISORY_LOCKS)) == 0


def test_a_migration_leaves_the_service_its_logs(app: Flask) -> None:
    log = logging.getLogger("shop")

    current()

    assert not log.disabled
