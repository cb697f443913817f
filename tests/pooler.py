"""A real PgBouncer for the tests: Debian's package, in front of the course's server."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from migration_lab.ground.engines.postgres.binaries import find_binaries, find_runner

HOW_TO_GET_ONE = (
    "There is no PgBouncer here, so no connection was tried through a pooler. "
    "Install it: `apt install pgbouncer` on Debian, `brew install pgbouncer` on macOS."
)
# Debian's /etc/pgbouncer/pgbouncer.ini, apart from the paths. It listens on a socket alone, because a port that is
# free now may be another test's a moment later.
SETTINGS = """\
[databases]
* = host={host}

[pgbouncer]
unix_socket_dir = {folder}
auth_type = md5
auth_file = {folder}/userlist.txt
"""
IS_UP = "process up"


def program() -> str:
    """The path of PgBouncer. Without it the tests are skipped and say so; on a build server they fail."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        if is_required():
            pytest.fail(HOW_TO_GET_ONE)
        pytest.skip(HOW_TO_GET_ONE)
    return found


def is_required() -> bool:
    """Whether a missing PgBouncer is a failure: on a build server, or on request."""
    return os.environ.get("LAB_POOLER") == "required" or os.environ.get("CI", "").lower() in ("true", "1")


@contextmanager
def pooler(host: str, users: Mapping[str, str], **settings: str) -> Iterator[str]:
    """Run PgBouncer for a block.

    Args:
        host: the folder of the server's socket.
        users: who may connect, and their passwords.
        settings: more of its settings, such as `pool_mode="transaction"`.

    Yields:
        The folder of its socket, on PgBouncer's usual port 6432.
    """
    command = program()
    runner = find_runner(find_binaries())  # like Postgres, it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pooler-"))
    more = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "pgbouncer.ini").write_text(SETTINGS.format(host=os.path.realpath(host), folder=folder) + more)
    (folder / "userlist.txt").write_text("".join(f'"{name}" "{password}"\n' for name, password in users.items()))
    if runner.owner is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, runner.owner, -1)
    log = folder / "log"  # not a pipe, which it would fill as time goes by: it writes lines for each connection
    with log.open("w") as written:
        process = subprocess.Popen([*runner.prefix, command, str(folder / "pgbouncer.ini")], stderr=written, cwd="/")
    try:
        while IS_UP not in log.read_text():
            if process.poll() is not None:
                pytest.fail(f"PgBouncer did not start: {log.read_text()}")
            time.sleep(0.01)
        yield str(folder)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
