"""What `migrations/env.py` and the app's connections guarded at the start: a judge asks where a learner changed them.

A change that gets one revision through, such as no limit for locks any more, holds for all later ones.
"""

from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.judge import Judge
from migration_lab.teaching.judging.program import run_program
from migration_lab.teaching.judging.running import STOPPED, run, somebody
from migration_lab.teaching.judging.words import text_of

ENV, EXTENSIONS = "migrations/env.py", "shop/extensions.py"
STILL_WAITS_SECONDS = 15.0  # the shop's limit is two seconds; a busy machine needs some for the command itself
PLANTED = """
import sqlalchemy as sa
from alembic import op

revision = {id!r}
down_revision = {below!r}


def upgrade():
    {up}


def downgrade():
    {down}
"""
LOCKS = 'op.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")'
COPIES = 'with op.batch_alter_table("users", recreate="always"):\n        pass'
NOTHING, FAILS = "pass", 'raise RuntimeError("the machine is switched off")'
KEYS_ON = "assert db.session.connection().exec_driver_sql('PRAGMA foreign_keys').scalar(), 'foreign keys are off'"


def expect_still_guarded(judge: Judge) -> None:
    """Later revisions, and the app, are guarded as they were at the start.

    Raises:
        Miss: something is not.
    """
    had = {each: text_of(judge.traces.original / each) for each in (ENV, EXTENSIONS) if each in judge.traces.changed}
    env, extensions = had.get(ENV, ""), had.get(EXTENSIONS, "")
    if len(judge.traces.history.heads) != 1:
        return  # nothing can follow
    if judge.engine == "postgres":
        if "lock_timeout" in env:
            _expect_short_waits(judge)
        if "transaction_per_migration=True" in env:
            _expect_a_transaction_each(judge)
        return
    if "foreign_keys_off" in env:
        _expect_children_kept(judge)
    if "foreign_keys = ON" in extensions:
        copy = judge.upgraded("the shop's database")
        judge.expect_success(
            run_program(copy, KEYS_ON),
            copy,
            expected="The shop's connections enforce foreign keys, as before.",
            cause=f"`{EXTENSIONS}` turned them on for each connection.",
            next_step="Put that back.",
        )


def _expect_short_waits(judge: Judge) -> None:
    copy = judge.upgraded("a database with a later revision")
    _plant(copy, LOCKS)
    with somebody(copy) as reader:
        reader.exec_driver_sql("SELECT count(*) FROM users")
        done = run(copy, "db upgrade", seconds=STILL_WAITS_SECONDS)
    judge.expect(
        done.exit_code != STOPPED,
        expected="A later revision that cannot lock a table gives up soon, as before.",
        found="It waits and waits, and everybody who needs the table waits behind it.",
        cause=f"`{ENV}` limited how long a migration waits for a lock. It no longer does.",
        next_step="Put the limit back. A revision can have one of its own: `SET LOCAL lock_timeout`.",
    )


def _expect_a_transaction_each(judge: Judge) -> None:
    copy = judge.upgraded("a database with two later revisions")
    first, _ = _plant(copy, NOTHING, FAILS)
    run(copy, "db upgrade")
    judge.expect(
        copy.stands_at() == (first,),
        expected="When the second of two later revisions fails, the first one stays, as before.",
        found=f"The database stands at {', '.join(copy.stands_at())}.",
        cause=f"`{ENV}` gave each migration a transaction of its own. It no longer does.",
        next_step="Put `transaction_per_migration=True` back.",
    )


def _expect_children_kept(judge: Judge) -> None:
    copy = judge.upgraded("a database with a later revision")
    _plant(copy, COPIES)
    count = "SELECT count(*) FROM orders"
    before, done = copy.sql(count).scalar, run(copy, "db upgrade")
    after = copy.sql(count).scalar
    judge.expect(
        done.exit_code != 0 or after == before,
        expected="A later revision that copies `users` keeps every order, as before.",
        found=f"{before - after} of {before} orders are gone.",
        cause=f"`{ENV}` switched foreign keys off while migrations run. It no longer does.",
        next_step="Put that back: without it the batch deletes what refers to the table.",
    )


def _plant(copy: Database, *bodies: str) -> tuple[str, ...]:
    """Write revisions that follow the last one, and return their ids."""
    (below,), ids = copy.stands_at(), tuple(f"later{number}" for number, _ in enumerate(bodies))
    for each, up in zip(ids, bodies, strict=True):
        text = PLANTED.format(id=each, below=below, up=up, down=NOTHING)
        (copy.folder / f"migrations/versions/{each}.py").write_text(text, encoding="utf-8")
        below = each
    return ids
