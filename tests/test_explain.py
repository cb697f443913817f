"""The field guide knows real messages: commands are made to fail here, and what they print must find its card."""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from migration_lab import course, engines
from migration_lab.errors import LabError
from migration_lab.explain import card, explain, guide, not_known
from migration_lab.flask_command import STABLE, run_flask
from migration_lab.process import Completed, run
from migration_lab.query import execute

APP = """
import os
from flask import Flask
from flask_migrate import Migrate
from ext import db, options
import models

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db.init_app(app)
Migrate(app, db, **options)
"""
EXT = """
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy(metadata=sa.MetaData(naming_convention={convention}))
options = dict({options})
"""
USER = """
class User(db.Model):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    email = sa.Column(sa.String(255))
"""
REVISION = '''"""step {own}"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = {own!r}
down_revision = {down!r}


def upgrade():
    {up}


def downgrade():
    {undo}
'''
USERS = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.String(255)))'
T = "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('x', {}))"
ANN = "op.execute(\"INSERT INTO users (id, email) VALUES (1, 'ann')\")"
TWO_ANNS = ANN + "; op.execute(\"INSERT INTO users (id, email) VALUES (2, 'ann')\")"
CONVENTION = '{"uq": "uq_%(table_name)s_%(column_0_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s"}'


@dataclass
class Project:
    """A small project with migrations, in which anything may be broken."""

    folder: Path
    url: str

    def settings(self, *, app: str = "app", url: str | None = None) -> None:
        (self.folder / ".flaskenv").write_text(f"FLASK_APP={app}\nDATABASE_URL={url or self.url}\n")

    def models(self, text: str = "", *, convention: str = "None", options: str = "") -> None:
        (self.folder / "ext.py").write_text(EXT.format(convention=convention, options=options))
        (self.folder / "models.py").write_text("from ext import db, sa\n" + text)

    def revision(self, own: str, down: str | tuple[str, ...] | None, up: str = "pass", undo: str = "pass") -> Path:
        path = self.folder / "migrations" / "versions" / f"{re.sub('[^a-z0-9]', '_', own)}_step.py"
        path.write_text(REVISION.format(own=own, down=down, up=up, undo=undo))
        return path

    def line(self, *bodies: str) -> None:
        """Revisions 1, 2, 3... one after the other."""
        for number, body in enumerate(bodies, 1):
            self.revision(str(number), str(number - 1) if number > 1 else None, body)

    def flask(self, *words: str) -> Completed:
        return run_flask(self, *words)

    def db(self, *words: str) -> str:
        return self.flask("db", *words).output

    def good(self, *words: str) -> str:
        done = self.flask("db", *words)
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a project after `flask db init`."""
    folder = tmp_path_factory.mktemp("blank")
    (folder / "app.py").write_text(APP)
    project = Project(folder, "sqlite:///shop.db")
    project.settings()
    project.models()
    project.good("init")
    return folder


@pytest.fixture
def project(tmp_path: Path, blank: Path) -> Project:
    """A project on SQLite."""
    folder = shutil.copytree(blank, tmp_path / "project")
    made = Project(folder, f"sqlite:///{folder / 'shop.db'}?timeout=0.1")
    made.settings()
    return made


@pytest.fixture
def on_postgres(project: Project) -> Iterator[Project]:
    """The same project on Postgres."""
    engine = engines.engine("postgres")
    engine.create(project.folder)
    project.url = engine.sqlalchemy_url(project.folder)
    project.settings()
    yield project
    engine.drop(project.folder)


def expect(output: str, card_id: str) -> None:
    found = explain(output)
    assert found is not None, output
    assert found.id == card_id, output


# --- one revision after the other until `flask db upgrade` fails -------------------------------------------------

BATCH = 'batch = op.batch_alter_table("users")\n    with batch as b: '
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


# --- the app cannot be loaded -----------------------------------------------------------------------------------


def test_no_app(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], **STABLE}
    expect(run(["flask", "db", "current"], folder=tmp_path, env=env).output, "F01")


@pytest.mark.parametrize(
    ("card_id", "file", "text"),
    [
        ("F02", "models.py", "import no_such_package"),
        ("F03", "models.py", "from app import app"),
        ("F04", "app.py", "nothing = 1"),
        ("F07", "app.py", APP.replace('app.config["SQLALCHEMY_DATABASE_URI"]', "_ ")),
        ("F09", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=postgresql+psycopg2://host/x"),
        ("F08", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=postgres://host/x"),
        ("G01", "models.py", "class User(:\n"),
        ("G01", "app.py", "def create_app():\npass\n"),
        ("G01", "migrations/versions/1_step.py", "def upgrade(:\n"),
        ("G02", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=shop.db"),
        ("G03", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=postgresql+psycopg://ann@127.0.0.1:1/shop"),
        ("G03", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=postgresql+psycopg:///shop?host=/nowhere"),
        ("G03", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=postgresql+psycopg://ann@machine.invalid/shop"),
        ("G05", ".flaskenv", "FLASK_APP=app\nDATABASE_URL=sqlite:////nowhere/shop.db"),
        ("G07", "app.py", APP.replace("Migrate(app, db, **options)", "")),
    ],
)
def test_an_app_that_cannot_be_loaded(project: Project, card_id: str, file: str, text: str) -> None:
    (project.folder / file).write_text(text)
    expect(project.db("current"), card_id)


@pytest.mark.parametrize("text", ["mapped_colum()", "import sqlalchemy as sa\nsa.Colum()"])
def test_a_slip_in_a_model_is_named_with_its_line(project: Project, text: str) -> None:
    (project.folder / "models.py").write_text(text)
    found = explain(project.db("current"))
    assert found
    assert f"models.py`, line {len(text.splitlines())}" in found.says
    assert "Error: " in found.meaning
    in_shop = 'File "/home/ann/my_work/shops/02_x-sqlite/shop/models/user.py", line 19, in User\nNameError: name'
    assert "`shop/models/user.py`, line 19" in (explain(in_shop + " 'x'") or not_known("")).says


@pytest.mark.parametrize(
    ("card_id", "this", "that"),
    [
        ("G04", "passfile=", "passfile=/nowhere"),
        ("G04", "lab@", "nobody@"),
        ("G05", "/lab_", "/lap_"),
    ],
)
def test_a_server_that_lets_nobody_in(on_postgres: Project, card_id: str, this: str, that: str) -> None:
    assert this in on_postgres.url
    on_postgres.settings(url=on_postgres.url.replace(this, that))
    expect(on_postgres.db("current"), card_id)


def test_a_password_of_another_server_in_the_shell(on_postgres: Project) -> None:
    """`%flask` is deaf to it; in a terminal it is libpq's first choice, and the card says what to do."""
    env = {"PATH": os.environ["PATH"], "PGPASSWORD": "another", "FLASK_APP": "app", "DATABASE_URL": on_postgres.url}
    output = run(["flask", "db", "current"], folder=on_postgres.folder, env=env | STABLE).output
    expect(output, "G04")
    assert "unset PGPASSWORD" in card("G04").as_text()


