"""What the instruments cost, how much the load generator reaches, and how fast a large table is filled."""

import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator

from sqlalchemy import create_engine, text

from benchmarks.figure import Figure, compared
from benchmarks.timing import seconds, side_by_side
from migration_lab.ground import course, engines
from migration_lab.ground.engines import Engine
from migration_lab.instruments import locks
from migration_lab.instruments.query import execute
from migration_lab.instruments.service import Service, serve
from migration_lab.instruments.traffic import ONE_ROW_EACH
from migration_lab.instruments.traffic import figures as figures_of
from migration_lab.shops.identity import Workspace
from migration_lab.shops.workspace import open_lesson

REPETITIONS = 5
PER_SECOND = 50.0
RUN_SECONDS = 4.0
FLOOD = 3000.0  # requests per second: more than any shop on a laptop answers
WHOLE_MILLION = 1_000_000
LESSON = "08"
READ = (("GET", "/users/1", None),)

SEED = {
    "postgres": "INSERT INTO seeded SELECT n, 'user' || n || '@example.com' FROM generate_series(1, {rows}) AS n",
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) "
    "INSERT INTO seeded SELECT n, 'user' || n || '@example.com' FROM numbers",
}


def figures(
    repetitions: int = REPETITIONS, run_seconds: float = RUN_SECONDS, rows: int = WHOLE_MILLION
) -> Iterator[Figure]:
    """What locks cost that are sampled, requests per second, and a million rows.

    Args:
        run_seconds: how long each run of requests takes.
        rows: how many are filled into a table.
    """
    for engine in engines.available():
        opened = open_lesson(course.lesson(LESSON), engine).workspace
        with serve(opened) as service:
            yield from cost(service, opened, repetitions, run_seconds)
            yield reach(service, engine, repetitions, run_seconds)
        yield seeding(engine, opened, rows, min(repetitions, 3))


def cost(service: Service, opened: Workspace, repetitions: int, run_seconds: float) -> Iterator[Figure]:
    """The shop's answers while the locks are sampled, against the same without it."""
    watched: list[tuple[float, float]] = []
    alone: list[tuple[float, float]] = []
    for repetition in range(repetitions):
        for watching in (True, False) if repetition % 2 == 0 else (False, True):
            (watched if watching else alone).append(waits(service, opened, run_seconds, watching=watching))
    for number, name in enumerate(("p50", "p99")):
        ours, other = (statistics.median(each[number] for each in waits) for waits in (watched, alone))
        what = f"{name} of the shop's answers while locks are sampled, {opened.engine.name}"
        yield Figure(what, ours, other=other, other_is="without it")


def waits(service: Service, opened: Workspace, run_seconds: float, *, watching: bool) -> tuple[float, float]:
    """Median and 99th percentile of what senders waited, in seconds."""
    requests = service.requests(per_second=PER_SECOND, mix=ONE_ROW_EACH)
    if watching:
        with locks.watch(opened.url), requests:
            time.sleep(run_seconds)
    else:
        with requests:
            time.sleep(run_seconds)
    found = figures_of(requests.outcomes)
    return found.median, found.p99


def reach(service: Service, engine: Engine, repetitions: int, run_seconds: float) -> Figure:
    """How many requests per second the generator gets answered, against a load tool that many know."""
    ours: list[float] = []
    other: list[float] = []
    for _ in range(repetitions):
        ours.append(flood(service, run_seconds))
        other += [found] if (found := wrk(service, run_seconds)) else []
    what = f"requests per second that the generator gets answered, {engine.name}"
    return Figure(
        what, statistics.median(ours), "/s", statistics.median(other) if other else None, "wrk with 12 connections"
    )


def flood(service: Service, run_seconds: float) -> float:
    """Answers per second when far more requests are due than can be answered."""
    with service.requests(per_second=FLOOD, mix=READ) as requests:
        time.sleep(run_seconds)
        count = len(requests.outcomes)
        took = time.monotonic() - requests.began
        service.stop()  # what is still due would take long
        service.start()
    return count / took


def wrk(service: Service, run_seconds: float) -> float | None:
    """The same by wrk, where it is installed."""
    program = shutil.which("wrk")
    if not program:
        return None
    address = f"http://127.0.0.1:{service.port}/users/1"
    command = [program, "--threads=1", "--connections=12", f"--duration={run_seconds:.0f}s", address]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec: +([\d.]+)", said)
    return float(found[1]) if found else None


def seeding(engine: Engine, opened: Workspace, rows: int, repetitions: int) -> Figure:
    """Fill a table by one statement in the database, against the driver's `executemany`, the usual way of scripts."""

    def emptied() -> None:
        execute(opened.url, "DROP TABLE IF EXISTS seeded")
        execute(opened.url, "CREATE TABLE seeded (id integer PRIMARY KEY, email varchar(255) NOT NULL)")

    def in_the_database() -> float:
        emptied()
        return seconds(lambda: execute(opened.url, SEED[engine.name].format(rows=rows)))

    def by_the_driver() -> float:
        emptied()
        database = create_engine(opened.url)
        values = [{"id": number, "email": f"user{number}@example.com"} for number in range(1, rows // 10 + 1)]
        statement = text("INSERT INTO seeded VALUES (:id, :email)")
        with database.begin() as connection:
            took = seconds(lambda: connection.execute(statement, values))
        database.dispose()
        return took * 10  # a tenth of the rows: it is proportional, and slow

    pair = side_by_side(in_the_database, by_the_driver, repetitions)
    return compared(f"seeding {rows:,} rows, {engine.name}", pair, "executemany, from a tenth of the rows")
