"""Signatures that show whether a learner has changed a workspace since it was made."""

import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from migration_lab.ground import connect
from migration_lab.ground.counted import wait_until_counted
from migration_lab.ground.database_urls import parse
from migration_lab.ground.engines import Engine
from migration_lab.ground.layers import NOT_INPUT, files_in
from migration_lab.shops.identity import FILE_NAME, read_record

NOT_WORK = NOT_INPUT | {".ipynb_checkpoints"}
LOST = "lost"
_log = logging.getLogger(__name__)
PIECE = 1 << 20  # bytes
TRIES = 3
PAUSE = 0.1  # seconds

# How many rows any session has written into this database since its creation, including its catalog. ANALYZE, which
# the server starts by itself, writes pg_statistic and its TOAST table, in any database for the tables that all share.
POSTGRES_SIGN = """
    WITH gathered AS (SELECT oid, reltoastrelid FROM pg_class WHERE relname LIKE 'pg_statistic%')
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)
    FROM pg_stat_all_tables JOIN pg_class ON pg_class.oid = relid
    WHERE NOT relisshared
      AND relid NOT IN (SELECT oid FROM gathered UNION ALL SELECT reltoastrelid FROM gathered)
"""


def files_sign(folder: Path, only_if_not_in: Path | None = None) -> str:
    """A digest of a workspace's files, names and contents, without programs' leftovers; empty for no files.

    Args:
        only_if_not_in: leave out files that are also there, with the same content or more of it.
    """
    digest = hashlib.sha256()
    count = 0
    for path in files_in(folder, NOT_WORK):
        name = path.relative_to(folder).as_posix()
        if name.startswith(FILE_NAME):
            continue
        if only_if_not_in is not None and (name == ".flaskenv" or _begins(only_if_not_in / name, path)):
            continue
        count += 1
        digest.update(f"{name} {path.stat().st_size if path.is_file() else 0} ".encode())
        for piece in _pieces(path):
            digest.update(piece)
    return digest.hexdigest() if count else ""


def database_sign(engine: Engine, folder: Path) -> str:
    """Text that changes with each write to the folder's database; it may change needlessly, never misses a write."""
    url = parse(engine.sqlalchemy_url(folder))
    if engine.name == "sqlite":
        return _file_sign(Path(url.database or ""))
    import psycopg  # a fifth of a second, which SQLite does not need

    for _ in range(TRIES):
        try:
            with connect.postgres(connect.parameters_of(url)) as connection:
                wait_until_counted(lambda sql: connection.execute(sql.encode()).fetchall())
                return str(connection.execute(POSTGRES_SIGN).fetchone())
        except psycopg.OperationalError as error:
            _log.info("no sign of the database of %s: %s", folder.name, error)
            if "does not exist" in str(error):
                break
            time.sleep(PAUSE)  # a server that is full, or is just starting, answers next time
    return LOST


def is_untouched(folder: Path, engine: Engine) -> bool:
    """Whether both the files and the database of a workspace are unchanged since it was opened."""
    record = read_record(folder)
    return record is not None and (record.files, record.database) == (files_sign(folder), database_sign(engine, folder))


def _file_sign(path: Path) -> str:
    """A reader leaves a SQLite file as it is; a writer changes its time, or leaves a journal or a log beside it."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return LOST
    beside = [suffix for suffix in ("-journal", "-wal") if path.with_name(path.name + suffix).exists()]
    return f"{stat.st_size} {stat.st_mtime_ns} {beside}"


def _begins(path: Path, with_file: Path) -> bool:
    """Whether the file exists and begins like the other one: then it is the same file, or a partial copy."""
    try:
        with path.open("rb") as file:
            return all(file.read(len(piece)) == piece for piece in _pieces(with_file))
    except OSError:
        return False


def _pieces(path: Path) -> Iterator[bytes]:
    """A file's content in pieces, so that a large one does not fill the memory; empty for other paths."""
    if path.is_file():
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