def test_a_value_that_must_be_there(project: Project) -> None:
    made = USERS.replace("sa.String(255)", "sa.String(255), nullable=False")
    project.line(made, "op.execute('INSERT INTO users (id) VALUES (1)')")
    expect(project.db("upgrade"), "G06")
    expect('null value in column "email" of relation "users" violates not-null constraint', "G06")


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_column_that_is_there_already(request: pytest.FixtureRequest, engine: str) -> None:
    twice: Project = request.getfixturevalue("project" if engine == "sqlite" else "on_postgres")
    twice.line(USERS, *['op.add_column("users", sa.Column("phone", sa.String(32)))'] * 2)
    expect(twice.db("upgrade"), "F29")


def test_a_slip_in_the_id_of_a_revision(project: Project) -> None:
    project.line(USERS)
    expect(project.db("upgrade", "nowhere"), "F14")
    assert "that you typed" in card("F14").cure[0]


def test_the_environment(project: Project) -> None:
    expect(project.db("init"), "F06")
    expect(project.db("revision", "--rev-id", "2026:1"), "F25")
    expect(project.db("current", "--check-heads"), "F26")
    shutil.rmtree(project.folder / "migrations")
    expect(project.db("upgrade"), "F05")


# --- the history ------------------------------------------------------------------------------------------------


def test_where_the_database_stands(project: Project) -> None:
    project.line(USERS, "pass")
    expect(project.db("downgrade"), "F23")
    expect(project.db("migrate"), "F13")
    project.good("upgrade")
    execute(project.url.split("?")[0], "UPDATE alembic_version SET version_num = '52834a837aa0'")
    for command in ("upgrade", "current", "migrate"):
        expect(project.db(command), "F14")


def test_two_heads(project: Project) -> None:
    project.revision("1", None, USERS)
    project.revision("2a", "1")
    project.revision("2b", "1")
    expect(project.db("upgrade"), "F18")
    expect(project.db("stamp", "head"), "F19")
    expect(project.db("merge", "1", "2b"), "F20")
    project.good("upgrade", "heads")
    expect(project.db("downgrade"), "F21")
    project.good("upgrade", "heads")
    project.good("merge", "-m", "both", "--rev-id", "3", "heads")
    project.good("upgrade")
    expect(project.db("downgrade"), "F22")


