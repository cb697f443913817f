"""How a client of the load generator asks: the shop over HTTP, or a database in SQL."""

import http.client
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from migration_lab.ground import connect
from migration_lab.instruments import odd_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

ANSWER_SECONDS = 10.0
TOKEN_HEADER = "X-Lab-Token"  # without it the shop accepts no changes
REASON_HEADER = "X-Shop-Error"  # with it the shop says what was raised
Answer = tuple[int, bool, str]  # status, whether it was answered as its sender wished, and why not


class Sender(Protocol):
    """One client. What goes wrong is in the answer, never raised."""

    def open(self) -> None:
        """Connect ahead of the first request, where connecting would take longer than a request."""
        ...

    def send(self, request: dict[str, Any], values: dict[str, object]) -> Answer:
        """Send a request, with these values in place of `{id}` and `{new}`."""
        ...


class HttpSender:
    """Keeps a connection to each shop that it talks to, as a browser or a proxy does."""

    def __init__(self, port: "Callable[[], int]", headers: dict[str, str]) -> None:
        self._port = port
        self._headers = headers
        self._connections: dict[int, http.client.HTTPConnection] = {}

    def open(self) -> None:
        """Nothing: a connection to this machine is made in no time."""

    def send(self, request: dict[str, Any], values: dict[str, object]) -> Answer:
        """Send it to one of the targets of now; see `Sender`."""
        port = self._port()
        path = _filled(request["path"], values)
        body = json.dumps(request["body"]) if request["body"] is not None else None
        body = _filled(body.replace('"{id}"', "{id}"), values) if body else None  # alone it is a number
        is_kept = port in self._connections
        try:
            return self._ask(port, request["method"], path, body)
        except (ConnectionError, http.client.HTTPException):
            self._close(port)
            if not is_kept or request["writes"]:
                return 0, False, "the shop does not answer"
        except TimeoutError:
            self._close(port)
            return 0, False, f"no answer within {ANSWER_SECONDS:.0f} seconds"
        except OSError:
            self._close(port)
            return 0, False, "the shop does not answer"
        try:  # the server may have closed a connection that was idle; a read can be sent twice
            return self._ask(port, request["method"], path, body)
        except (OSError, http.client.HTTPException):
            self._close(port)
            return 0, False, "the shop does not answer"

    def _ask(self, port: int, method: str, path: str, body: str | None) -> Answer:
        if port not in self._connections:
            self._connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        connection = self._connections[port]
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        ok = answer.status < 400
        return answer.status, ok, "" if ok else answer.headers.get(REASON_HEADER) or described(text) or answer.reason

    def _close(self, port: int) -> None:
        connection = self._connections.pop(port, None)
        if connection:
            connection.close()


class SqlSender:
    """Keeps one connection to the database, on which each statement is committed by itself."""

    def __init__(self, url: str) -> None:
        self._engine = connect.engine(url, name="requests", isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None

    def open(self) -> None:
        """Connect. Where that fails, the first request tries again and says why."""
        from sqlalchemy.exc import SQLAlchemyError

        with suppress(SQLAlchemyError):
            self._connected()

    def send(self, request: dict[str, Any], values: dict[str, object]) -> Answer:
        """Carry out the statement and read all its rows; see `Sender`."""
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        try:
            result = self._connected().execute(text(request["path"]), values)
            if result.returns_rows:
                result.all()
        except SQLAlchemyError as error:
            with suppress(SQLAlchemyError, AttributeError):
                self._connection.close()  # type: ignore[union-attr]
            self._connection = None
            said = str(getattr(error, "orig", None) or error).strip().splitlines()
            return 0, False, said[0] if said else type(error).__name__
        return 0, True, ""

    def _connected(self) -> "Connection":
        if self._connection is None:
            self._connection = self._engine.connect()
            odd_values.as_text(self._connection)
        return self._connection


def described(text: bytes) -> str:
    """What a JSON error body says, if it is one."""
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    said = body.get("error") if isinstance(body, dict) else None
    return said if isinstance(said, str) else ""


def _filled(text: str, values: dict[str, object]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
