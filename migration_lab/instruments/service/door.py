"""Who may send requests to the live service: this machine's own pages and programs may read, the lab may write.

The service listens on 127.0.0.1, but every user of the machine can connect to that, and so can any page in the
learner's browser. A page of another site gives itself away by its Origin, or by the Host under which it found us (DNS
rebinding). Another user is kept from writing by a token that only the lab's own processes know.
"""

import json
import secrets
from typing import TYPE_CHECKING

from werkzeug.sansio.utils import host_is_trusted

from migration_lab.instruments.traffic.senders import TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HERE = ("127.0.0.1", "localhost")
READING = ("GET", "HEAD", "OPTIONS")
TOKEN = f"HTTP_{TOKEN_HEADER.upper().replace('-', '_')}"  # as WSGI names it


def guarded(app: "WSGIApplication", token: str) -> "WSGIApplication":
    """The app behind the door: what may not pass gets status 403, and a JSON body that says why.

    Args:
        token: what a request that may write must have in the header `TOKEN_HEADER`.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        refused = why_not(environ, token)
        if not refused:
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "application/json")])
        return [json.dumps({"error": refused}).encode()]

    return answer


def why_not(environ: "WSGIEnvironment", token: str) -> str:
    """Why this request may not pass, in a sentence; empty if it may. Takes the token out of the environ."""
    given = environ.pop(TOKEN, "")
    host, origin = environ.get("HTTP_HOST", "").lower(), environ.get("HTTP_ORIGIN")
    if not host:
        return f"This service answers to {' and '.join(HERE)}, and the request has no header Host."
    if not host_is_trusted(host, HERE):
        return f"This service answers to {' and '.join(HERE)}, not to the host {host}."
    if origin is not None and not host_is_trusted(origin.partition("://")[2], HERE):
        return f"This service does not answer to pages of {origin}."
    is_lab = secrets.compare_digest(given.encode(), token.encode())
    if environ["REQUEST_METHOD"] not in READING and not is_lab:
        return f"Only the lab may write here: use `service.post(...)`, or send `service.token` as {TOKEN_HEADER}."
    return ""