def test_broken_chains(project: Project) -> None:
    project.line("pass", "pass", "pass")
    middle = project.folder / "migrations" / "versions" / "2_step.py"
    text = middle.read_text()
    middle.unlink()
    expect(project.db("upgrade"), "F15")
    middle.write_text(text)
    copy = middle.with_name("copy.py")
    copy.write_text(text)
    expect(project.db("upgrade"), "F16")
    copy.unlink()
    middle.write_text(text.replace("down_revision = '1'", "down_revision = '2'"))
    expect(project.db("upgrade"), "F17")


# --- autogenerate -----------------------------------------------------------------------------------------------


def test_what_autogenerate_says(project: Project) -> None:
    project.line(USERS)
    project.models(USER)
    project.good("upgrade")
    expect(project.db("migrate"), "F10")
    project.models(USER.replace("email", "mail"))
    expect(project.db("migrate", "--rev-id", "x"), "F46")
    (project.folder / "migrations" / "versions" / "x_.py").unlink()
    project.models(USER + "    name = sa.Column(sa.Text)\n")
    expect(project.db("check"), "F28")
    execute(project.url.split("?")[0], "CREATE TABLE celery_taskmeta (id integer)")
    project.models(USER)
    expect(project.db("migrate", "--rev-id", "y"), "F12")
    (project.folder / "migrations" / "versions" / "y_.py").unlink()
    execute(project.url.split("?")[0], "DROP TABLE celery_taskmeta")
    project.models()
    expect(project.db("migrate", "--rev-id", "z"), "F11")


def test_a_default_that_differs_on_every_run(project: Project) -> None:
    project.line(T.format("sa.Text, server_default=''"))
    project.models(
        'class T(db.Model):\n    __tablename__ = "t"\n    id = sa.Column(sa.Integer, primary_key=True)\n'
        '    x = sa.Column(sa.Text, server_default="")\n',
        options="compare_server_default=True",
    )
    project.good("upgrade")
    expect(project.db("check"), "F33")


def test_defaults_of_json(on_postgres: Project) -> None:
    on_postgres.line(T.format("sa.JSON, server_default='{}'"))
    on_postgres.models(
        'class T(db.Model):\n    __tablename__ = "t"\n    id = sa.Column(sa.Integer, primary_key=True)\n'
        '    x = sa.Column(sa.JSON, server_default="{}")\n',
        options="compare_server_default=True",
    )
    on_postgres.good("upgrade")
    expect(on_postgres.db("check"), "F34")


def test_a_naming_convention_that_comes_late(on_postgres: Project) -> None:
    on_postgres.line(USERS + "; op.execute('ALTER TABLE users ADD UNIQUE (email)')")
    on_postgres.models(USER.replace("sa.String(255)", "sa.String(255), unique=True"), convention=CONVENTION)
    on_postgres.good("upgrade")
    expect(on_postgres.db("check"), "F39")


def test_a_check_without_a_name(project: Project) -> None:
    project.models(USER + '    __table_args__ = (sa.CheckConstraint("id > 0"),)\n', convention=CONVENTION)
    expect(project.db("migrate", "--rev-id", "1") + project.db("upgrade"), "F38")


def test_tables_that_refer_to_each_other(on_postgres: Project) -> None:
    on_postgres.models(
        "".join(
            f'class {own}(db.Model):\n    __tablename__ = "{own}"\n    id = sa.Column(sa.Integer, primary_key=True)\n'
            f'    other = sa.Column(sa.ForeignKey("{other}.id"))\n'
            for own, other in (("a", "b"), ("b", "a"))
        )
    )
    expect(on_postgres.db("migrate", "--rev-id", "1"), "F73")


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


# --- messages that take a race or a program of their own, as they were printed -------------------------------------

VERBATIM = {
    "F33": "INFO  [alembic.autogenerate] Detected type change from REAL() to Float(precision=24) on 't.x'",
    "F49": '(psycopg.errors.DuplicateTable) relation "t1" already exists\n[SQL: CREATE TABLE t1 (id INTEGER)]',
    "F53": "sqlalchemy.exc.OperationalError: (psycopg.errors.DeadlockDetected) deadlock detected",
    "F54": 'duplicate key value violates unique constraint "pg_type_typname_nsp_index"',
    "F56": "sqlite3.OperationalError: table t1 already exists",
    "F26": "alembic.util.exc.DatabaseNotAtHead: Database is not on all head revisions",
    "F62": "500: (psycopg.errors.UndefinedColumn) column users.last_login_at does not exist",
    "F74": "RuntimeError: Working outside of application context.",
    "F02": "Error: While importing 'shop', an ImportError was raised:\n\nModuleNotFoundError: No module named 'x'\n\n"
    "Usage: flask [OPTIONS] COMMAND [ARGS]...\nTry 'flask --help' for help.\n\nError: No such command 'db'.",
    "F01": "Error: No such command 'db'.",
}


