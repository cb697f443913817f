"""The migrations of the billing team: in the shop's database, with a version table of their own."""

from logging.config import fileConfig

from alembic import context
from flask import current_app

fileConfig(context.config.config_file_name, disable_existing_loggers=False)

with current_app.extensions["migrate"].db.engine.connect() as connection:
    context.configure(connection=connection, version_table="alembic_version_billing", transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
