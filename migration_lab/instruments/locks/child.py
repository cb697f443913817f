"""What runs in the watching process: samples, one JSON line each, until its parent is gone."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from migration_lab.shops.companion import say, told


def main() -> None:
    """Sample at the pace that the first thing told names, until the lease ends."""
    orders = told()
    task = next(orders, None)
    if task is None:
        return
    threading.Thread(target=_leave_with_parent, args=(orders,), daemon=True).start()
    try:
        _watch(task)
    except Exception as error:  # every kind of failure is a sentence in the parent, and ends this process
        said = str(error).strip().splitlines() or [type(error).__name__]
        print(said[0].rstrip("."), flush=True)


def _watch(task: dict[str, Any]) -> NoReturn:
    sampler: Any
    if task["engine"] == "sqlite":
        from migration_lab.instruments.locks import sqlite

        sampler = sqlite.Sampler(task["file"])
    else:
        from migration_lab.instruments.locks import postgres

        sampler = postgres.Sampler(task["parameters"])
    while True:
        due = time.monotonic() + task["every"]
        say(sampler.sample())
        time.sleep(max(due - time.monotonic(), task["every"] / 4))  # a slow server gets time between samples


def _leave_with_parent(orders: Iterator[Any]) -> None:
    for _ in orders:
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