@pytest.mark.parametrize("card_id", VERBATIM)
def test_a_message_as_it_was_printed(card_id: str) -> None:
    found = explain(VERBATIM[card_id])
    assert found is not None
    assert card_id in (found.id, *found.also)


def test_the_message_may_be_pasted_with_colours_and_broken_lines() -> None:
    pasted = "\x1b[31mERROR [flask_migrate] Error: Target database\n     is not up to date.\x1b[0m"
    expect(pasted, "F13")


# --- silence where nothing is wrong --------------------------------------------------------------------------------

QUIET: tuple[tuple[str, ...], ...] = (
    ("migrate", "-m", "make users", "--rev-id", "1"),
    ("upgrade",),
    ("current",),
    ("history", "--verbose"),
    ("heads",),
    ("branches",),
    ("show", "1"),
    ("check",),
    ("revision", "-m", "by hand", "--rev-id", "2"),
    ("upgrade", "--sql"),
    ("upgrade",),
    ("downgrade",),
    ("revision", "-m", "other", "--rev-id", "3", "--head", "1", "--splice"),
    ("heads",),
    ("merge", "-m", "join", "--rev-id", "4", "2", "3"),
    ("upgrade",),
    ("stamp", "4"),
    ("downgrade", "base"),
    ("--help",),
)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_command_that_succeeds_has_no_card(request: pytest.FixtureRequest, engine: str) -> None:
    quiet: Project = request.getfixturevalue("project" if engine == "sqlite" else "on_postgres")
    quiet.models(USER)
    for words in QUIET:
        output = quiet.good(*words)
        assert explain(output) is None, output


def test_no_card_for_what_is_no_error() -> None:
    for text in (
        "",
        " \n",
        "INFO  [alembic.autogenerate.compare.tables] Detected added column 'users.last_login_at'",
        "INFO  [alembic.autogenerate.compare.tables] Detected removed column 'users.nickname'",
        "INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, say that the table users already holds orders",
        "NameError: name 'x' is not defined",
        "TypeError: 'NoneType' object is not iterable",
        "Order 5 was paid.",
        "users: column email added (TEXT, may be null)",
    ):
        assert explain(text) is None


def test_what_the_guide_does_not_know_it_says() -> None:
    text = 'Traceback (most recent call last):\n  File "x"\nfoo.BarError: no "users" here\n[SQL: SELECT 1]\n'
    assert explain(text) is None
    unknown = not_known(text)
    assert unknown.says == "This is not in the field guide yet"
    assert 'foo.BarError: no "users" here' in unknown.meaning
    assert any("foo.BarError: no … here" in step for step in unknown.cure)
    assert "foo.BarError" in unknown.as_text()
    assert "no text" in not_known("").as_text()


# --- the guide itself ------------------------------------------------------------------------------------------------


def test_every_failure_has_its_card() -> None:
    beside = [f"G{number:02}" for number in range(1, 8)]  # what no lesson is about
    assert list(guide()) == [f"F{number:02}" for number in range(1, 79)] + beside
    assert card("f13") == guide()["F13"]
    with pytest.raises(LabError, match="F01 to F78"):
        card("F99")


def test_a_card_is_found_by_its_id() -> None:
    assert explain("F51") == explain(" f51\n") == card("F51")


def test_every_card_can_be_found() -> None:
    named = {each for page in guide().values() for each in page.also}
    assert named <= guide().keys()
    for page in guide().values():
        assert page.silent != bool(page.patterns) or page.id in named, page.id


def test_every_card_names_a_lesson_that_shows_it() -> None:
    shown = {lesson.slug: lesson.manifest.failures for lesson in course.lessons()}
    for page in guide().values():
        if page.id.startswith("G"):
            assert page.lesson is None
            continue
        assert page.lesson is not None
        assert page.id in shown[page.lesson], f"{page.id} in {page.lesson}"


def test_every_card_reads_as_the_course_speaks() -> None:
    for page in guide().values():
        for text in (page.says, page.meaning, *page.cure):
            assert "!" not in text, text
        assert page.meaning.endswith("."), page.id
        assert all(step.endswith(("`.", ".", "`")) for step in page.cure), page.id
        assert page.as_text().startswith(f"{page.id}: {page.says}")
