#!/bin/sh
# What every change has to pass. DATABASE_URL names an empty database.
set -u
export FLASK_APP=shop

flask db upgrade heads
flask db check
python -m pytest tests/test_users.py
