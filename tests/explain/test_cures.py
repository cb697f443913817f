"""What a card says to do is done to the letter, on a real database, and the failure is gone afterwards."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from migration_lab.explain import card
from migration_lab.flask_command import STABLE
from tests.explain.project import ANN, BATCH, TWO_ANNS, USER, USERS, Project, expect

ORDERS = (
    'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", name="fk_orders_user_id_users")))'
)
VIEW = 'op.execute("CREATE VIEW v AS SELECT email FROM users")'


def said(card_id: str, code: str, **names: str) -> str:
    """Code of a card's cure, with a project's own names in place of the card's."""
    assert any(f"`{code}`" in step for step in card(card_id).cure), f"{card_id} does not say: {code}"
    for own, name in names.items():
        code = re.sub(rf"\b{own}\b", name, code)
    return code


def command(card_id: str, code: str, **names: str) -> list[str]:
    """A `flask db` command of a card's cure, in words without these two."""
    words = shlex.split(said(card_id, code, **names))
    assert words[:2] == ["flask", "db"]
    return words[2:]


def sql(project: Project, *statements: str) -> list[tuple[object, ...]]:
    """Run statements by hand; the rows of the last."""
    engine = sa.create_engine(project.url, poolclass=sa.NullPool)
    rows: list[tuple[object, ...]] = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            found = connection.execute(sa.text(statement))
            rows = [tuple(row) for row in found] if found.returns_rows else []
    return rows


def change(path: Path, old: str, new: str) -> None:
    """Edit a file as a person would."""
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new))


def current(project: Project) -> str:
    return project.good("current").split("\n")[-2].removesuffix(" (head)").strip()


# --- both engines, or SQLite ----------------------------------------------------------------------------------------


def test_the_database_is_behind(project: Project) -> None:
    project.line(USERS)
    project.models(USER)
    expect(project.db("check"), "F13")
    project.good(*command("F13", "flask db upgrade"))
    project.good("check")


def test_what_somebody_did_by_hand_is_stamped(project: Project) -> None:
    project.line(USERS, "pass")
    sql(project, "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(255))")
    expect(project.db("upgrade"), "F29")
    project.good(*command("F29", "flask db stamp REVISION", REVISION="1"))
    project.good("upgrade")
    assert current(project) == "2"


def test_two_heads_are_merged(project: Project) -> None:
    project.revision("1", None, USERS)
    project.revision("2a", "1")
    project.revision("2b", "1")
    expect(project.db("upgrade"), "F18")
    project.good(*command("F18", 'flask db merge -m "merge A and B" heads'), "--rev-id", "3")
    project.good("upgrade")
    assert current(project).split()[0] == "3"


def test_a_batch_change_left_its_table(project: Project) -> None:
    project.line(
        USERS + "; " + ANN + '; op.execute("UPDATE users SET email = NULL")',
        BATCH + 'b.alter_column("email", nullable=False)',
    )
    project.db("upgrade")
    expect(project.db("upgrade"), "F32")
    assert sql(project, "SELECT count(*) FROM users") == [(1,)]
    sql(project, said("F32", "DROP TABLE _alembic_tmp_NAME").replace("NAME", "users"), "UPDATE users SET email = 'x'")
    project.good("upgrade")


def test_a_table_under_foreign_keys(project: Project) -> None:
    """The second step alone ended well and kept nothing: the pragma had begun a transaction that no one committed."""
    on = "from sqlalchemy import event, Engine\nevent.listen(Engine, 'connect', lambda c, _: c.execute('PRAGMA foreign_keys=ON'))\n"
    (project.folder / "app.py").write_text(on + (project.folder / "app.py").read_text())
    project.line(
        f"{USERS}; {ANN}; {ORDERS}; op.execute('INSERT INTO orders VALUES (1, 1)')",
        BATCH + 'b.alter_column("email", nullable=False)',
    )
    expect(project.db("upgrade"), "F57")
    sql(project, said("F57", "DROP TABLE _alembic_tmp_NAME").replace("NAME", "users"))
    after, before = said("F57", "with connectable.connect() as connection:"), said("F57", "context.configure(")
    lines = [said("F57", 'connection.exec_driver_sql("PRAGMA foreign_keys=OFF")'), said("F57", "connection.commit()")]
    env = project.folder / "migrations" / "env.py"
    text = env.read_text()
    start = text.index(after) + len(after)
    assert before in text[start:]
    env.write_text(text[:start] + "".join(f"\n        {line}" for line in lines) + text[start:])
    project.good("upgrade")
    assert current(project) == "2"
    assert sql(project, "SELECT count(*) FROM orders") == [(1,)]
    assert sql(project, said("F57", "PRAGMA foreign_key_check")) == []


