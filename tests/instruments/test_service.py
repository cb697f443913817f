"""The shop as a live service: it answers, reports errors, never outlives its parent; requests keep their pace."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from migration_lab.ground import places
from migration_lab.ground.engines import engine
from migration_lab.ground.errors import LabError
from migration_lab.instruments.query import execute, query
from migration_lab.instruments.service import Response, Service, live, serve
from migration_lab.instruments.service.door import why_not
from migration_lab.instruments.shop import PlainShop
from migration_lab.instruments.traffic.plan import READERS

TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, email varchar(255));
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer, amount_cents integer, status text, created_at timestamp);
INSERT INTO users VALUES (1, 'ann@example.com')"""


@pytest.fixture
def shop(tmp_path: Path) -> PlainShop:
    folder = tmp_path / "a shop's folder"
    shutil.copytree(places.course_root() / "sample_app", folder)
    (folder / ".flaskenv").write_text(f"FLASK_APP=shop\nDATABASE_URL=sqlite:///{folder / 'shop.db'}\n")
    return PlainShop(folder, engine("sqlite"), f"sqlite:///{folder / 'shop.db'}")


@pytest.fixture
def service(shop: PlainShop) -> Iterator[Service]:
    with serve(shop) as running:
        yield running


def test_it_answers_and_writes(shop: PlainShop, service: Service) -> None:
    execute(shop.url, TABLES)
    answer = service.get("/users")
    assert (answer.status, answer.ok, answer.reason) == (200, True, "")
    assert [user["email"] for user in answer.json] == ["ann@example.com"]
    assert service.post("/orders", {"user_id": 1, "amount_cents": 5}).status == 201
    assert service.patch("/orders/1", {"status": "paid"}).json["status"] == "paid"
    assert query(shop.url, "SELECT status FROM orders").scalar == "paid"
    assert service.get("/users/99").reason == "There is no such user."
    assert service.get("users").reason == "the path users does not begin with a slash"
    assert service.get("/no such päge?a=1%202").status == 404


@pytest.mark.parametrize(
    ("headers", "may_read", "may_write"),
    [
        ({}, True, True),
        ({"HTTP_HOST": "localhost:5000"}, True, True),
        ({"HTTP_HOST": "LOCALHOST"}, True, True),
        ({"HTTP_ORIGIN": "http://127.0.0.1:8888"}, True, True),  # a page of JupyterLab
        ({"HTTP_ORIGIN": "http://localhost:8888"}, True, True),
        ({"HTTP_X_LAB_TOKEN": ""}, True, False),  # an address typed into the browser, or another user of the machine
        ({"HTTP_X_LAB_TOKEN": "gu\xe8ss"}, True, False),
        ({"HTTP_X_LAB_TOKEN": "", "HTTP_ORIGIN": "http://127.0.0.1:8888"}, True, False),  # which anyone can claim
        ({"HTTP_HOST": "attacker.example:5000"}, False, False),  # a name that was made to mean 127.0.0.1
        ({"HTTP_HOST": "127.0.0.1.attacker.example"}, False, False),
        ({"HTTP_HOST": ""}, False, False),
        ({"HTTP_ORIGIN": "https://attacker.example"}, False, False),
        ({"HTTP_ORIGIN": "http://localhost.attacker.example"}, False, False),
        ({"HTTP_ORIGIN": "http://localhost@attacker.example"}, False, False),
        ({"HTTP_ORIGIN": "null"}, False, False),  # a page in a sandbox, or a file
    ],
)
def test_the_door_refuses_pages_of_other_sites_and_writers_that_are_not_of_the_lab(
    headers: dict[str, str], may_read: bool, may_write: bool
) -> None:
    def passes(method: str) -> bool:
        environ = {"REQUEST_METHOD": method, "HTTP_HOST": "127.0.0.1:5000", "HTTP_X_LAB_TOKEN": "secret", **headers}
        return not why_not(environ, "secret")

    assert "no header Host" in why_not({"REQUEST_METHOD": "GET"}, "secret")
    assert [passes(each) for each in ("GET", "HEAD", "OPTIONS")] == [may_read] * 3
    assert [passes(each) for each in ("POST", "PATCH", "PUT", "DELETE")] == [may_write] * 4


