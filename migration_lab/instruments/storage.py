"""Measures a table's size on disk, and whether it was rewritten between two measurements."""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from migration_lab.ground.errors import LabError
from migration_lab.instruments.readonly import looking_at

QUIET_SECONDS = 0.2
PATIENCE_SECONDS = 2

FIND = "SELECT oid FROM pg_class WHERE oid = to_regclass(:table) AND relkind IN ('r', 'm')"
MEASURE = """
SELECT pg_relation_filenode(:oid), pg_table_size(:oid), pg_indexes_size(:oid),
       coalesce((SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = :oid), 0),
       CASE WHEN pg_is_in_recovery() THEN NULL ELSE (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint END
"""
SQLITE_SIZE = """
SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE type = :type AND tbl_name = :name)
"""
OTHERS = """
SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Storage:
    """A table's storage at one moment; all sizes are in bytes.

    `file` identifies a set of the table's pages: on Postgres the table's id and its file node, on SQLite the
    rowid of its line in `sqlite_schema` and its root page. `dead_rows` (None on SQLite, which has none) counts versions
    of rows that no session sees any more and no vacuum has removed: the server's own estimate, which is 0 at first in a
    clone and stays as it was when the table is rewritten.
    `free_bytes` are pages of the SQLite file that hold nothing (None on Postgres). `wal_bytes` is how far the whole
    server has written its log. Where SQLite was built without `dbstat`, `table_bytes` is the whole file
    and `is_whole_file` is set.
    """

    table: str
    file: tuple[int, int]
    table_bytes: int
    index_bytes: int
    dead_rows: int | None = None
    free_bytes: int | None = None
    wal_bytes: int | None = None
    is_whole_file: bool = False

    def since(self, before: "Storage") -> "Change":
        """How the table changed since an earlier measurement.

        Raises:
            LabError: the earlier measurement was of another table.
        """
        if before.table != self.table:
            raise LabError(
                f"These are two tables: {before.table} and {self.table}.", "Compare two looks at the same table."
            )
        return Change(before, self)

    def as_text(self) -> str:
        """Each size, in a readable unit."""
        lines = [f"{self.table}", f"{'file' if self.is_whole_file else 'table'}      {_size(self.table_bytes)}"]
        if not self.is_whole_file:
            lines.append(f"indexes    {_size(self.index_bytes)}")
        if self.dead_rows is not None:
            lines.append(f"dead rows  {self.dead_rows}")
        if self.free_bytes is not None:
            lines.append(f"free       {_size(self.free_bytes)}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Change:
    """The difference between two measurements of one table.

    On Postgres `rewritten` is exact: every command that rewrites the whole table gives it a new file (so do VACUUM
    FULL, CLUSTER and TRUNCATE). On SQLite it says that the table's rows were copied into a new table that took the old
    one's name, as batch mode does, or that VACUUM moved it. It does not see rows that were changed in place: an
    UPDATE of all of them, or SQLite's own `ALTER TABLE ... DROP COLUMN`; nor a VACUUM that puts the table where it was;
    nor, as a rule, a DROP TABLE that comes before the CREATE TABLE of the same name.
    """

    before: Storage
    after: Storage

    @property
    def rewritten(self) -> bool:
        """Whether the table's rows are in a new file, or on SQLite in a new table."""
        return self.before.file != self.after.file

    @property
    def table_bytes(self) -> int:
        """By how much the table grew."""
        return self.after.table_bytes - self.before.table_bytes

    @property
    def index_bytes(self) -> int:
        """By how much its indexes grew."""
        return self.after.index_bytes - self.before.index_bytes

    @property
    def dead_rows(self) -> int | None:
        """By how much dead rows increased; less than 0 after a vacuum; None on SQLite."""
        return _difference(self.before.dead_rows, self.after.dead_rows)

    @property
    def free_bytes(self) -> int | None:
        """By how much the free pages of the file grew; None on Postgres."""
        return _difference(self.before.free_bytes, self.after.free_bytes)

    @property
    def wal_bytes(self) -> int | None:
        """How much the whole server, with all its databases, wrote to its log in between; None on SQLite."""
        return _difference(self.before.wal_bytes, self.after.wal_bytes)

    def as_text(self) -> str:
        """Whether it was rewritten, and each size before and after."""
        lines = [self.after.table, f"rewritten  {'yes' if self.rewritten else 'no'}"]
        name = "file" if self.after.is_whole_file else "table"
        lines.append(_line(name, self.before.table_bytes, self.after.table_bytes))
        if not self.after.is_whole_file:
            lines.append(_line("indexes", self.before.index_bytes, self.after.index_bytes))
        if self.dead_rows is not None:
            lines.append(f"dead rows  {self.before.dead_rows} -> {self.after.dead_rows}")
        if self.before.free_bytes is not None and self.after.free_bytes is not None:
            lines.append(_line("free", self.before.free_bytes, self.after.free_bytes))
        if self.wal_bytes is not None:
            lines.append(f"WAL        {_size(self.wal_bytes)} written by the whole server")
        return "\n".join(lines)

    def in_words(self) -> str:
        """Only facts that are the same on every machine."""
        return f"{self.after.table}: {'rewritten' if self.rewritten else 'not rewritten'}"


