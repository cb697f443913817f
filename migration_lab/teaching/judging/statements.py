"""Notes about what each statement did to a table, and whom its transaction kept out; on Postgres, for judges.

The server counts, nothing is timed, so the result is the same on a fast machine and on a busy one.

    note_statements(large, "users")
    large.flask("db upgrade")
    noted_statements(large)
"""

from dataclasses import dataclass
from typing import Literal

from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.expectations import JudgeError

LOG = "lab_statements"
LOOKS = 20  # at the rows that a transaction has locked: with each of its first statements, as a look reads the table

# The locks of https://www.postgresql.org/docs/current/explicit-locking.html that writers wait for, and the one that
# readers wait for too. A statement's locks are read when it ends: by then it has taken all of them.
NOTE = """
CREATE TABLE {log} (
    number bigint GENERATED ALWAYS AS IDENTITY, transaction text, rows bigint, whole_reads bigint, keeps_out text,
    gives_up real, locked bigint NOT NULL DEFAULT 0
);
CREATE FUNCTION {log}_keeps_out() RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN 'AccessExclusiveLock' = ANY (array_agg(mode)) THEN 'everyone'
                WHEN array_agg(mode) && '{{ShareLock,ShareRowExclusiveLock,ExclusiveLock}}' THEN 'writers'
                ELSE '' END
    FROM pg_locks WHERE pid = pg_backend_pid() AND relation = to_regclass('{table}') AND granted
$$;
CREATE FUNCTION {log}_reads() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(pg_stat_get_xact_numscans(to_regclass('{table}')), 0)
$$;
CREATE FUNCTION {log}_locked() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM {log}) >= {looks} THEN RETURN 0; END IF;
    RETURN (SELECT count(*) FROM {table} WHERE xmax = pg_current_xact_id()::xid);
END $$;
CREATE FUNCTION {log}_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('lab.reads', {log}_reads()::text, false);
    RETURN NULL;
END $$;
CREATE FUNCTION {log}_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO {log} (transaction, rows, whole_reads, keeps_out, locked)
    SELECT pg_current_xact_id()::text, rows,
           CASE keeps_out WHEN '' THEN 0 ELSE {log}_reads() - current_setting('lab.reads')::bigint END, keeps_out,
           {log}_locked()
    FROM (SELECT count(*) AS rows, {log}_keeps_out() AS keeps_out FROM changed);
    RETURN NULL;
END $$;
CREATE TRIGGER {log}_changes BEFORE INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {log}_changes();
CREATE TRIGGER {log}_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION {log}_changed();
CREATE TRIGGER {log}_updated AFTER UPDATE ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION {log}_changed();
CREATE TRIGGER {log}_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION {log}_changed();
"""
# The server publishes its count of reads when a session is idle, so the reads of one statement are the difference.
NOTE_READS = """
CREATE FUNCTION {log}_begins() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('lab.reads', {log}_reads()::text, false);
END $$;
CREATE FUNCTION {log}_ends() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO {log} (transaction, rows, whole_reads, keeps_out, gives_up)
    SELECT pg_current_xact_id()::text, 0, {log}_reads() - current_setting('lab.reads')::bigint, {log}_keeps_out(),
           (SELECT setting::real / 1000 FROM pg_settings WHERE name = 'lock_timeout');
END $$;
CREATE EVENT TRIGGER {log}_begins ON ddl_command_start EXECUTE FUNCTION {log}_begins();
CREATE EVENT TRIGGER {log}_ends ON ddl_command_end EXECUTE FUNCTION {log}_ends();
"""
# Another session's row could arrive after any statement of a backfill; here it arrives with each of the first ones.
ARRIVING = """
CREATE SEQUENCE {log}_arrived;
CREATE FUNCTION {log}_arrives() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('{log}_arrived') <= {most} THEN {insert}; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {log}_arrives AFTER UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {log}_arrives();
"""


@dataclass(frozen=True)
class Statement:
    """One statement that changed rows of the table, or one that changed any schema.

    Args:
        transaction: the same for all statements of one transaction.
        rows: how many rows it inserted, changed or deleted.
        whole_reads: how often it read the whole table; if it changed rows, only while it blocked other sessions.
        keeps_out: who could not use the table until the transaction ended: nobody, writers, or readers too.
        gives_up: after how many seconds it would have stopped waiting for a lock, 0 for never; None if it changed rows.
        locked: how many rows its transaction had locked and not changed, as far as that was looked at.
    """

    transaction: str
    rows: int
    whole_reads: int
    keeps_out: Literal["", "writers", "everyone"]
    gives_up: float | None = None
    locked: int = 0


def note_statements(copy: Database, table: str) -> None:
    """From now on, record in the copy's database what happens to a table.

    The notes are a table, functions and triggers of that database: use a copy whose schema is not judged. Reads of the
    whole table are noted only where the lab's role is a superuser, as it is on the course's own server.

    Raises:
        JudgeError: the copy is not on Postgres.
    """
    if copy.engine.name != "postgres":
        raise JudgeError("statements can be noted on Postgres only")
    copy.execute(NOTE.format(log=LOG, table=table, looks=LOOKS))
    if copy.sql("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").scalar:
        copy.execute(NOTE_READS.format(log=LOG, table=table))


def noted_statements(copy: Database) -> list[Statement]:
    """What was recorded, in order; transactions that were rolled back are not included."""
    columns = "transaction, rows, whole_reads, keeps_out, gives_up, locked"
    rows = copy.sql(f"SELECT {columns} FROM {LOG} ORDER BY number").rows
    return [Statement(*row) for row in rows]


def let_arrive(copy: Database, table: str, insert: str, most: int) -> None:
    """From now on, insert a row with each statement that updates the table, as other programs would.

    Args:
        insert: the statement that does it.
        most: how many rows arrive at most.
    """
    copy.execute(ARRIVING.format(log=LOG, table=table, insert=insert, most=most))
