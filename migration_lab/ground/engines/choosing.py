"""Finds an engine by its name, and which of them work on this machine."""

from migration_lab.ground.engines.interface import Engine
from migration_lab.ground.errors import LabError

# The engines are imported on demand: the Postgres driver takes a fifth of a second.


def engine(name: str) -> Engine:
    """The engine with this name.

    Raises:
        LabError: there is no such engine. Whether Postgres can run here is known only when it is used.
    """
    if name == "sqlite":
        from migration_lab.ground.engines.sqlite import SQLite

        return SQLite()
    if name == "postgres":
        from migration_lab.ground.engines.postgres import Postgres

        return Postgres()
    raise LabError(f"There is no engine {name!r}.", "The engines are sqlite and postgres.")


def available() -> list[Engine]:
    """The engines that work on this machine; SQLite always does."""
    names = ["sqlite"] if why_no_postgres() else ["sqlite", "postgres"]
    return [engine(name) for name in names]


def why_no_postgres() -> str | None:
    """None if Postgres answers, after a start if necessary; else what is wrong and what to do, as text."""
    from migration_lab.ground.engines.postgres import attach

    try:
        attach()
    except LabError as error:
        return str(error)
    return None