def read(url: str, table: str) -> Storage:
    """Measure a table's storage, through a read-only connection.

    On Postgres this waits while another session holds ACCESS EXCLUSIVE on the table. A session reports dead rows to the
    server at its end at the latest, so those of a finished command are counted. A session that stays open, such as one
    in the pool of a running shop, reports after a transaction if its last report was over a second ago, and otherwise
    up to ten seconds later.

    Args:
        url: a SQLAlchemy URL.
        table: its name, with the schema's before it if necessary.

    Raises:
        LabError: there is no such table, or the database cannot be read.
    """
    with looking_at(url) as connection:
        look = _sqlite if connection.dialect.name == "sqlite" else _postgres
        found = look(connection, table)
    if found is None:
        raise LabError(
            f"There is no table {table} in this database.", "Look at the names of its tables with `shop.schema()`."
        )
    return found


def _postgres(connection: Connection, table: str) -> Storage | None:
    named = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
    oid = connection.execute(text(FIND), {"table": named}).scalar()
    if oid is None:
        return None
    _wait_for_statistics(connection)
    file, table_bytes, index_bytes, dead, wal = connection.execute(text(MEASURE), {"oid": oid}).one()
    return Storage(table, (oid, file), table_bytes, index_bytes, dead_rows=dead, wal_bytes=wal)


def _wait_for_statistics(connection: Connection) -> None:
    """Wait until sessions that are about to end have ended: each reports its statistics before it leaves the list.

    The client ends a moment before its session. Which sessions will end is not known, so this waits until the
    list has stayed the same for `QUIET_SECONDS`, and not at all if it is empty.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    earlier, since = None, time.monotonic()
    while time.monotonic() < until:
        others = connection.execute(text(OTHERS)).scalar()
        connection.rollback()  # a transaction sees the same activity and statistics until it ends
        if others != earlier:
            earlier, since = others, time.monotonic()
        if not others or time.monotonic() - since > QUIET_SECONDS:
            return
        time.sleep(0.01)


def _sqlite(connection: Connection, table: str) -> Storage | None:
    def ask(sql: str, **values: Any) -> Any:
        return connection.execute(text(sql), values).one_or_none()

    # The rowid is more reliable: a copy is made while the old table exists, so its row in the schema is another
    # one. The root page of an old table may be used again by the copy of its copy. VACUUM may change either.
    found = ask(
        "SELECT name, rowid, rootpage FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(:name)",
        name=table,
    )
    if found is None:
        return None
    if not found.rootpage:
        raise LabError(
            f"{table} is a virtual table and has no pages of its own: its module keeps the rows elsewhere.",
            f"Most modules keep them in tables of the database: look for names like `{table}_...` in `shop.schema()`.",
        )
    page, pages, free = (ask(f"PRAGMA {name}")[0] for name in ("page_size", "page_count", "freelist_count"))
    try:
        table_bytes, index_bytes = (ask(SQLITE_SIZE, type=kind, name=found.name)[0] or 0 for kind in ("table", "index"))
    except OperationalError as error:
        if "dbstat" not in str(error.orig):
            raise
        return Storage(
            table, (found.rowid, found.rootpage), page * pages, 0, free_bytes=page * free, is_whole_file=True
        )
    return Storage(table, (found.rowid, found.rootpage), table_bytes, index_bytes, free_bytes=page * free)


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _line(name: str, before: int, after: int) -> str:
    return f"{name:<11}{_size(before)} -> {_size(after)}"


def _size(count: int) -> str:
    """Readable sizes: 512 bytes, 16 kB, 12.3 MB, in steps of 1024."""
    if abs(count) < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.0f} kB" if abs(count) < 1024**2 else f"{count / 1024**2:.1f} MB"
