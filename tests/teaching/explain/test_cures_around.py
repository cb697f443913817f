"""Cures for the surroundings of a revision: other databases, drivers, packages, the shell, another engine."""

import shlex
import shutil
import sys
from collections.abc import Callable
from importlib import metadata

import pytest

from migration_lab.teaching.explain import card
from tests.teaching.explain.cures import HERE, change, command, current, said, shell, sql
from tests.teaching.explain.project import APP, USER, USERS, Project, expect

WITH_COLUMN = USERS.replace("sa.String(255))", 'sa.String(255)), sa.Column("tz", sa.Text)')


def columns(project: Project) -> set[object]:
    return {row[1] for row in sql(project, "PRAGMA table_info(users)")}


def test_a_revision_that_was_edited_after_it_had_run(project: Project) -> None:
    path, early, late = project.revision("1", None, USERS), project.url, f"sqlite:///{project.folder / 'late.db'}"
    as_released = path.read_text()
    project.good("upgrade")
    project.revision("1", None, WITH_COLUMN)
    project.url = late
    project.settings()
    project.good("upgrade")
    assert "tz" in columns(project)
    project.url = early
    project.settings()
    assert "Running upgrade" not in project.good("upgrade")  # nothing says so
    assert "tz" not in columns(project)
    said_first, said_then = card("F27").cure
    assert said_first == "Restore the file from version control."
    assert "whichever text it ran" in said_then
    path.write_text(as_released)
    project.revision(
        "2",
        "1",
        'if "tz" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("users")}:\n'
        '        op.add_column("users", sa.Column("tz", sa.Text))',
    )
    for url in (early, late):
        project.url = url
        project.settings()
        project.good("upgrade")
        assert columns(project) == {"id", "email", "tz"}


def test_a_second_database(project: Project) -> None:
    project.line(USERS)
    project.models(USER + USER.replace("User", "Visit").replace('"users"', '"visits"\n    __bind_key__ = "log"'))
    log = project.folder / "log.db"
    change(
        project.folder / "app.py",
        "db.init_app(app)",
        f'app.config["SQLALCHEMY_BINDS"] = {{"log": "sqlite:///{log}"}}\ndb.init_app(app)',
    )
    project.good("upgrade")
    assert "No changes" in project.good("migrate", "--rev-id", "2")  # nothing says so
    project.good(*command("F71", "flask db init --multidb -d fresh"))
    for name in ("env.py", "alembic.ini", "script.py.mako"):
        shutil.copy(project.folder / "fresh" / said("F71", name), project.folder / "migrations" / name)
    for own in ("upgrade", "downgrade"):
        change(
            project.folder / "migrations/versions/1_step.py",
            f"def {own}():",
            f"{said('F71', f'def {own}(engine_name):')}\n    {said('F71', 'if engine_name: return')}",
        )
    project.good(*command("F71", "flask db upgrade"))
    project.good(*command("F71", "flask db migrate"), "--rev-id", "2")
    project.good("upgrade")
    assert sql(project, "SELECT count(*) FROM users") == [(0,)]
    project.url = f"sqlite:///{log}"
    assert sql(project, "SELECT count(*) FROM visits") == [(0,)]


OLD = f"""{APP.partition("from ext")[0]}
from flask_script import Manager
from flask_migrate import Migrate, MigrateCommand
from flask.ext.sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app)
migrate = Migrate(app, db)
manager = Manager(app)
manager.add_command("db", MigrateCommand)

if __name__ == "__main__":
    manager.run()
"""


def test_a_manage_py_of_flask_script(project: Project) -> None:
    project.line(USERS)
    manage = project.folder / "manage.py"
    manage.write_text(OLD)
    run = shlex.split(said("G10", "python manage.py db upgrade"))
    failed = shell(project, shlex.join([sys.executable, *run[1:]]))
    expect(failed.stdout + failed.stderr, "G10")
    text = OLD.partition('if __name__ == "__main__"')[0]
    text = text.replace(", MigrateCommand\n", "\n").replace("from flask_script import Manager\n", "")
    text = text.replace("manager = Manager(app)\n", "").replace('manager.add_command("db", MigrateCommand)\n', "")
    own, now = "from flask.ext.sqlalchemy import SQLAlchemy", said("G10", "from flask_sqlalchemy import SQLAlchemy")
    manage.write_text(text.replace(own, now).replace("migrate = Migrate(app, db)", said("G10", "Migrate(app, db)")))
    project.settings(app="manage")
    project.good(*command("G10", "flask db upgrade"))
    assert current(project) == "1"


