"""Upgrades that fail, on either engine, offline and beside another connection: each output must find its card."""

import sqlite3

import pytest
import sqlalchemy as sa

from tests.teaching.explain.project import ANN, BATCH, TWO_ANNS, USERS, Project, expect

# --- one revision after the other until `flask db upgrade` fails -------------------------------------------------

ON_SQLITE = {
    "F29": [USERS, USERS],
    "F31": [USERS + "; " + ANN, 'op.add_column("users", sa.Column("tz", sa.Text, nullable=False))'],
    "F32": [
        USERS + "; " + ANN + '; op.execute("UPDATE users SET email = NULL")',
        BATCH + 'b.alter_column("email", nullable=False)',
    ],
    "F35": [USERS, BATCH + 'b.create_unique_constraint(None, ["email"])'],
    "F36": [USERS, 'op.create_unique_constraint("uq", "users", ["email"])'],
    "F57": [
        USERS + "; " + ANN,
        'op.execute("CREATE TABLE orders (user_id integer REFERENCES users (id))")\n'
        '    op.execute("INSERT INTO orders VALUES (1)")\n'
        '    op.get_bind().connection.driver_connection.commit(); op.execute("PRAGMA foreign_keys = on")\n    '
        'op.execute("DELETE FROM users")',
    ],
    "F59": [
        USERS,
        'op.execute("CREATE VIEW v AS SELECT id FROM users")',
        BATCH + 'b.alter_column("email", nullable=False)',
    ],
    "F62": ['op.execute("SELECT users.nick FROM (SELECT 1 AS id) AS users")'],
    "F63": ['op.execute("SELECT \'{\\"a\\":true}\'")'],
    "F64": ['op.execute("SELECT 1; SELECT 2")'],
    "F69": [USERS + "; " + TWO_ANNS, 'op.create_index("ux", "users", ["email"], unique=True)'],
    "F72": ["op.create_table('t', sa.Column('c', mytypes.Money()))"],
    "F76": [
        'op.execute("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, x text)")\n'
        '    op.execute("INSERT INTO t (x) VALUES (1)")'
    ],
    "F55": ["pass", "op.execute(\"UPDATE alembic_version SET version_num = 'elsewhere'\")"],
}

ENUM = "sa.Column('s', sa.Enum('a', name='st'))"
ON_POSTGRES = {
    "F29": [USERS, USERS],
    "F30": [USERS + "; " + ANN, 'op.add_column("users", sa.Column("tz", sa.Text, nullable=False))'],
    "F37": [
        USERS + '; op.create_unique_constraint(None, "users", ["email"])',
        'op.drop_constraint(None, "users", type_="unique")',
    ],
    "F41": [
        f"op.create_table('a', {ENUM}); op.create_table('b', {ENUM}); op.execute(\"CREATE TYPE st AS ENUM ('a')\")"
    ],
    "F42": [USERS, "op.execute('ALTER TABLE users ADD COLUMN st st')"],
    "F43": [
        USERS + '; op.execute("CREATE TABLE o (u integer REFERENCES users DEFERRABLE INITIALLY DEFERRED)"); ' + ANN,
        'op.execute("INSERT INTO o VALUES (1)"); op.execute("ALTER TABLE o ADD COLUMN x integer")',
    ],
    "F44": [
        "op.execute(\"CREATE TYPE st AS ENUM ('a')\")",
        "with op.get_context().autocommit_block(): pass\n"
        "    op.execute(\"ALTER TYPE st ADD VALUE 'b'\"); op.execute(\"SELECT 'b'::st\")",
    ],
    "F47": [USERS, 'op.create_index("ix", "users", ["email"], postgresql_concurrently=True)'],
    "F48": [USERS + '; op.create_index("ix", "users", ["email"])', 'op.create_index("ix", "users", ["email"])'],
    "F62": [USERS, 'op.execute("SELECT users.nick FROM users")'],
    "F63": ['op.get_bind().execute(sa.text("SELECT :id"), [])'],
    "F65": [USERS, "try: op.execute('SELECT nothing')\n    except Exception: pass\n    op.execute('SELECT 1')"],
    "F66": [USERS, 'op.alter_column("users", "email", type_=sa.Integer)'],
    "F67": [USERS, "op.add_column('users', sa.Column('f', sa.Boolean, server_default=sa.text('0')))"],
    "F68": [USERS, 'op.execute("CREATE VIEW v AS SELECT email FROM users")', 'op.drop_column("users", "email")'],
    "F69": [USERS + "; " + TWO_ANNS, 'op.create_unique_constraint("uq", "users", ["email"])'],
    "F70": ["op.create_table('t', sa.Column('id', sa.Integer), schema='app')"],
}


