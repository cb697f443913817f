"""Measures a table's size on disk, and whether it was rewritten between two measurements."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from migration_lab.ground.counted import wait_until_counted
from migration_lab.ground.database_urls import is_the_labs
from migration_lab.ground.errors import LabError
from migration_lab.instruments.query import refuse_odd_text
from migration_lab.instruments.readonly import looking_at

FIND = """
SELECT oid, relkind FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS named (name, place)
JOIN pg_class ON oid = to_regclass(name) AND relkind IN ('r', 'm', 'p', 'v', 'f') ORDER BY place LIMIT 1
"""
# A partitioned table has no file; its rows are in the files of its partitions.
MEASURE = """
SELECT relid::oid::bigint, coalesce(pg_relation_filenode(relid), 0)::bigint, coalesce(pg_table_size(relid), 0),
       coalesce(pg_indexes_size(relid), 0), coalesce(pg_stat_get_dead_tuples(relid), 0),
       CASE WHEN pg_is_in_recovery() THEN NULL ELSE (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint END
FROM (SELECT CAST(:oid AS oid)::regclass AS relid
      UNION SELECT relid FROM pg_partition_tree(CAST(:oid AS oid)) WHERE isleaf) AS part
ORDER BY relid::oid <> :oid, relid
"""
KINDS = {"r": "table", "m": "table", "p": "partitioned table", "v": "view", "f": "foreign table"}
MEASURED = ("table", "partitioned table")
SQLITE_SIZE = """
SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE type = :type AND tbl_name = :name)
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
    Of a partitioned table, all figures are sums over its partitions, at all levels, and `partitions` has the `file` of
    each; it is None for other tables.
    """

    table: str
    file: tuple[int, int]
    table_bytes: int
    index_bytes: int
    dead_rows: int | None = None
    free_bytes: int | None = None
    wal_bytes: int | None = None
    is_whole_file: bool = False
    partitions: tuple[tuple[int, int], ...] | None = None

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
        lines = [self._heading(), f"{'file' if self.is_whole_file else 'table'}      {_size(self.table_bytes)}"]
        if not self.is_whole_file:
            lines.append(f"indexes    {_size(self.index_bytes)}")
        if self.dead_rows is not None:
            lines.append(f"dead rows  {self.dead_rows}")
        if self.free_bytes is not None:
            lines.append(f"free       {_size(self.free_bytes)}")
        return "\n".join(lines)

    def _heading(self) -> str:
        if self.partitions is None:
            return self.table
        count = len(self.partitions)
        return f"{self.table}, the sum over {count} partition{'' if count == 1 else 's'}"


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
        """Whether the table's rows, or those of one of its partitions, are in a new file, or on SQLite in a new table.

        A partition that was there only before or only after does not count.
        """
        return self.before.file != self.after.file or self.partitions_rewritten > 0

    @property
    def partitions_rewritten(self) -> int:
        """How many of the partitions that were there before and after are in a new file."""
        before = dict(self.before.partitions or ())
        return sum(before.get(oid, file) != file for oid, file in self.after.partitions or ())

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
        parts = f", {self.partitions_rewritten} of its partitions" if self.partitions_rewritten else ""
        lines = [self.after._heading(), f"rewritten  {'yes' if self.rewritten else 'no'}{parts}"]
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
        table: its name as in SQL: `users`, `app.users`, `"a.b"`, `app."a.b"`. Capitals count, with quotes or without,
            and so does a dot if there is no such schema.

    Raises:
        LabError: there is no such table, it is something without rows of its own, or the database cannot be read.
    """
    refuse_odd_text(table, "name of the table")
    with looking_at(url) as connection:
        look = _sqlite if connection.dialect.name == "sqlite" else _postgres
        found = look(connection, table)
    if found is None:
        names = "`shop.schema()`" if is_the_labs(url) else "`schema.read_schema(url)`"
        raise LabError(f"There is no table {table} in this database.", f"Look at the names of its tables with {names}.")
    return found


def _postgres(connection: Connection, table: str) -> Storage | None:
    names = [".".join('"' + part.replace('"', '""') + '"' for part in parts) for parts in _readings(table)]
    found = connection.execute(text(FIND), {"names": names}).one_or_none()
    if found is None:
        return None
    kind = KINDS[found.relkind]
    _refuse_without_rows(table, kind)

    def ask(sql: str) -> list[Any]:
        answer = list(connection.execute(text(sql)))
        connection.rollback()  # a transaction sees the same activity and statistics until it ends
        return answer

    wait_until_counted(ask)
    own, *partitions = rows = connection.execute(text(MEASURE), {"oid": found.oid}).all()
    table_bytes, index_bytes, dead = (sum(int(row[place]) for row in rows) for place in (2, 3, 4))
    files = tuple((row[0], row[1]) for row in partitions) if kind == "partitioned table" else None
    return Storage(
        table, (own[0], own[1]), table_bytes, index_bytes, dead_rows=dead, wal_bytes=own[5], partitions=files
    )


def _readings(table: str) -> list[tuple[str, ...]]:
    """What a name may mean, the likeliest first: parts that are quoted, or else a schema's name before some dot."""
    if quoted := re.fullmatch(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)', table):
        parts = tuple(part[1:-1].replace('""', '"') if part[0] == '"' else part for part in quoted.groups() if part)
        if '"' in table:
            return [parts]
    dots = [place for place, character in enumerate(table) if character == "." and 0 < place < len(table) - 1]
    return [*((table[:place], table[place + 1 :]) for place in dots), (table,)]


def _refuse_without_rows(table: str, kind: str) -> None:
    if kind not in MEASURED:
        where = f"Most modules keep them in other tables: look for names like `{table}_...` in `shop.schema()`."
        raise LabError(
            f"{table} is a {kind}, which has no rows of its own to measure.",
            where if kind == "virtual table" else "Name a table.",
        )


def _sqlite(connection: Connection, table: str) -> Storage | None:
    def ask(sql: str, **values: Any) -> Any:
        return connection.execute(text(sql), values).one_or_none()

    # The rowid is more reliable: a copy is made while the old table exists, so its row in the schema is another
    # one. The root page of an old table may be used again by the copy of its copy. VACUUM may change either.
    find = (
        "SELECT name, rowid, rootpage, type FROM sqlite_schema "
        "WHERE type IN ('table', 'view') AND lower(name) = lower(:name)"
    )
    named = [parts[-1] for parts in _readings(table) if len(parts) == 1 or parts[0].lower() == "main"]
    found = next((row for name in named if (row := ask(find, name=name)) is not None), None)
    if found is None:
        return None
    # A virtual table has no page of its own: its module keeps the rows, in other tables or elsewhere.
    _refuse_without_rows(table, found.type if found.rootpage or found.type == "view" else "virtual table")
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