def test_an_alembic_ini_with_its_placeholder(project: Project) -> None:
    """With plain Alembic, whose env.py takes the URL from there."""
    assert shell(project, "alembic init plain", PATH=HERE).returncode == 0
    ini = project.folder / "alembic.ini"
    failed = shell(project, "alembic upgrade head", PATH=HERE)
    expect(failed.stdout + failed.stderr, "F08")
    own = f"{said('F08', 'sqlalchemy.url =')} {said('F08', 'driver://user:pass@localhost/dbname')}"
    change(ini, own, f"sqlalchemy.url = {project.url}")
    done = shell(project, "alembic upgrade head", PATH=HERE)
    assert done.returncode == 0, done.stderr


def test_an_env_py_that_found_no_address(project: Project) -> None:
    env = project.folder / "migrations" / "env.py"
    take = 'import os, sqlalchemy\n    connectable = sqlalchemy.create_engine(os.environ.get("SHOP_URL"))'
    change(env, "connectable = get_engine()", take)
    line = f"{sys.executable} -m flask db current"
    failed = shell(project, line)
    expect(failed.stdout + failed.stderr, "F07")
    done = shell(project, line, SHOP_URL=project.url)  # the second cure, for a variable of one's own
    assert done.returncode == 0, done.stderr


def test_a_table_in_two_metadata_objects(project: Project) -> None:
    project.models(USER)
    env = project.folder / "migrations" / "env.py"
    change(env, "target_metadata=get_metadata()", "target_metadata=[get_metadata(), doubled()]")
    change(
        env,
        "def get_metadata():",
        "def doubled():\n    from sqlalchemy import MetaData, Table\n    other = MetaData()\n"
        "    Table('users', other)\n    return other\n\n\ndef get_metadata():",
    )
    said("G11", "target_metadata")
    expect(project.db("migrate"), "G11")
    change(env, "[get_metadata(), doubled()]", "[get_metadata()]")
    assert "Detected added table" in project.good("migrate")


def without_async(project: Project) -> None:
    """The first cure: an ordinary driver."""
    ordinary = said("G17", 'url.replace("+asyncpg", "+psycopg")', asyncpg="psycopg_async")
    change(
        project.folder / "migrations" / "env.py",
        "connectable = get_engine()",
        "from sqlalchemy import create_engine\n"
        "    url = get_engine().url.render_as_string(hide_password=False)\n"
        f"    connectable = create_engine({ordinary})",
    )


def with_async(project: Project) -> None:
    """The second cure: Alembic's own env.py for such drivers, which takes its URL from alembic.ini."""
    made = shell(project, said("G17", "alembic init -t async migrations").replace("migrations", "fresh"), PATH=HERE)
    assert made.returncode == 0, made.stderr
    shutil.copy(project.folder / "fresh" / "env.py", project.folder / "migrations" / "env.py")
    ini = project.folder / "migrations" / "alembic.ini"
    change(ini, "[alembic]\n", f"[alembic]\nsqlalchemy.url = {project.url.replace('%', '%%')}\n")


@pytest.mark.parametrize("cure", [without_async, with_async])
def test_a_driver_that_is_async(on_postgres: Project, cure: Callable[[Project], None]) -> None:
    """psycopg has both ways; with the other one, it behaves like asyncpg."""
    on_postgres.line(USERS)
    on_postgres.url = on_postgres.url.replace("+psycopg", "+psycopg_async")
    on_postgres.settings()
    expect(on_postgres.db("upgrade"), "G17")
    cure(on_postgres)
    on_postgres.good("upgrade")
    on_postgres.url = on_postgres.url.replace("+psycopg_async", "+psycopg")
    assert sql(on_postgres, "SELECT count(*) FROM users") == [(0,)]