def test_the_service_is_behind_the_door(shop: PlainShop, service: Service) -> None:
    execute(shop.url, TABLES)

    def asked(method: str, path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        body = json.dumps({"user_id": 1, "amount_cents": 5}) if method == "POST" else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Content-Type": "application/json", **named})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        return answer.status, said.get("error", "") if isinstance(said, dict) else ""

    assert asked("GET", "/users", Origin="http://localhost:8888") == (200, "")
    assert asked("GET", "/users", Host="attacker.example")[1].endswith("not to the host attacker.example.")
    page = asked("POST", "/orders", Origin="https://attacker.example", X_Lab_Token=service.token)
    assert page == (403, "This service does not answer to pages of https://attacker.example.")
    assert asked("POST", "/orders")[1].startswith("Only the lab may write here")
    assert query(shop.url, "SELECT count(*) FROM orders").scalar == 0
    assert asked("POST", "/orders", X_Lab_Token=service.token) == (201, "")


def test_the_app_does_not_see_the_token(shop: PlainShop) -> None:
    code = """
import os
from flask import request
def seen():
    return {"token": request.headers.get("X-Lab-Token"), "names": [each for each in os.environ if "TOKEN" in each]}
"""
    (shop.folder / "shop" / "seen.py").write_text(code)
    factory = shop.folder / "shop" / "__init__.py"
    factory.write_text(
        factory.read_text().replace(
            "    return app\n", "    from shop.seen import seen\n    app.post('/seen')(seen)\n    return app\n"
        )
    )
    with serve(shop) as service:
        assert service.post("/seen").json == {"token": None, "names": []}


def test_an_error_of_the_app_says_its_reason_and_leaves_its_traceback_in_the_log(service: Service) -> None:
    answer = service.get("/users")
    assert (answer.status, answer.ok) == (500, False)
    assert answer.reason == "(sqlite3.OperationalError) no such table: users"
    until = time.monotonic() + 20
    while "Background on this error" not in service.log() and time.monotonic() < until:
        time.sleep(0.01)  # the log comes through a pipe of its own
    assert "Traceback" in service.log()
    assert "no such table: users" in service.log()


def test_a_deploy_brings_the_new_files_and_drops_no_request(shop: PlainShop, service: Service) -> None:
    execute(shop.url, TABLES)
    health = shop.folder / "shop" / "routes" / "users.py"
    health.write_text(health.read_text().replace('"email": user.email', '"mail": user.email'))
    with service.requests(per_second=50) as seen:
        seen.wait_for(3)
        service.deploy()
        seen.phase("after the deploy")
        seen.wait_for(3)
    assert seen.failed == 0
    assert service.get("/users/1").json == {"id": 1, "mail": "ann@example.com"}


def test_a_deploy_that_does_not_start_leaves_the_earlier_shop_in_service(shop: PlainShop, service: Service) -> None:
    execute(shop.url, TABLES)
    (shop.folder / "shop" / "extensions.py").write_text("import no_such_module\n")
    with pytest.raises(
        LabError, match="The shop does not start: ModuleNotFoundError: No module named 'no_such_module'"
    ):
        service.deploy()
    assert service.get("/users/1").ok


def test_what_the_app_prints_does_not_confuse_it(shop: PlainShop) -> None:
    (shop.folder / "shop" / "config.py").open("a").write("\nprint('listening-1234-80')\n")
    with serve(shop) as service:
        assert service.get("/nowhere").status == 404
        assert "listening-1234-80" in service.log()


def _ports_of(process: psutil.Process) -> list[int]:
    """Where it listens; nowhere if it has just ended, like a child of another test."""
    with suppress(psutil.NoSuchProcess):
        return [each.laddr.port for each in process.net_connections()]
    return []


def test_a_shop_that_was_stopped_does_not_answer_and_can_start_again(shop: PlainShop, service: Service) -> None:
    (process,) = [each for each in psutil.Process().children(recursive=True) if service.port in _ports_of(each)]
    service.stop()
    service.stop()
    with suppress(psutil.NoSuchProcess):
        assert process.status() == psutil.STATUS_ZOMBIE
    assert service.get("/users") == Response(0, "", "the shop does not answer")
    assert not service.is_running
    assert service.start().get("/nowhere").status == 404
    assert service.start() is service


def test_a_stop_ends_what_the_app_has_started(shop: PlainShop) -> None:
    code = "\nimport subprocess\nprint('started', subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
    (shop.folder / "shop" / "config.py").open("a").write(code)
    with serve(shop) as service:
        (line,) = [line for line in service.log().splitlines() if line.startswith("started ")]
        started = psutil.Process(int(line.split()[1]))
        service.stop()
    until = time.monotonic() + 20
    with suppress(psutil.NoSuchProcess):
        while started.status() != psutil.STATUS_ZOMBIE:  # which it stays where nobody reaps orphans
            assert time.monotonic() < until
            time.sleep(0.01)


def test_it_dies_with_a_parent_that_is_killed(shop: PlainShop) -> None:
    code = (
        "import sys, time; from pathlib import Path; from types import SimpleNamespace\n"
        "from migration_lab.instruments.service import serve\n"
        "service = serve(SimpleNamespace(folder=Path(sys.argv[1])))\n"
        "print(service._shop.process.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(shop.folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(timeout=20)
    assert not child.is_running()


def test_an_interrupt_while_requests_arrive_ends_them(shop: PlainShop, service: Service) -> None:
    before = threading.active_count()

    def interrupted() -> None:
        with service.requests() as seen:
            seen.wait_for(1)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    until = time.monotonic() + 20
    while threading.active_count() > before:  # the one that listens needs a moment to end
        assert time.monotonic() < until
        time.sleep(0.01)
    assert service.is_running


def test_requests_tell_what_became_of_each_phase(shop: PlainShop, service: Service) -> None:
    with service.requests(per_second=50) as seen:
        seen.wait_for(4)
        execute(shop.url, TABLES)
        seen.phase("after the tables were made")
        seen.wait_for(4)
    assert seen.failed_in("after the tables were made") == 0
    assert seen.answered_in("after the tables were made") >= 4
    assert seen.failed > 0
    assert seen.in_words().splitlines()[-1] == "after the tables were made: all answered"
    assert "500: (sqlite3.OperationalError) no such table: users" in seen.in_words()
    assert "after the tables were made:" in seen.as_text()
    assert query(shop.url, "SELECT count(*) FROM orders").scalar > 0


def test_a_shop_is_warmed_by_as_many_requests_at_once_as_there_are_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(READERS)
    asked = []

    class Counts(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            together.wait(60)
            self.send_error(500)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Counts) as server:
        threading.Thread(target=server.serve_forever).start()
        service = Service(PlainShop(Path(), engine("sqlite")))
        monkeypatch.setattr(Service, "port", server.server_port)
        monkeypatch.setattr(live, "WARM_SECONDS", 60)
        service.warm(["/users/1"])
        server.shutdown()
    assert asked == ["/users/1"] * READERS
    service.warm(["/users/1"])  # nothing answers there any more, and that is left to the requests that count
