"""How migrations run: what migrations/env.py promises."""

import logging

from flask import Flask
from flask_migrate import current
from sqlalchemy import text

from shop.extensions import db


def test_foreign_keys_hold_again_after_a_migration(app: Flask) -> None:
    current()

    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_migration_leaves_no_setting_behind(app: Flask) -> None:
    current()

    if db.engine.dialect.name == "postgresql":
        with db.engine.connect() as connection:
            assert connection.scalar(text("SHOW lock_timeout")) == "0"
            assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0


def test_a_migration_leaves_the_service_its_logs(app: Flask) -> None:
    log = logging.getLogger("shop")

    current()

    assert not log.disabled
