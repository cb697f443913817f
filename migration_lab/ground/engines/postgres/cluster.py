"""The server's files: a cluster from `initdb`, its settings and its password."""

import os
import re
import secrets
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migration_lab.ground.engines.postgres.binaries import Binaries, Runner
from migration_lab.ground.engines.postgres.house import ROLE, House, new_password, new_socket_folder
from migration_lab.ground.errors import LabError

LIMIT = 120  # seconds for initdb or a change of the password
# Lab databases are clones and can be recreated: nothing here is protected against a power cut. Commits are still
# synchronous: without fsync that costs almost nothing, and a killed server loses none.
# Autovacuum would occasionally disturb a measurement: an ALTER waits a second for it, and dead
# rows that a lesson counts are gone. A lab database is small and short-lived; a cell can run VACUUM itself.
# A lesson that sends requests (06, 08, 09) opens up to 17 connections, so 200 are enough for eleven such notebooks.
SETTINGS = """\
listen_addresses = ''
port = 5432
unix_socket_directories = {sockets}
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '16MB'
fsync = off
autovacuum = off
synchronous_commit = on
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
min_wal_size = '4MB'
max_wal_size = '64MB'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_min_messages = log
log_checkpoints = off
max_logical_replication_workers = 0
jit = off
"""
# Iterations protect chosen passwords. Ours has 128 random bits, and a single iteration saves 3 ms a connection.
SCRAM_FROM_16 = "scram_iterations=1"
SETTINGS_FROM_18 = "io_method = sync\n"  # no processes that wait for work


def place(house: House, runner: Runner) -> None:
    """Make `data` a folder of the house, or a link to one outside when another user runs the server."""
    if runner.owner is None:
        if house.data.is_symlink():
            house.data.unlink()
        return
    target = house.outside / "data"
    if not house.data.is_symlink() and house.data.exists():
        _put_away(house.data)
    if not house.data.is_symlink() or house.data.readlink() != target:
        house.data.unlink(missing_ok=True)
        house.data.symlink_to(target)


def is_whole(house: House) -> bool:
    """Whether there is a cluster, rather than nothing or a part of one."""
    return all((house.data / part).exists() for part in ("PG_VERSION", "global/pg_control", "base/1", "pg_wal"))


def make(house: House, binaries: Binaries, runner: Runner) -> None:
    """Create a new cluster with a new password, in place of whatever is at `data`.

    It is created elsewhere and then renamed, so that a partial one is never mistaken for a cluster.

    Raises:
        LabError: initdb fails, for example because the disk is full.
    """
    data = Path(os.path.realpath(house.data))
    for leftover in data.parent.glob("data.new-*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    new = data.with_name(f"data.new-{secrets.token_hex(4)}")
    password = data.with_name(f"{new.name}.password")
    password.touch(mode=0o600)
    try:
        password.write_text(new_password(house), encoding="ascii")
        if runner.owner is not None:
            os.chown(password, runner.owner, -1)
        options = ["--no-sync", "--wal-segsize=1", "--encoding=UTF8", "--locale=C", f"--username={ROLE}"]
        if binaries.major >= 16:
            options.append(f"--set={SCRAM_FROM_16}")
        if binaries.major >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += ["--auth=scram-sha-256", f"--pwfile={password}", f"--pgdata={new}"]
        _run([*runner.prefix, binaries.program("initdb"), *options], "set up")
        if data.is_dir():
            shutil.rmtree(data)
        new.rename(data)
    except OSError as error:
        raise LabError(f"Postgres could not be set up: {error}.", "Make room on the disk, then try again.") from error
    finally:
        password.unlink(missing_ok=True)
        shutil.rmtree(new, ignore_errors=True)


def configure(house: House, binaries: Binaries, runner: Runner) -> Path:
    """Write the settings for the next start; the folder in which its socket will be."""
    data = Path(os.path.realpath(house.data))
    sockets = new_socket_folder(house, runner.owner)
    settings = SETTINGS.format(sockets=_quoted(str(sockets)))
    if binaries.major >= 16:
        settings += SCRAM_FROM_16 + "\n"
    if binaries.major >= 18:
        settings += SETTINGS_FROM_18
    (data / "postgresql.conf").write_text(settings, encoding="utf-8")
    (data / "postmaster.pid").unlink(missing_ok=True)
    return sockets


def change_password(house: House, binaries: Binaries, runner: Runner) -> None:
    """Give the role a new password without knowing the old one; the server must not run."""
    configure(house, binaries, runner)
    command = [*runner.prefix, binaries.program("postgres"), "--single", "-D", os.path.realpath(house.data), "postgres"]
    _run(command, "given a new password", f"ALTER ROLE {ROLE} PASSWORD '{new_password(house)}'\n")


@contextmanager
def set_aside(house: House) -> Iterator[None]:
    """Keep the cluster as `data.broken` while another takes its place; put it back if that fails too."""
    data = Path(os.path.realpath(house.data))
    broken = _put_away(data)
    try:
        yield
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        broken.rename(data)
        raise
    warnings.warn(
        f"The Postgres databases were damaged and could not be opened. They are kept in {broken}. "
        "The course goes on with new ones: open your lesson again.",
        stacklevel=2,
    )


def environment() -> dict[str, str]:
    """The environment of the programs: nothing that could change their behaviour or language."""
    kept = {name: value for name, value in os.environ.items() if not re.match(r"PG|LC_|LANG|TZ", name)}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def last_words(output: str) -> str:
    """The line of a program's output that says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "No space left" in line]  # errors that follow from it say less
    telling = telling or [line for line in lines if re.search(r"FATAL|PANIC|error:", line)]
    found = (telling or lines or ["it gave no reason"])[-1]
    return re.sub(r"^.*?(FATAL|PANIC|error): *", "", found).rstrip(".")


def _put_away(data: Path) -> Path:
    broken = data.with_name("data.broken")
    shutil.rmtree(broken, ignore_errors=True)
    data.rename(broken)
    return broken


def _quoted(path: str) -> str:
    """A path as an item of a list in `postgresql.conf`: quoted as an item, then as a string."""
    item = '"' + path.replace('"', '""') + '"'
    return "'" + item.replace("\\", "\\\\").replace("'", "''") + "'"


def _run(command: list[str], what: str, text: str = "") -> None:
    next_step = "Make room on the disk and try again, or set LAB_POSTGRES_URL to a server that you have."
    try:
        done = subprocess.run(
            command,
            input=text,
            cwd="/",
            env=environment(),
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"Postgres could not be {what} within {LIMIT} seconds.", next_step) from error
    if done.returncode:
        raise LabError(f"Postgres could not be {what}: {last_words(done.stdout)}.", next_step)