def test_a_view_in_the_way_of_a_batch_change(project: Project) -> None:
    project.line(USERS + "; " + ANN, VIEW, BATCH + 'b.alter_column("email", nullable=False)')
    expect(project.db("upgrade"), "F59")
    sql(project, said("F59", "DROP TABLE _alembic_tmp_NAME").replace("NAME", "users"))
    drop = said("F59", 'op.execute("DROP VIEW my_view")', my_view="v")
    said("F59", 'op.execute("CREATE VIEW my_view AS ...")')
    project.revision("3", "2", f"{drop}\n    {BATCH}b.alter_column('email', nullable=False)\n    {VIEW}")
    project.good("upgrade")
    assert sql(project, "SELECT * FROM v") == [("ann",)]


@pytest.mark.parametrize(
    ("column", "added"),
    [
        ('sa.Column("made", sa.DateTime, server_default=sa.func.now())', "made"),
        ('sa.Column("code", sa.Text, sa.UniqueConstraint(name="uq_code"), unique=True)', "code"),
    ],
)
def test_a_column_that_sqlite_cannot_add(project: Project, column: str, added: str) -> None:
    if added == "code":
        project.line(USERS + "; " + ANN, 'op.execute("ALTER TABLE users ADD COLUMN code TEXT UNIQUE")')
        column = 'sa.Column("code", sa.Text)); b.create_unique_constraint("uq_code", ["code"]'
    else:
        project.line(USERS + "; " + ANN, f'op.add_column("users", {column})')
    expect(project.db("upgrade"), "G20")
    batch = said("G20", 'with op.batch_alter_table("orders", recreate="always") as batch_op:', orders="users", batch_op="b")
    project.revision("2", "1", f"{batch} b.add_column({column})")
    project.good("upgrade")
    assert len(sql(project, f"SELECT {added} FROM users")) == 1


def test_a_not_null_column_on_sqlite(project: Project) -> None:
    project.line(USERS + "; " + ANN, 'op.add_column("users", sa.Column("tz", sa.Text, nullable=False))')
    expect(project.db("upgrade"), "F31")
    said("F31", "server_default")
    project.revision("2", "1", 'op.add_column("users", sa.Column("tz", sa.Text, nullable=False, server_default="UTC"))')
    project.good("upgrade")


@pytest.mark.parametrize(
    "body",
    ['op.create_unique_constraint("uq", "users", ["email"])', 'op.alter_column("users", "email", type_=sa.Text)'],
)
def test_a_change_that_sqlite_has_no_statement_for(project: Project, body: str) -> None:
    project.line(USERS + "; " + ANN, body)
    expect(project.db("upgrade"), "F36")
    batch = said("F36", 'with op.batch_alter_table("orders") as batch_op:', orders="users")
    project.revision("2", "1", batch + " " + body.replace("op.", "batch_op.").replace('"users", ', ""))
    project.good("upgrade")


def test_a_column_in_an_index_on_sqlite(project: Project) -> None:
    project.line(USERS + '; op.create_index("ix_users_email", "users", ["email"])', 'op.drop_column("users", "email")')
    expect(project.db("upgrade"), "G43")
    drop = said("G43", 'op.drop_index("ix_orders_code", table_name="orders")', ix_orders_code="ix_users_email", orders="users")
    project.revision("2", "1", f'{drop}; op.drop_column("users", "email")')
    project.good("upgrade")


def test_two_rows_in_alembic_version(project: Project) -> None:
    project.line(USERS, "pass", "pass")
    project.good("upgrade", "2")
    sql(project, "INSERT INTO alembic_version VALUES ('1')")
    expect(project.db("upgrade"), "G32")
    assert sql(project, said("G32", "SELECT * FROM alembic_version")) == [("2",), ("1",)]
    project.good(*command("G32", "flask db stamp --purge LATER", LATER="2"))
    project.good("upgrade")
    assert current(project) == "3"