def test_packages_that_do_not_fit_together(project: Project) -> None:
    """An old package is laid before the installed ones. What pip would fetch in its place is installed here already."""
    project.line(USERS)
    old = project.folder / "old" / "flask_sqlalchemy"
    old.mkdir(parents=True)
    (old / "__init__.py").write_text("from flask import _app_ctx_stack, abort, current_app, request\n")
    line = f"{sys.executable} -m flask db upgrade"
    failed = shell(project, line, PYTHONPATH=str(old.parent))
    expect(failed.stdout + failed.stderr, "G28")
    names = "flask flask-sqlalchemy flask-migrate sqlalchemy alembic werkzeug"
    said("G28", f"pip install --upgrade {names}")
    assert all(metadata.version(each) for each in names.split())
    assert shell(project, line).returncode == 0
    assert current(project) == "1"


def test_a_command_that_the_shell_does_not_find(project: Project) -> None:
    project.line(USERS)
    (project.folder / ".venv").symlink_to(sys.prefix)
    failed = shell(project, "flask db upgrade")
    expect(failed.stderr, "G40")
    done = shell(project, f"{said('G40', '. .venv/bin/activate')} && flask db upgrade")
    assert done.returncode == 0, done.stderr
    by_python = said("G40", "python -m flask db upgrade").replace("python", sys.executable, 1)
    assert "Running upgrade" not in (again := shell(project, by_python)).stderr
    assert again.returncode == 0
    unknown = shell(project, f"{sys.executable} -I -S -m flask db upgrade")
    expect(unknown.stderr, "G40")
    said("G40", "python -m pip install flask flask-migrate")  # from an index, which no test may ask


def test_a_text_without_a_length_on_mysql(project: Project) -> None:
    """As a script, which needs no server."""
    env = project.folder / "migrations" / "env.py"
    change(env, 'url = config.get_main_option("sqlalchemy.url")', 'url = "mysql+pymysql://shop@localhost/shop"')
    project.line(USERS.replace("sa.String(255)", "sa.String"))
    expect(project.db("upgrade", "--sql"), "G44")
    project.line(USERS.replace("sa.String(255)", said("G44", "sa.String(255)")))
    assert "email VARCHAR(255)" in project.good("upgrade", "--sql")
    project.line(USERS.replace("sa.String(255)", said("G44", "sa.Text")))
    assert "email TEXT" in project.good("upgrade", "--sql")


def test_a_text_that_is_too_long_for_an_index_on_mysql(project: Project) -> None:
    """As a script, so only what it writes is seen: 191 characters of four bytes each are within 767 bytes."""
    env = project.folder / "migrations" / "env.py"
    change(env, 'url = config.get_main_option("sqlalchemy.url")', 'url = "mysql+pymysql://shop@localhost/shop"')
    project.line(USERS.replace("sa.String(255))", said("G44", "sa.String(191)") + ", unique=True)"))
    assert "email VARCHAR(191)" in project.good("upgrade", "--sql")
    row_format = said("G44", 'mysql_row_format="DYNAMIC"')
    project.line(f"{USERS[:-1]}, {row_format})")
    assert "ROW_FORMAT=DYNAMIC" in project.good("upgrade", "--sql")
    project.line(said("G44", 'op.execute("ALTER TABLE orders ROW_FORMAT=DYNAMIC")'))
    assert "ALTER TABLE orders ROW_FORMAT=DYNAMIC;" in project.good("upgrade", "--sql")


def test_a_part_of_an_id_with_which_several_begin(project: Project) -> None:
    project.revision("abcd1", None)
    project.revision("abcd2", "abcd1")
    expect(project.db("upgrade", "abcd"), "F14")
    assert card("F14").cure[0].endswith("in full.")
    assert "abcd1 -> abcd2" in project.good(*command("F14", "flask db history"))
    project.good("upgrade", "abcd2")


def test_a_revision_that_was_not_merged(project: Project) -> None:
    """Both texts stand in the file; one of them is kept."""
    path = project.revision("1", None)
    ours, middle, theirs = (said("G01", mark) for mark in ("<<<<<<< HEAD", "=======", ">>>>>>>"))
    merged = path.read_text()
    path.write_text(f"{ours}\n{merged}{middle}\n{merged}{theirs} other\n")
    expect(project.db("upgrade"), "G01")
    path.write_text(merged)
    project.good("upgrade")
