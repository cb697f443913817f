"""Postgres: the course's own server from a wheel, or the one that `LAB_POSTGRES_URL` names."""

from migration_lab.ground.engines.postgres.engine import Postgres, attach, stop

__all__ = ["Postgres", "attach", "stop"]
