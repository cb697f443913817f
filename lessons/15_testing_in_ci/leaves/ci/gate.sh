#!/bin/sh
# What every change has to pass, here as in CI. DATABASE_URL names an empty database, on SQLite or on Postgres.
set -eux
: "${DATABASE_URL:?must name an empty database: the gate goes up and down in it}"
export FLASK_APP=shop

flask db upgrade    # the whole history runs on a fresh database, and has one head
flask db check      # the models agree with the result, as far as autogenerate can see
flask schema check  # the schema on file agrees with it in everything else
python -m pytest    # the service works with it

flask db downgrade  # a step down and up again
flask db upgrade
flask schema check  # ... ends where it began