def test_the_same_row_three_times(project: Project) -> None:
    project.line(USERS, "pass")
    project.good("upgrade", "1")
    sql(
        project,
        "CREATE TABLE copy AS SELECT * FROM alembic_version",
        "INSERT INTO copy SELECT * FROM alembic_version",
        "INSERT INTO copy SELECT * FROM alembic_version",
        "DROP TABLE alembic_version",
        "ALTER TABLE copy RENAME TO alembic_version",
    )
    expect(project.db("upgrade"), "G24")
    assert sql(project, said("G24", "SELECT * FROM alembic_version")) == [("1",)] * 3
    project.good(*command("G24", "flask db stamp --purge REVISION", REVISION="1"))
    project.good("upgrade")
    assert current(project) == "2"


def test_a_file_that_is_no_revision(project: Project) -> None:
    project.line(USERS)
    notes = project.folder / "migrations" / "versions" / "notes.py"
    notes.write_text("x = 1\n")
    expect(project.db("upgrade"), "G31")
    shutil.move(notes, project.folder)
    project.good("upgrade")


def test_a_target_on_the_other_side(project: Project) -> None:
    project.line(USERS, "pass")
    project.good("upgrade")
    expect("Destination 1 is not a valid upgrade target from current head(s)", "G33")
    project.good(*command("G33", "flask db downgrade REVISION", REVISION="1"))
    assert current(project) == "1"


# --- env.py and the app ------------------------------------------------------------------------------------------


def test_an_app_without_the_extension(project: Project) -> None:
    change(project.folder / "app.py", "Migrate(app, db, **options)", "app.cli.add_command(__import__('flask_migrate').cli.db)")
    expect(project.db("current"), "G13")
    change(
        project.folder / "app.py",
        "app.cli.add_command(__import__('flask_migrate').cli.db)",
        said("G13", "Migrate(app, db)"),
    )
    project.good("current")


def test_an_env_py_of_older_packages(project: Project) -> None:
    env = project.folder / "migrations" / "env.py"
    env.write_text(env.read_text().replace("target_db = current_app.extensions['migrate'].db", "target_db = current_app.extensions['sqlalchemy'].db"))
    expect(project.db("current"), "G29")
    project.good(*command("G29", "flask db init -d fresh"))
    said("G29", "fresh/env.py"), said("G29", "migrations/env.py")
    shutil.copy(project.folder / "fresh" / "env.py", env)
    shutil.rmtree(project.folder / "fresh")
    project.good("current")


def test_a_percent_sign_in_the_url(project: Project) -> None:
    env = project.folder / "migrations" / "env.py"
    project.line(USERS)
    project.settings(url=f"sqlite:///{project.folder / '100%25.db'}")
    change(env, "get_engine_url())", "get_engine().url.render_as_string())")
    expect(project.db("current"), "G09")
    doubled = said("G09", 'config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))')
    change(
        env,
        "config.set_main_option('sqlalchemy.url', get_engine().url.render_as_string())",
        f"url = get_engine().url.render_as_string()\n{doubled}",
    )
    project.good("upgrade")


@pytest.mark.parametrize("missing", ["script.py.mako", "env.py", "alembic.ini"])
def test_a_file_of_the_folder_is_missing(project: Project, missing: str) -> None:
    project.models(USER)
    (project.folder / "migrations" / missing).unlink()
    expect(project.db("migrate", "--rev-id", "1"), "G18")
    project.good(*command("G18", "flask db init -d fresh"))
    shutil.copy(project.folder / "fresh" / missing, project.folder / "migrations" / missing)
    project.good("migrate", "--rev-id", "1")


def test_a_table_that_is_defined_twice(project: Project) -> None:
    project.models(USER + USER.replace("class User", "class Person"))
    expect(project.db("current"), "G11")
    project.models(USER + USER.replace("class User", "class Person").replace('"users"', '"people"'))
    said("G11", "__tablename__")
    project.good("current")


def test_foreign_keys_to_nowhere(project: Project) -> None:
    key = '    {0}_id = sa.Column(sa.ForeignKey("{1}"))\n'
    project.models(USER + key.format("shop", "shops.id"))
    expect(project.db("migrate", "--rev-id", "1"), "G21")
    project.models(USER + key.format("boss", "users.key"))
    expect(project.db("migrate", "--rev-id", "1"), "G22")
    project.models(USER + key.format("boss", "users.id"))
    project.good("migrate", "--rev-id", "1")


def test_a_model_without_a_key(project: Project) -> None:
    project.models(USER.replace(", primary_key=True", ""))
    expect(project.db("current"), "G39")
    said("G39", "primary_key=True")
    project.models(USER)
    project.good("current")


