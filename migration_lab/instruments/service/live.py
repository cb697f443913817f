"""The shop, served in a process of its own on this machine alone."""

import http.client
import json
import secrets
import signal
import string
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from migration_lab.ground.errors import LabError
from migration_lab.instruments.traffic import READS_AND_WRITES, Request, Requests, over_http
from migration_lab.instruments.traffic.plan import READERS
from migration_lab.instruments.traffic.senders import ANSWER_SECONDS, REASON_HEADER, TOKEN_HEADER, described
from migration_lab.shops import process
from migration_lab.shops.flask_command import HasFolder, environment

START_SECONDS = 120
STOP_SECONDS = 3
WARM_SECONDS = 1  # each; on a database that is locked as a whole nothing is answered
ROLL_STEPS = 10  # in which the requests go over from one release to the next
DRAIN_SECONDS = 0.2  # for requests of others that the earlier shop still works on
MOVE_SECONDS = 15.0  # for paced requests to it, of which it is known when they have ended; none lasts longer
LOG_LINES = 400
NO_ANSWER = f"no answer within {ANSWER_SECONDS:.0f} seconds"
TOKEN = secrets.token_hex(16)  # one for all services of this process, so that the same requests can go to any
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Response:
    """An answer. `status` is 0 when none came; `reason` says why it is not a good one, else it is empty."""

    status: int
    text: str
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request was answered as its sender wished (a status under 400)."""
        return 0 < self.status < 400

    @property
    def json(self) -> Any:
        """The body, read as JSON.

        Raises:
            LabError: it is something else.
        """
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise LabError(
                f"The answer with status {self.status} is not JSON.", "Look at its `.text` and its `.reason`."
            ) from error


class Service:
    """A running shop. Use `serve(workspace)` to start one; it ends with the process that started it."""

    def __init__(self, workspace: HasFolder) -> None:
        self._workspace = workspace
        self._shop: _Shop | None = None
        self._requests: list[tuple[Requests, Mapping[int, float]]] = []  # and where else they go

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._shop is not None and not self._shop.has_ended()

    @property
    def token(self) -> str:
        """What a program of your own sends in the header X-Lab-Token to write: POST, PATCH and so on."""
        return TOKEN

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1; 0 when it was stopped."""
        return self._shop.port if self._shop else 0

    def start(self) -> Self:
        """Start the shop and wait until it takes requests; nothing happens when it runs already.

        Raises:
            LabError: the shop does not start; the message is the last thing it said.
        """
        return self if self.is_running else self.deploy()

    def deploy(self, *, over: float = 0) -> Self:
        """Start the shop from the files as they are now, send all further requests to it, then end the earlier one.

        Args:
            over: seconds in which both serve, and more and more of the requests go to the new one, as in a rolling
                deploy.

        Raises:
            LabError: the new one does not start; the earlier one goes on.
        """
        earlier, self._shop = self._shop, _Shop(self._workspace.folder)
        try:
            for step in range(1, ROLL_STEPS if earlier and over else 0):
                assert earlier
                share = step / ROLL_STEPS
                self._send_to({earlier.port: 1 - share, self._shop.port: share})
                time.sleep(over / ROLL_STEPS)
        finally:
            self._send_to({self._shop.port: 1}, within=MOVE_SECONDS)
            if earlier:
                time.sleep(DRAIN_SECONDS)
                earlier.stop()
        return self

    def stop(self) -> None:
        """End the shop; no error when it has ended already."""
        shop, self._shop = self._shop, None
        if shop:
            shop.stop()

    def get(self, path: str) -> Response:
        """Send a GET request."""
        return self.send("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Response:
        """Send a POST request with a JSON body."""
        return self.send("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any] | None = None) -> Response:
        """Send a PATCH request with a JSON body."""
        return self.send("PATCH", path, body)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Response:
        """Send a request and wait at most `ANSWER_SECONDS`; what goes wrong is in the Response, never raised."""
        if not path.startswith("/"):
            return Response(0, "", f"the path {path} does not begin with a slash")
        path = urllib.parse.quote(path, safe=string.punctuation)
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", TOKEN_HEADER: TOKEN}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with NO_PROXY.open(request, timeout=ANSWER_SECONDS) as answer:
                return Response(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()
            reason = error.headers.get(REASON_HEADER) or described(said) or str(error.reason)
            return Response(error.code, said.decode(errors="replace"), reason)
        except TimeoutError:
            return Response(0, "", NO_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            late = isinstance(getattr(error, "reason", None), TimeoutError)
            return Response(0, "", NO_ANSWER if late else "the shop does not answer")

    def requests(
        self,
        *,
        per_second: float = 20,
        mix: Sequence[Request] = READS_AND_WRITES,
        ids: Sequence[int] = (1,),
        beside: "Service | None" = None,
    ) -> Requests:
        """Requests that keep arriving from a process of their own; use as `with service.requests() as seen:`.

        Args:
            per_second: how many.
            mix: what is asked for in turn; see `traffic.over_http`.
            ids: those that may stand for `{id}` in it.
            beside: another release that serves too, and gets every second request.
        """
        services = [self, *([beside] if beside else [])]
        targets = {each.port: 1.0 for each in services}
        made = Requests(
            over_http(targets, mix, per_second=per_second, ids=ids, headers={TOKEN_HEADER: TOKEN}),
            on_end=lambda: self._forget(services, made),
        )
        for each in services:
            each._requests.append((made, {port: share for port, share in targets.items() if port != each.port}))
        return made

    def warm(self, paths: Sequence[str]) -> None:
        """Ask for these a few times at once, so that the first request that counts meets a shop that has connections.

        Whatever comes of it is left to the requests that count; none is waited for longer than `WARM_SECONDS`.
        """

        def ask(path: str) -> None:
            with suppress(OSError, http.client.HTTPException):
                NO_PROXY.open(f"http://127.0.0.1:{self.port}{path}", timeout=WARM_SECONDS).close()

        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(ask, [*paths] * READERS))

    def _send_to(self, targets: Mapping[int, float], *, within: float = 0) -> None:
        """Let the requests that keep arriving go to these ports of ours; `within`: see `Requests.retarget`."""
        for requests, elsewhere in list(self._requests):
            requests.retarget({**targets, **elsewhere}, within=within)

    @staticmethod
    def _forget(services: "list[Service]", requests: Requests) -> None:
        for each in services:
            each._requests = [kept for kept in each._requests if kept[0] is not requests]

    def log(self, lines: int = 200) -> str:
        """The last lines that the shop wrote: the traceback of its latest error, as a rule."""
        return "\n".join(list(self._shop.said)[-lines:]) if self._shop else ""


class _Shop:
    """One process that serves the shop as its files were when it was started."""

    def __init__(self, folder: Path) -> None:
        announcement = f"listening-{secrets.token_hex(8)}-"
        self.port = 0
        self.said: deque[str] = deque(maxlen=LOG_LINES)
        self.process, output = process.start(
            ["migration_lab.instruments.service.child:main", announcement],
            folder=folder,
            env=environment(folder) | {"LAB_SERVICE_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
        )
        self._listens_or_ended = threading.Event()
        threading.Thread(target=self._follow, args=(output, announcement), daemon=True).start()
        try:
            in_time = self._listens_or_ended.wait(START_SECONDS)
        except BaseException:
            self.stop()
            raise
        if not self.port:
            self.stop()
            raise self._did_not_start(in_time)

    def stop(self) -> None:
        """End the process, and with it what the app has started."""
        try:
            for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
                self.process.signal(number)
                if self.process.wait(STOP_SECONDS) is not None:
                    break
        except process.LostError:
            return  # it ends by itself: its parent has gone

    def has_ended(self) -> bool:
        """Whether the process is no more."""
        try:
            return self.process.wait(0) is not None
        except process.LostError:
            return True

    def _follow(self, output: int, announcement: str) -> None:
        """Collect what the shop writes until it ends, and learn its port on the way."""
        with open(output, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(announcement):
                    self.port = int(line.removeprefix(announcement))
                    self._listens_or_ended.set()
                else:
                    self.said.append(line.rstrip())
        self._listens_or_ended.set()

    def _did_not_start(self, ended: bool) -> LabError:
        if not ended:
            return LabError(
                f"The shop did not accept requests within {START_SECONDS} seconds.",
                "Look for code that runs when the app is imported and does not end.",
            )
        said = [line.strip() for line in self.said if line.strip()]
        return LabError(
            f"The shop does not start: {said[-1].rstrip('.') if said else 'it ended without a message'}.",
            "Correct that, then serve it again; `flask routes` shows the whole error.",
        )


def serve(workspace: HasFolder) -> Service:
    """Start the shop of a workspace on a free port of 127.0.0.1.

    Raises:
        LabError: the shop does not start; the message is the last thing it said.
    """
    return Service(workspace).start()
