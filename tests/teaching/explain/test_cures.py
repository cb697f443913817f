"""Each card's advice, followed to the letter on SQLite and in the app, fixes the failure."""

import os
import shutil
import subprocess
import sys

import pytest

from migration_lab.shops.flask_command import STABLE
from tests.teaching.explain.cures import ORDERS, VIEW, change, command, current, said, sql
from tests.teaching.explain.project import ANN, BATCH, USER, USERS, Project, expect

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


NEW_COLUMN = 'b.add_column(sa.Column("tz", sa.Text, nullable=False))'
WITH_DEFAULT = NEW_COLUMN.replace("False", 'False, server_default="UTC"')
AT_FIRST_EMPTY = NEW_COLUMN.replace("False", "True")
FILL = "op.execute(\"UPDATE users SET tz = 'UTC'\")"


@pytest.mark.parametrize(
    "added",
    [WITH_DEFAULT, f"{AT_FIRST_EMPTY}\n    {FILL}\n    {BATCH}b.alter_column('tz', nullable=False)"],
    ids=["with a default", "filled before"],
)
def test_a_new_column_in_a_batch_without_a_value(project: Project, added: str) -> None:
    change_email = 'b.alter_column("email", type_=sa.Text)'  # which makes the batch a copy
    project.line(USERS + "; " + ANN, f"{BATCH}{change_email}; {NEW_COLUMN}")
    expect(project.db("upgrade"), "F32")
    said("F32", "server_default")
    sql(project, said("F32", "DROP TABLE _alembic_tmp_NAME").replace("NAME", "users"))
    project.revision("2", "1", f"{BATCH}{change_email}; {added}")
    project.good("upgrade")
    assert sql(project, "SELECT email, tz FROM users") == [("ann", "UTC")]


def test_a_table_under_foreign_keys(project: Project) -> None:
    """The second step alone ended well and kept nothing: the pragma had begun a transaction that no one committed."""
    pragma = "lambda connection, _: connection.execute('PRAGMA foreign_keys=ON')"
    on = f"from sqlalchemy import event, Engine\nevent.listen(Engine, 'connect', {pragma})\n"
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
        ("", "code"),
    ],
)
def test_a_column_that_sqlite_cannot_add(project: Project, column: str, added: str) -> None:
    if added == "code":
        project.line(USERS + "; " + ANN, 'op.execute("ALTER TABLE users ADD COLUMN code TEXT UNIQUE")')
        unique = said("G20", 'batch_op.create_unique_constraint("uq_orders_code", ["code"])', batch_op="b")
        column = f'sa.Column("code", sa.Text)); {unique.removesuffix(")")}'
    else:
        project.line(USERS + "; " + ANN, f'op.add_column("users", {column})')
    expect(project.db("upgrade"), "G20")
    batch = said(
        "G20", 'with op.batch_alter_table("orders", recreate="always") as batch_op:', orders="users", batch_op="b"
    )
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


def test_a_batch_that_does_not_copy(project: Project) -> None:
    body = 'batch_op.create_unique_constraint("uq", ["email"])'
    batch = said("F36", 'with op.batch_alter_table("orders", recreate="always") as batch_op:', orders="users")
    project.line(USERS + "; " + ANN, batch.replace("always", "never") + " " + body)
    expect(project.db("upgrade"), "F36")
    project.revision("2", "1", f"{batch} {body}")
    project.good("upgrade")


def test_a_column_in_an_index_on_sqlite(project: Project) -> None:
    project.line(USERS + '; op.create_index("ix_users_email", "users", ["email"])', 'op.drop_column("users", "email")')
    expect(project.db("upgrade"), "G43")
    drop = said(
        "G43", 'op.drop_index("ix_orders_code", table_name="orders")', ix_orders_code="ix_users_email", orders="users"
    )
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
    change(
        project.folder / "app.py",
        "Migrate(app, db, **options)",
        "app.cli.add_command(__import__('flask_migrate').cli.db)",
    )
    expect(project.db("current"), "G13")
    change(
        project.folder / "app.py",
        "app.cli.add_command(__import__('flask_migrate').cli.db)",
        said("G13", "Migrate(app, db)"),
    )
    project.good("current")


@pytest.mark.parametrize(
    ("wrong", "card_id"),
    [
        ("migrate.init_app(app)", "G13"),
        ("Migrate(app)", "G07"),
        ("Migrate(app, __import__('sqlalchemy').create_engine('sqlite://'))", "G13"),
    ],
)
def test_an_extension_without_the_db(project: Project, wrong: str, card_id: str) -> None:
    app, rightly = project.folder / "app.py", said(card_id, "Migrate(app, db)")
    change(app, "Migrate(app, db, **options)", f"migrate = Migrate()\n{wrong}")
    expect(project.db("current"), card_id)
    change(app, wrong, rightly)
    project.good("current")


def test_an_env_py_of_older_packages(project: Project) -> None:
    env = project.folder / "migrations" / "env.py"
    env.write_text(
        env.read_text().replace(
            "target_db = current_app.extensions['migrate'].db", "target_db = current_app.extensions['sqlalchemy'].db"
        )
    )
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


def test_a_log_that_is_silent_after_an_upgrade(project: Project) -> None:
    app = project.folder / "app.py"
    app.write_text(
        app.read_text() + "\nimport logging\nown = logging.getLogger('own')\n\n@app.cli.command()\ndef deploy():\n"
        "    from flask_migrate import upgrade\n    upgrade()\n    print('silent' if own.disabled else 'heard')\n"
    )
    project.revision("1", None)
    assert "silent" in project.flask("deploy").output
    kept = said("F75", "fileConfig(config.config_file_name, disable_existing_loggers=False)")
    change(project.folder / "migrations" / "env.py", "fileConfig(config.config_file_name)", kept)
    assert "heard" in project.flask("deploy").output


def test_an_env_py_without_metadata(project: Project) -> None:
    project.models(USER)
    env = project.folder / "migrations" / "env.py"
    as_written = env.read_text()
    change(env, "target_metadata=get_metadata()", "target_metadata=None")
    expect(project.db("migrate"), "G23")
    env.write_text(as_written)  # the second cure: the file that `flask db init` writes
    assert "Detected added table" in project.good("migrate")


def test_an_env_py_that_imports_what_is_not_there(project: Project) -> None:
    env = project.folder / "migrations" / "env.py"
    env.write_text("from my_app.models import Base\n" + env.read_text())
    expect(project.db("upgrade"), "G16")
    change(env, "from my_app.models import Base\n", "")
    project.good("upgrade")