def test_a_type_of_postgres_on_sqlite(project: Project) -> None:
    project.line("op.create_table('t', sa.Column('x', postgresql.INET()))")
    expect(project.db("upgrade"), "G34")
    kind = said("G34", 'postgresql.INET().with_variant(sa.String(45), "sqlite")')
    project.line(f"op.create_table('t', sa.Column('x', {kind}))")
    project.good("upgrade")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('op.get_bind().execute("DELETE FROM users")', 'op.get_bind().execute(sa.text("..."))'),
        ('op.get_bind().engine.execute("DELETE FROM users")', 'op.execute("...")'),
    ],
)
def test_statements_as_sqlalchemy_1_took_them(project: Project, wrong: str, right: str) -> None:
    project.line(USERS, wrong)
    expect(project.db("upgrade"), "G12")
    project.revision("2", "1", said("G12", right).replace("...", "DELETE FROM users"))
    project.good("upgrade")


def test_a_file_that_hides_a_package(project: Project) -> None:
    env = {"PATH": os.environ["PATH"], "FLASK_APP": "app", "DATABASE_URL": project.url, **STABLE}
    words = [sys.executable, "-m", "flask", "db", "current"]
    hiding = project.folder / "flask_migrate.py"
    hiding.write_text("from flask_migrate import Migrate\n")
    failed = subprocess.run(words, cwd=project.folder, env=env, capture_output=True, text=True)
    expect(failed.stdout + failed.stderr, "G38")
    hiding.rename(project.folder / "my_migrate.py")
    shutil.rmtree(project.folder / "__pycache__", ignore_errors=True)
    subprocess.run(words, cwd=project.folder, env=env, capture_output=True, check=True)


def test_a_db_object_that_knows_no_app(project: Project) -> None:
    change(project.folder / "app.py", "db.init_app(app)", "pass")
    project.line(USERS)
    expect(project.db("current"), "G41")
    said("G41", "db.init_app(app)")
    change(project.folder / "app.py", "pass", "db.init_app(app)")
    project.good("current")


# --- Postgres ----------------------------------------------------------------------------------------------------


def test_an_enum_type_that_was_left(on_postgres: Project) -> None:
    enum = "sa.Column('s', sa.Enum('a', name='st'))"
    first = on_postgres.revision("1", None, f"op.create_table('a', {enum})", "op.drop_table('a')")
    on_postgres.good("upgrade")
    on_postgres.good("downgrade", "base")
    expect(on_postgres.db("upgrade"), "F41")
    sql(on_postgres, said("F41", "DROP TYPE order_status", order_status="st"))
    on_postgres.good("upgrade")
    drop = said("F41", 'sa.Enum(name="order_status").drop(op.get_bind(), checkfirst=True)', order_status="st")
    change(first, "op.drop_table('a')", f"op.drop_table('a')\n    {drop}")
    on_postgres.good("downgrade", "base")
    on_postgres.good("upgrade")
    kind = said("F41", 'postgresql.ENUM("new", "paid", name="order_status", create_type=False)', order_status="st")
    on_postgres.revision("2", "1", f"op.create_table('b', sa.Column('s', {kind.replace('new', 'a')}))")
    on_postgres.good("upgrade")


