"""How much memory the lab takes, shared pages counted once (PSS); where the system does not tell, private pages."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from benchmarks.figure import Figure
from benchmarks.kernels import code_cells, kernel
from migration_lab.ground import engines, places

if TYPE_CHECKING:
    from psutil import Process

IDLE_SECONDS = 2.0  # until the server has done what it does after its start
NOTEBOOK = "02_first_migration.ipynb"


def figures(repetitions: int = 1, cells: int | None = None) -> Iterator[Figure]:
    """The idle server, and a kernel in which lesson 02 has run. Memory hardly varies: it is measured once.

    Args:
        cells: how many of the lesson's cells are run; by default all.
    """
    if engines.why_no_postgres() is None and not os.environ.get("LAB_POSTGRES_URL"):
        time.sleep(IDLE_SECONDS)
        yield Figure("the idle Postgres server, all its processes", megabytes(server()), "MB")
    with kernel("notebooks") as running:
        for cell in code_cells(places.course_root() / "notebooks" / NOTEBOOK)[:cells]:
            running.run(cell)
        process = psutil.Process(running.pid)
        yield Figure("a kernel after lesson 02", megabytes([process]), "MB")
        yield Figure("its helpers (the forkserver)", megabytes(process.children(recursive=True)), "MB")


def server() -> list["Process"]:
    """The processes of the lab's own server."""
    from migration_lab.ground.engines.postgres.watcher import server_processes

    houses = (places.state().absolute() / "postgres").glob("*/data")
    return [process for data in houses for process in server_processes(os.path.realpath(data))]


def megabytes(processes: Iterable["Process"]) -> float:
    """What the processes take together, in millions of bytes."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            info = process.memory_full_info()
            total += getattr(info, "pss", info.uss)
    return total / 1e6
