"""The tables in benchmarks/README.md, between two markers for each part."""

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

import psutil

from benchmarks.figure import HEAD, Figure
from migration_lab.ground import engines

PAGE = Path(__file__).with_name("README.md")
PACKAGES = ("flask-migrate", "alembic", "sqlalchemy", "jupyterlab")


def written(page: str, name: str, text: str) -> str:
    """The page with `text` between the markers of a part.

    Raises:
        ValueError: the page has no such part.
    """
    begin, end = f"<!-- {name}: made by `python -m benchmarks` -->", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"{PAGE.name} has no place for {name}: put {begin} and {end} on lines of their own.")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    return "\n".join([HEAD, *(figure.row() for figure in figures)])


def machine() -> str:
    """On what was measured, in one sentence; no names of machines, users or folders."""
    memory = psutil.virtual_memory().total / 1e9
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"Measured on {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB of memory, "
        f"load {os.getloadavg()[0]:.1f} at the start; Python {platform.python_version()}, {postgres()}, {packages}."
    )


def postgres() -> str:
    """The version of the server that was used."""
    if engines.why_no_postgres():
        return "no PostgreSQL"
    import psycopg

    from migration_lab.ground.connect import to_server
    from migration_lab.ground.engines.postgres import attach

    connection: psycopg.Connection = to_server(attach())
    with connection:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"