ONE_EDIT: dict[str, tuple[str, str, Callable[[], list[str]]]] = {
    "a column that a view reads": (
        "F68",
        f"{USERS}\n    {VIEW}",
        lambda: [
            'op.drop_column("users", "email")',
            said("F68", 'op.execute("DROP VIEW my_view")', my_view="v"),
            'op.drop_column("users", "email"); op.execute("CREATE VIEW v AS SELECT id FROM users")',
        ],
    ),
    "a table that a key refers to": (
        "G19",
        f"{USERS}; {ORDERS}",
        lambda: [
            'op.drop_table("users")',
            said(
                "G19", 'op.drop_constraint("KEY", "OTHER_TABLE", type_="foreignkey")',
                KEY="fk_orders_user_id_users", OTHER_TABLE="orders",
            ),
            'op.drop_table("users")',
        ],
    ),
    "rows without a value": (
        "F30",
        USERS + "; " + ANN,
        lambda: [
            'op.add_column("users", sa.Column("tz", sa.Text, nullable=False))',
            'op.add_column("users", sa.Column("tz", sa.Text, nullable=True)); op.execute("UPDATE users SET tz = \'UTC\'")',
            'op.alter_column("users", "tz", nullable=False)',
        ],
    ),
    "a type that is not there": (
        "F42",
        USERS,
        lambda: [
            'op.add_column("users", sa.Column("s", postgresql.ENUM("a", name="st", create_type=False)))',
            'order_status = sa.Enum("a", name="st"); '
            + said("F42", "order_status.create(op.get_bind(), checkfirst=True)"),
            'op.add_column("users", sa.Column("s", order_status))',
        ],
    ),
    "an index that is built concurrently": (
        "F47",
        USERS,
        lambda: [
            'op.create_index("ix", "users", ["email"], postgresql_concurrently=True)',
            said("F47", "with op.get_context().autocommit_block():"),
            '    op.create_index("ix", "users", ["email"], postgresql_concurrently=True)',
        ],
    ),
    "a default of another type": (
        "F67",
        USERS,
        lambda: [
            "op.add_column('users', sa.Column('f', sa.Boolean, server_default=sa.text('0')))",
            f"op.add_column('users', sa.Column('f', sa.Boolean, {said('F67', 'server_default=sa.false()')}))",
        ],
    ),
    "a schema that is not there": (
        "F70",
        "pass",
        lambda: [
            "op.create_table('t', sa.Column('id', sa.Integer), schema='app')",
            said("F70", 'op.execute("CREATE SCHEMA IF NOT EXISTS app")'),
            "op.create_table('t', sa.Column('id', sa.Integer), schema='app')",
        ],
    ),
    "a type of an extension": (
        "G14",
        USERS,
        lambda: [
            "op.execute('ALTER TABLE users ADD COLUMN c citext')",
            said("G14", 'op.execute("CREATE EXTENSION IF NOT EXISTS citext")'),
            "op.execute('ALTER TABLE users ADD COLUMN c citext')",
        ],
    ),
    "a constraint of another name": (
        "G15",
        USERS + "; op.execute('ALTER TABLE users ADD UNIQUE (email)')",
        lambda: [
            "op.drop_constraint('uq_users_email', 'users')",
            said(
                "G15", 'op.execute("ALTER TABLE my_table DROP CONSTRAINT IF EXISTS my_constraint")',
                my_table="users", my_constraint="uq_users_email",
            ),
            "op.drop_constraint('users_email_key', 'users')",
        ],
    ),
    "a key to a column that is not unique": (
        "G36",
        f"{USERS}; op.create_table('t', sa.Column('mail', sa.String(255)))",
        lambda: [
            "op.create_foreign_key('fk', 't', 'users', ['mail'], ['email'])",
            said(
                "G36", 'op.create_unique_constraint("NAME", "TABLE", ["COLUMN"])',
                NAME="uq", TABLE="users", COLUMN="email",
            ),
            "op.create_foreign_key('fk', 't', 'users', ['mail'], ['email'])",
        ],
    ),
    "two tables that refer to each other": (
        "F73",
        "pass",
        lambda: [
            "op.execute('CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES b (id))')",
            "op.execute('CREATE TABLE a (id integer PRIMARY KEY, b_id integer)')",
            "op.execute('CREATE TABLE b (id integer PRIMARY KEY, a_id integer REFERENCES a (id))')",
            said(
                "F73", 'op.create_foreign_key("NAME", "TABLE", "OTHER_TABLE", ["COLUMN"], ["id"])',
                NAME="fk", TABLE="a", OTHER_TABLE="b", COLUMN="b_id",
            ),
        ],
    ),
    "a row that is there already": (
        "G35",
        USERS + "; " + ANN,
        lambda: [ANN, ANN.replace("')\")", f"') {said('G35', 'INSERT ... ON CONFLICT DO NOTHING')[11:]}\")")],
    ),
    "SQL that is none": ("G45", USERS, lambda: ["op.execute('ALTER TABEL users ADD x text')", "op.execute('ALTER TABLE users ADD x text')"]),
    "a default that is text": (
        "F66",
        USERS,
        lambda: [
            "op.alter_column('users', 'email', type_=sa.Integer)",
            "op.alter_column('users', 'email', type_=sa.Integer, postgresql_using='email::integer')",
        ],
    ),
    "doubles": (
        "F69",
        USERS + "; " + TWO_ANNS,
        lambda: [
            'op.create_unique_constraint("uq", "users", ["email"])',
            'op.execute("DELETE FROM users WHERE id = 2")',
            'op.create_unique_constraint("uq", "users", ["email"])',
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_EDIT)
def test_a_revision_is_corrected(on_postgres: Project, case: str) -> None:
    card_id, before, lines = ONE_EDIT[case]
    wrong, *right = lines()
    on_postgres.line(before, wrong)
    expect(on_postgres.db("upgrade"), card_id)
    on_postgres.revision("2", "1", "\n    ".join(right))
    on_postgres.good("upgrade")
    assert current(on_postgres) == "2"


def test_a_column_that_somebody_dropped_by_hand(on_postgres: Project) -> None:
    on_postgres.line(USERS, 'op.alter_column("users", "email", nullable=False)')
    on_postgres.good("upgrade", "1")
    sql(on_postgres, "ALTER TABLE users DROP COLUMN email")
    expect(on_postgres.db("upgrade"), "G30")
    sql(on_postgres, "ALTER TABLE users ADD COLUMN email VARCHAR(255)")
    on_postgres.good("upgrade")


def test_a_database_that_was_stamped_but_never_upgraded(on_postgres: Project) -> None:
    on_postgres.line(USERS, 'op.add_column("users", sa.Column("x", sa.Text))')
    on_postgres.good("stamp", "1")
    expect(on_postgres.db("upgrade"), "G30")
    on_postgres.good(*command("G30", "flask db stamp REVISION", REVISION="base"))
    on_postgres.good(*command("G30", "flask db upgrade"))
    assert current(on_postgres) == "2"


def test_the_same_row_three_times_gets_its_key_back(on_postgres: Project) -> None:
    on_postgres.line(USERS, "pass")
    on_postgres.good("upgrade", "1")
    copies = ["INSERT INTO alembic_version VALUES ('1')"] * 2
    sql(on_postgres, "ALTER TABLE alembic_version DROP CONSTRAINT alembic_version_pkc", *copies)
    expect(on_postgres.db("upgrade"), "G24")
    on_postgres.good(*command("G24", "flask db stamp --purge REVISION", REVISION="1"))
    sql(on_postgres, said("G24", "ALTER TABLE alembic_version ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"))
    on_postgres.good("upgrade")
    assert current(on_postgres) == "2"


def test_a_role_that_may_not(on_postgres: Project) -> None:
    """A role that logs in is made for the test, and works under the name of the database's owner until then."""
    on_postgres.line(USERS, 'op.add_column("users", sa.Column("x", sa.Text))')
    role = f"role_{on_postgres.folder.parent.name.lower()}"
    as_role = f"op.execute('SET ROLE {role}')"
    sql(on_postgres, f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role}")
    try:
        on_postgres.revision("1", None, f"{as_role}; {USERS}; op.execute('RESET ROLE')")
        expect(on_postgres.db("upgrade"), "G08")
        sql(on_postgres, said("G08", "GRANT USAGE, CREATE ON SCHEMA public TO my_role", my_role=role))
        on_postgres.good("upgrade", "1")
        sql(on_postgres, "ALTER TABLE users OWNER TO CURRENT_USER")
        on_postgres.revision("2", "1", f"{as_role}; op.add_column('users', sa.Column('x', sa.Text)); op.execute('RESET ROLE')")
        expect(on_postgres.db("upgrade"), "G08")
        sql(on_postgres, said("G08", "ALTER TABLE my_table OWNER TO my_role", my_table="users", my_role=role))
        on_postgres.good("upgrade")
    finally:
        sql(on_postgres, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


def test_a_statement_that_takes_too_long(on_postgres: Project) -> None:
    on_postgres.line(USERS, "op.execute(\"SET statement_timeout = '50ms'\"); op.execute('SELECT pg_sleep(0.3)')")
    expect(on_postgres.db("upgrade"), "G42")
    longer = said("G42", "op.execute(\"SET LOCAL statement_timeout = '10min'\")")
    on_postgres.revision(
        "2", "1", f"op.execute(\"SET statement_timeout = '50ms'\"); {longer}; op.execute('SELECT pg_sleep(0.3)')"
    )
    on_postgres.good("upgrade")


def test_an_id_that_is_too_long(on_postgres: Project) -> None:
    on_postgres.revision("1", None, USERS)
    long = on_postgres.revision("2" * 33, "1")
    expect(on_postgres.db("upgrade"), "F24")
    change(long, "2" * 33, "2" * 32)
    on_postgres.good("upgrade")
