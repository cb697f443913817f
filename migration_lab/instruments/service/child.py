"""What runs in the service's own process: the learner's shop behind a WSGI server, until its parent is gone."""

import logging
import os
import stat
import sys
import threading
import time

import flask
import waitress  # type: ignore[import-untyped]
from flask.cli import NoAppException, ScriptInfo

from migration_lab.instruments.service.door import guarded
from migration_lab.instruments.traffic.senders import REASON_HEADER

THREADS = 16  # more than a load generator has clients: those that wait do not keep out the others

LOOK_SECONDS = 0.5  # between looks whether the parent is still there


def main() -> None:
    """Serve the app that FLASK_APP names, until the parent has gone.

    The argument is the word that announces the port, whatever else the app prints.
    """
    announcement = sys.argv[1]
    token = os.environ.pop("LAB_SERVICE_TOKEN")  # not an argument, which other users could read
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        app = ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()
    except NoAppException as error:
        sys.exit(error.format_message().strip())
    _tell_reasons(app)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = waitress.create_server(guarded(app, token), host="127.0.0.1", port=0, threads=THREADS)
    print(f"{announcement}{server.effective_port}", flush=True)
    server.run()


def _leave_with_parent() -> None:
    """End when the parent has, however that ended: where it gave a pipe as standard input, that ends with it."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        # Not `sys.stdin`: a thread that waits in it would hold the lock that the interpreter needs to end.
        while os.read(0, 1):
            pass
    else:
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
    os._exit(0)


def _tell_reasons(app: flask.Flask) -> None:
    """Let an answer with status 500 say what was raised, in a header; the whole traceback goes to the log as ever."""

    def remember(_sender: flask.Flask, exception: BaseException, **_: object) -> None:
        said = (str(exception).strip().splitlines() or [""])[0]
        # SQLAlchemy begins with the driver's own class, in brackets, which says more than SQLAlchemy's
        flask.g.lab_reason = said if said.startswith("(") else f"{type(exception).__name__}: {said}"

    def tell(response: flask.Response) -> flask.Response:
        if "lab_reason" in flask.g:
            response.headers[REASON_HEADER] = flask.g.lab_reason[:300].encode("ascii", "backslashreplace").decode()
        return response

    flask.got_request_exception.connect(remember, app, weak=False)
    app.after_request(tell)
