"""Requests keep their pace and count from when they were due, whatever the service does."""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from migration_lab.ground.errors import LabError
from migration_lab.instruments.query import execute, query
from migration_lab.instruments.traffic import (
    Outcome,
    Requests,
    figures,
    generator,
    ids_in,
    over_http,
    over_sql,
    requests,
)
from migration_lab.instruments.traffic.outcome import percentile
from migration_lab.instruments.traffic.plan import READERS, WRITERS
from migration_lab.instruments.traffic.requests import END_SECONDS

Answer = Callable[[str, str, str], tuple[int, str]]
ROOT = (("GET", "/", None),)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100  # the system drops a connection beyond that, and its client tries again in a second


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], int]]:
    """A function that serves what another one answers, and gives back the port."""
    servers = []

    def start(answer: Answer) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                status, text = answer(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                with suppress(OSError):  # who asked has gone
                    self.wfile.write(text.encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = Server(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return int(server.server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def to(port: int, *, per_second: float = 100, mix: object = ROOT, ids: Sequence[int] = (1,)) -> Requests:
    return Requests(over_http({port: 1}, mix, per_second=per_second, ids=ids))  # type: ignore[arg-type]


def test_the_wait_counts_from_the_moment_a_request_was_due(serve: Callable[[Answer], int]) -> None:
    gate = threading.Event()

    def wait(*_: str) -> tuple[int, str]:
        gate.wait()
        return 200, ""

    with to(serve(wait)) as seen:
        time.sleep(0.4)  # more requests fall due than there are clients to send them
        opened = time.monotonic()
        gate.set()
        seen.wait_for(20)
    stalled = [outcome for outcome in seen.outcomes if outcome.due < opened]
    assert len(stalled) > READERS
    assert all(outcome.due + outcome.waited > opened for outcome in stalled)
    assert [outcome.due - seen.began for outcome in stalled] == pytest.approx([n / 100 for n in range(len(stalled))])


def test_a_request_that_falls_due_in_a_phase_is_counted_in_it(
    serve: Callable[[Answer], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if its answer comes while the phase is being noted."""

    def slow() -> float:
        now = time.monotonic()
        time.sleep(0.3)
        return now

    with to(serve(lambda *_: (200, ""))) as seen:
        seen.wait_for(1)
        with monkeypatch.context() as patch:
            patch.setattr(requests, "time", SimpleNamespace(monotonic=slow))
            seen.phase("next")
        seen.wait_for(40)
    (_, _), (since, _) = seen.phases
    assert {each.phase for each in seen.outcomes if each.due >= since} == {"next"}


def test_the_words_have_no_numbers_and_the_text_has(serve: Callable[[Answer], int]) -> None:
    statuses = iter([200, 500, *[201] * 2000])
    with to(serve(lambda *_: (next(statuses), json.dumps({"error": "broken"})))) as seen:
        seen.wait_for(5)
    assert seen.in_words() == "at first: some failed\n    500: broken"
    assert re.search(r"1 failed, from second (\d+\.\d) to second \1", seen.as_text())
    assert "1 time: 500: broken" in seen.as_text()
    assert (seen.failed, seen.failed_in("at first"), seen.answered) == (1, 1, len(seen.outcomes) - 1)


def test_readers_are_answered_while_all_writers_wait(serve: Callable[[Answer], int]) -> None:
    gate = threading.Event()

    def answer(method: str, *_: str) -> tuple[int, str]:
        if method == "POST":
            gate.wait()
        return 200, ""

    with to(serve(answer), per_second=200, mix=(*ROOT, ("POST", "/", {}))) as seen:
        seen.wait_for(50)
        assert not any(each.writes for each in seen.outcomes)
        gate.set()
    assert sum(each.writes for each in seen.outcomes) >= 40


def test_ids_and_new_texts_are_filled_in(serve: Callable[[Answer], int]) -> None:
    got: list[tuple[str, str]] = []

    def note(_method: str, path: str, body: str) -> tuple[int, str]:
        got.append((path, body))
        return 200, ""

    mix = (("GET", "/users/{id}", None), ("POST", "/users", {"user_id": "{id}", "email": "v{new}@example.com"}))
    with to(serve(note), mix=mix, ids=range(5, 10)) as seen:
        seen.wait_for(20)
    read = {path for path, _ in got if path != "/users"}
    assert read <= {f"/users/{number}" for number in range(5, 10)}
    assert len(read) > 1
    bodies = [json.loads(body) for path, body in got if path == "/users"]
    assert all(5 <= body["user_id"] <= 9 for body in bodies)
    assert len({body["email"] for body in bodies}) == len(bodies)
    assert {each.request for each in seen.outcomes} == {"GET /users/{id}", "POST /users"}


def test_requests_go_where_they_are_sent_from_then_on(serve: Callable[[Answer], int]) -> None:
    counts = {"one": 0, "two": 0}

    def counting(name: str) -> Answer:
        def answer(*_: str) -> tuple[int, str]:
            counts[name] += 1
            return 200, ""

        return answer

    one, two = serve(counting("one")), serve(counting("two"))
    with to(one, per_second=200) as seen:
        seen.wait_for(20)
        assert counts["two"] == 0
        seen.retarget({one: 0.5, two: 0.5}, within=30)
        seen.phase("both")
        seen.wait_for(60)
        assert counts["two"] > 5
        seen.retarget({two: 1}, within=30)
        before = counts["one"]
        seen.phase("the second")
        seen.wait_for(20)
        assert counts["one"] == before
    assert seen.failed == 0


def test_a_move_can_wait_for_the_requests_that_are_under_way(serve: Callable[[Answer], int]) -> None:
    """What comes after a deploy must not meet a request that the earlier release still works on."""
    gate, came = threading.Event(), threading.Event()

    def wait(*_: str) -> tuple[int, str]:
        came.set()
        gate.wait(30)
        return 200, ""

    slow, quick = serve(wait), serve(lambda *_: (200, ""))
    with to(slow) as seen:
        assert came.wait(30)
        seen.retarget({quick: 1}, within=0.1)
        assert not gate.is_set(), "it has waited no longer than it was told"
        moved = threading.Thread(target=seen.retarget, args=({quick: 1},), kwargs={"within": 60})
        moved.start()
        moved.join(0.3)
        assert moved.is_alive(), "a request is still under way to the first target"
        gate.set()
        moved.join(30)
        assert not moved.is_alive()
    assert seen.failed == 0


def test_a_request_without_an_answer_at_the_end_is_not_forgotten(serve: Callable[[Answer], int]) -> None:
    never, came = threading.Event(), threading.Semaphore(0)

    def keep(*_: str) -> tuple[int, str]:
        came.release()
        return 200, str(never.wait(30))

    plan = over_http({serve(keep): 1}, ROOT, per_second=20) | {"drain": 1}
    with Requests(plan) as seen:
        for _ in range(4):
            assert came.acquire(timeout=30)
    assert seen.answered == 0
    assert seen.failed >= 4
    assert {each.reason for each in seen.outcomes} == {"no answer until the end of the run"}
    assert min(each.waited for each in seen.outcomes) >= 1


def test_what_is_answered_late_but_steadily_is_waited_for(
    serve: Callable[[Answer], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is busy for a while works off what is due: each answer comes in time, and all of them do not."""
    monkeypatch.setattr(requests, "PATIENCE_SECONDS", 2)
    monkeypatch.setattr(requests, "END_SECONDS", 2)

    def slowly(*_: str) -> tuple[int, str]:
        time.sleep(0.5)
        return 200, ""

    with Requests(over_http({serve(slowly): 1}, ROOT, per_second=30) | {"drain": 2}) as seen:
        seen.wait_for(30)  # which takes two and a half seconds; what is due by then takes almost four more
    assert seen.failed == 0
    assert seen.longest_wait > 2


def test_nobody_answers() -> None:
    with to(1) as seen:
        seen.wait_for(3)
    assert seen.answered == 0
    assert seen.in_words() == "at first: all failed\n    no status: the shop does not answer"


def test_statements_in_sql(database: str) -> None:
    execute(database, "CREATE TABLE users (id integer PRIMARY KEY, visits integer NOT NULL)")
    execute(database, "INSERT INTO users VALUES (1, 0), (2, 0), (3, 0)")
    reads, writes = ["SELECT * FROM users WHERE id = :id"], ["UPDATE users SET visits = visits + 1 WHERE id = :id"]
    with Requests(over_sql(database, reads, writes, per_second=20, ids=(1, 2, 3))) as seen:
        seen.wait_for(10)
        execute(database, "DROP TABLE users")
        seen.phase("without the table")
        seen.wait_for(10)
    assert seen.answered_in("at first") >= 10
    assert seen.answered_in("without the table") == 0
    assert "users" in seen.in_words().splitlines()[-1]


def test_writes_are_committed(database: str) -> None:
    execute(database, "CREATE TABLE users (id integer PRIMARY KEY, visits integer NOT NULL)")
    execute(database, "INSERT INTO users VALUES (1, 0)")
    plan = over_sql(database, [], ["UPDATE users SET visits = visits + 1 WHERE id = :id"], per_second=50)
    with Requests(plan) as seen:
        seen.wait_for(10)
    assert query(database, "SELECT visits FROM users").scalar == seen.answered


def test_no_statement_waits_for_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connected, sent, stop = [], [], threading.Event()

    def changes() -> Iterator[dict[str, bool]]:
        stop.wait(60)
        yield {"stop": True}

    class SlowToConnect:
        def __init__(self, url: str) -> None: ...

        def open(self) -> None:
            time.sleep(0.2)
            connected.append(time.monotonic())

        def send(self, *_: object) -> tuple[int, bool, str]:
            sent.append(time.monotonic())
            stop.set()
            return 0, True, ""

    monkeypatch.setattr(generator, "SqlSender", SlowToConnect)
    monkeypatch.setattr(os, "_exit", lambda code: None)
    made = generator.Generator(over_sql("sqlite://", ["SELECT 1"], ["SELECT 2"], per_second=50), changes())
    made.run()
    assert sent
    assert len(connected) == READERS + WRITERS
    assert max(connected) <= min(sent)


def test_an_answer_that_comes_as_the_run_ends_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, said, at_the_end = threading.Event(), [], []

    def changes() -> Iterator[dict[str, bool]]:
        stop.wait(60)
        yield {"stop": True}

    class Quick:
        def __init__(self, url: str) -> None: ...

        def open(self) -> None: ...

        def send(self, *_: object) -> tuple[int, bool, str]:
            return 0, True, ""

    def say(what: object) -> None:
        if isinstance(what, list):
            stop.set()
            time.sleep(0.5)  # longer than it takes the run to end
            said.append(what)

    monkeypatch.setattr(generator, "SqlSender", Quick)
    monkeypatch.setattr(generator, "say", say)
    monkeypatch.setattr(os, "_exit", lambda code: at_the_end.extend(said))
    plan = over_sql("sqlite://", ["SELECT 1"], [], per_second=100) | {"drain": 0}
    generator.Generator(plan, changes()).run()
    first = min(due for due, *_ in at_the_end)
    dues = sorted(due - first for due, *_ in at_the_end)
    assert [due for due, *_, reason in at_the_end if not reason], "no answer came as the run ended"
    assert dues == pytest.approx([n / 100 for n in range(len(dues))])


def test_the_figures() -> None:
    outcomes = [Outcome(0, wait / 100, "", "", False, 200, wait != 7, "") for wait in range(1, 101)]
    found = figures(outcomes)
    assert (found.count, found.failed, found.median, found.p99, found.worst) == (100, 1, 0.5, 0.99, 1.0)
    assert figures([]).worst == 0
    assert percentile([3.0], 99) == 3.0


# ---------------------------------------------------------------------------------------------- nothing is left behind


def generators() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "migration_lab.instruments.traffic.generator" in command_of(each)]


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; empty when it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_process_ends_with_the_block(serve: Callable[[Answer], int]) -> None:
    with to(serve(lambda *_: (200, ""))) as seen:
        seen.wait_for(1)
        assert len(generators()) == 1
    assert generators() == []


def test_the_process_ends_with_an_interrupt(serve: Callable[[Answer], int]) -> None:
    never, moments = threading.Event(), []

    def interrupted() -> None:
        plan = over_http({serve(lambda *_: (200, str(never.wait(600)))): 1}, ROOT, per_second=100) | {"drain": 600}
        with Requests(plan):
            moments.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - moments[0] < END_SECONDS  # it does not wait for answers
    assert generators() == []


def test_a_process_that_dies_is_told(serve: Callable[[Answer], int]) -> None:
    def killed() -> None:
        with to(serve(lambda *_: (200, ""))) as seen:
            seen.wait_for(1)
            generators()[0].kill()
            seen.wait_for(10_000)

    with pytest.raises(LabError, match="ended early"):
        killed()


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    text = (
        "from migration_lab.instruments.traffic import Requests, over_http\n"
        "with Requests(over_http({1: 1}, [('GET', '/', None)], per_second=10)) as seen:\n"
        "    print(seen._companion.process.pid, flush=True)\n"
        "    seen.wait_for(10_000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(timeout=20)
    assert not child.is_running()


@pytest.mark.parametrize(
    ("url", "reads", "ids", "says"),
    [
        ("mysql://x/y", ["SELECT 1"], [1], "names mysql"),
        ("sqlite://", [], [1], "nothing to send"),
        ("sqlite://", ["SELECT 1", " "], [1], "one of the requests is empty"),
        ("sqlite://", ["SELECT :id"], [], "no ids"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_a_process_starts(
    url: str, reads: list[str], ids: list[int], says: str
) -> None:
    with pytest.raises(LabError, match=says):
        over_sql(url, reads, [], per_second=5, ids=ids)


def test_ids_come_from_all_over_a_table(database: str) -> None:
    execute(database, "CREATE TABLE parts (id integer PRIMARY KEY)")
    with pytest.raises(LabError, match="`parts` has no rows"):
        ids_in(database, "parts")
    execute(database, "INSERT INTO parts VALUES (7), (8), (9)")
    assert ids_in(database, "parts") == [7, 8, 9]
    with pytest.raises(LabError, match="no_such_table"):
        ids_in(database, "no_such_table")


@pytest.mark.parametrize("kind", ["text", "uuid", "numeric(9, 2)"])
def test_ids_that_are_no_whole_numbers_get_a_sentence(database: str, kind: str) -> None:
    execute(database, f"CREATE TABLE parts (id {kind} PRIMARY KEY, more text)")
    value = "1.5" if kind.startswith("numeric") else "'0b7a4d0e-41f4-4a2b-9d35-5f1d6a2f9c11'"
    execute(database, f"INSERT INTO parts VALUES ({value}, 'x')")
    with pytest.raises(LabError, match="The ids of `parts` are not whole numbers"):
        ids_in(database, "parts")
