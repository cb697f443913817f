"""The databases that the course runs on, behind one interface."""

from migration_lab.ground.engines.choosing import available, engine, why_no_postgres
from migration_lab.ground.engines.interface import Engine

__all__ = ["Engine", "available", "engine", "why_no_postgres"]
