"""The server of one test alone: who uses it, its processes, its house and its rows."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

from migration_lab.ground import places
from migration_lab.ground.engines import engine
from migration_lab.ground.engines.postgres import watcher
from migration_lab.ground.engines.postgres.house import House

USER = """
import sys
from pathlib import Path
from migration_lab.ground.engines import postgres
from migration_lab.ground.connect import to_server
parameters = postgres.attach()
print("attached", flush=True)
for line in sys.stdin:
    print(to_server(parameters).execute("SELECT 6 * 7").fetchone()[0], flush=True)
"""


class User:
    """Another process that uses the server, as a notebook's kernel does."""

    def __init__(self, python: str = sys.executable, **env: str) -> None:
        self.process = subprocess.Popen(
            [python, "-c", USER],
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.ask, self.answers = self.process.stdin, self.process.stdout

    def is_attached(self) -> bool:
        return self.answers.readline() == "attached\n"

    def can_query(self) -> bool:
        self.ask.write("\n")
        self.ask.flush()
        return self.answers.readline() == "42\n"

    def leave(self, how: signal.Signals | None = None) -> None:
        if how is not None:
            os.killpg(self.process.pid, how)
        self.ask.close()
        self.process.wait(60)
        self.answers.close()


@contextmanager
def users(count: int) -> Iterator[list[User]]:
    made = [User() for _ in range(count)]
    try:
        yield made
    finally:
        for user in made:
            if user.process.poll() is None:
                user.leave(signal.SIGKILL)


def data() -> str:
    (found,) = (places.state() / "postgres").glob("*/data")
    return os.path.realpath(found)


def house() -> House:
    return House(Path(data()).parent)


def postmasters() -> list[psutil.Process]:
    processes = watcher.server_processes(data())
    numbers = {process.pid for process in processes}
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a session's process that has ended meanwhile
            found += [process] if process.ppid() not in numbers else []
    return found


def watchers() -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [each for each in found if str(house().folder) in (each.info["cmdline"] or [])]


def eventually(condition: Callable[[], bool], limit: float = 60) -> bool:
    deadline = time.monotonic() + limit
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


def write(folder: Path, statement: str) -> None:
    connected = create_engine(engine("postgres").url(folder))
    with connected.begin() as connection:
        connection.execute(text(statement))
    connected.dispose()


def row(folder: Path) -> object:
    connected = create_engine(engine("postgres").url(folder))
    try:
        with connected.connect() as connection:
            return connection.execute(text("SELECT name FROM users")).scalar()
    finally:
        connected.dispose()
