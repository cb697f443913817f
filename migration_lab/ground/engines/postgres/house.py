"""The folder of the course's own server: its data, socket, password and locks, all private to us."""

import json
import os
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from migration_lab.ground.engines.postgres.private import passfile_line, write_private
from migration_lab.ground.engines.postgres.watcher import read_elsewhere
from migration_lab.ground.errors import LabError

ROLE = "lab"
# The path of a Unix socket may have 107 bytes on Linux and 103 on macOS, and libpq reads a comma as two hosts.
LONGEST_SOCKET_PATH = 103
SOCKET_NAME = "/.s.PGSQL.5432"
NONCE_BYTES = 4


@dataclass(frozen=True)
class House:
    """The folder of one server.

    `data` holds the cluster. `socket` is a symbolic link to the folder of the running server's socket: each start
    has its own socket folder, so that a server that lost its data cannot block the next one, while URLs stay the same.
    """

    folder: Path

    @property
    def data(self) -> Path:
        """The cluster; a link when the server runs as another user, which cannot reach the house."""
        return self.folder / "data"

    @property
    def outside(self) -> Path:
        """The folder of the sockets: the house, or a private folder with a shorter path."""
        return read_elsewhere(self.folder) or self.folder

    @property
    def socket(self) -> Path:
        """The host for clients."""
        return self.outside / "s"

    @property
    def passfile(self) -> Path:
        """The password, in libpq's format."""
        return self.folder / "passfile"

    @property
    def log(self) -> Path:
        """The server's log since its last start."""
        return self.folder / "log"

    def parameters(self) -> dict[str, str | int]:
        """The parameters for a connection as the owner of everything."""
        return {"host": str(self.socket), "user": ROLE, "dbname": "postgres", "passfile": str(self.passfile)}


def prepare(house: House, owner: int | None) -> None:
    """Ensure that the house has a folder for sockets that clients and the server's user can reach.

    Args:
        house: whose folder exists.
        owner: the user id of the server if it runs as another user, who cannot reach the house.
    """
    inside = f"{house.folder}/{'n' * 2 * NONCE_BYTES}{SOCKET_NAME}"
    fits = len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH and "," not in inside
    if (fits and owner is None) or _reachable(read_elsewhere(house.folder), owner):
        return
    folder = _make_elsewhere()
    if owner is not None:
        os.chown(folder, owner, -1)
    note = {"folder": str(folder), "owner": folder.stat().st_uid}
    write_private(house.folder / "elsewhere", json.dumps(note))


def _reachable(folder: Path | None, owner: int | None) -> bool:
    return folder is not None and folder.stat().st_uid == (os.geteuid() if owner is None else owner)


def _make_elsewhere() -> Path:
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        inside = f"{base}/lab-pg-12345678/{'n' * 2 * NONCE_BYTES}{SOCKET_NAME}"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH and "," not in inside and os.access(base, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="lab-pg-", dir=base))
    raise LabError("There is no folder with a short path for Postgres's socket.", "Set LAB_STATE to a shorter path.")


def new_socket_folder(house: House, owner: int | None) -> Path:
    """An empty private folder for the socket of one start."""
    folder = house.outside / secrets.token_hex(NONCE_BYTES)
    folder.mkdir(mode=0o700)
    if owner is not None:
        os.chown(folder, owner, -1)
    return folder


def point_socket_at(house: House, folder: Path) -> None:
    """Let clients find the new server, and remove the socket folders of earlier ones."""
    link = house.outside / f"{folder.name}.link"
    link.symlink_to(folder.name)
    link.replace(house.socket)
    for each in house.outside.iterdir():
        if re.fullmatch(r"[0-9a-f]{8}", each.name) and each != folder:
            shutil.rmtree(each, ignore_errors=True)


def new_password(house: House) -> str:
    """Generate a password and store it in the house."""
    password = secrets.token_hex(16)
    write_private(house.passfile, passfile_line(ROLE, password))
    return password


def has_password(house: House) -> bool:
    """Whether the password file exists and is complete."""
    try:
        text = house.passfile.read_text(encoding="utf-8")
        if house.passfile.stat().st_mode & 0o077:
            return False  # libpq ignores a password file that others can read
    except (OSError, ValueError):
        return False
    return re.fullmatch(rf"\*:\*:\*:{ROLE}:[0-9a-f]{{32}}\n", text) is not None