@pytest.mark.parametrize("card_id", ON_SQLITE)
def test_an_upgrade_that_fails_on_sqlite(project: Project, card_id: str) -> None:
    project.line(*ON_SQLITE[card_id])
    done = project.flask("db", "upgrade")
    assert done.exit_code != 0, done.output
    expect(done.output, card_id)


@pytest.mark.parametrize("card_id", ON_POSTGRES)
def test_an_upgrade_that_fails_on_postgres(on_postgres: Project, card_id: str) -> None:
    on_postgres.line(*ON_POSTGRES[card_id])
    done = on_postgres.flask("db", "upgrade")
    assert done.exit_code != 0, done.output
    expect(done.output, card_id)


@pytest.mark.parametrize(
    ("card_id", "body"),
    [
        (
            "F68",
            'op.execute("CREATE VIEW v AS SELECT email FROM users"); op.alter_column("users", "email", type_=sa.Text)',
        ),
        ("F69", 'op.create_check_constraint("ck", "users", "email IS NULL")'),
        (
            "F66",
            "op.add_column('users', sa.Column('f', sa.Text, server_default='no'))\n"
            "    op.alter_column('users', 'f', type_=sa.Boolean, postgresql_using='f::boolean')",
        ),
        ("F50", "op.execute(\"SET lock_timeout = '50ms'\"); op.add_column('users', sa.Column('x', sa.Text))"),
        ("F24", "pass"),
    ],
)
def test_more_upgrades_that_fail_on_postgres(on_postgres: Project, card_id: str, body: str) -> None:
    on_postgres.revision("1", None, USERS + "; " + ANN)
    on_postgres.good("upgrade")
    on_postgres.revision("2" * 33 if card_id == "F24" else "2", "1", body)
    engine = sa.create_engine(on_postgres.url, poolclass=sa.NullPool)
    with engine.connect() as reader:
        if card_id == "F50":
            reader.execute(sa.text("SELECT * FROM users"))
        expect(on_postgres.db("upgrade"), card_id)


# --- without a connection, and beside another one ----------------------------------------------------------------


def test_offline(project: Project) -> None:
    project.line(USERS, BATCH + 'b.alter_column("email", nullable=False)')
    expect(project.db("upgrade", "--sql"), "F60")
    project.line(USERS, "for row in op.get_bind().execute(sa.text('SELECT 1')): pass")
    expect(project.db("upgrade", "--sql"), "F61")
    project.line(USERS, "op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    expect(project.db("upgrade", "--sql"), "F61")


def test_a_batch_change_that_failed_before(project: Project) -> None:
    project.line(*ON_SQLITE["F32"])
    expect(project.db("upgrade"), "F32")
    expect(project.db("upgrade"), "F32")


def test_a_batch_change_that_loses_a_check(project: Project) -> None:
    project.line(
        'op.execute("CREATE TABLE users (id integer, email text, CHECK (id > 0))")',
        BATCH + 'b.alter_column("email", nullable=False)',
    )
    expect(project.good("upgrade"), "F58")


def test_a_batch_change_that_drops_what_has_no_name(project: Project) -> None:
    project.models(convention='{"fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s"}')
    project.line(
        'op.execute("CREATE TABLE users (id integer, boss integer REFERENCES users (id))")',
        BATCH + 'b.drop_constraint(None, type_="foreignkey")',
    )
    expect(project.db("upgrade"), "F40")


def test_another_connection_writes(project: Project) -> None:
    project.line(USERS)
    other = sqlite3.connect(project.folder / "shop.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        expect(project.db("upgrade"), "F77")
    finally:
        other.close()
