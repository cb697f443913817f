"""What stops a command before or outside of a revision's statements: env.py, alembic.ini, the app, and the cures."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.teaching.explain.cures import HERE, change, command, correct, current, said, shell, sql
from tests.teaching.explain.project import ANN, USER, USERS, Project, expect

CONCURRENT = 'with op.get_context().autocommit_block(): op.execute("SELECT 1")'


def env_of(project: Project) -> Path:
    return project.folder / "migrations" / "env.py"


def plain_alembic(project: Project) -> Path:
    """An environment of Alembic without Flask, in `plain`; its alembic.ini, which has the project's address."""
    assert shell(project, "alembic init plain", PATH=HERE).returncode == 0
    ini = project.folder / "alembic.ini"
    change(ini, "driver://user:pass@localhost/dbname", project.url)
    return ini


def printed(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_a_transaction_that_env_py_began(on_postgres: Project) -> None:
    on_postgres.line(USERS, CONCURRENT)
    env, configure = env_of(on_postgres), "        context.configure(\n            connection"
    setting = "        connection.exec_driver_sql(\"SET lock_timeout = '5s'\")\n"
    change(env, configure, setting + configure)
    expect(on_postgres.db("upgrade"), "G89")
    change(env, setting, f"{setting}        {said('G89', 'connection.commit()')}\n")
    on_postgres.good("upgrade")
    assert current(on_postgres) == "2"


def test_a_connection_that_is_opened_in_a_transaction(on_postgres: Project) -> None:
    on_postgres.line(USERS, CONCURRENT)
    env, right = env_of(on_postgres), said("G89", "with connectable.connect() as connection:")
    change(env, right, right.replace("connect()", "begin()"))
    expect(on_postgres.db("upgrade"), "G89")
    change(env, right.replace("connect()", "begin()"), right)
    on_postgres.good("upgrade")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("prepend_sys_path = .", "prepend_sys_path = .\nprepend_sys_path = .."),
        ("[alembic]\n", "<<<<<<< HEAD\n[alembic]\n"),
        ("[alembic]\n", "[alembic]\nno name and no value\n"),
    ],
)
def test_an_alembic_ini_that_cannot_be_read(project: Project, wrong: str, right: str) -> None:
    ini = plain_alembic(project)
    change(ini, wrong, right)
    expect(printed(shell(project, "alembic current", PATH=HERE)), "G90")
    change(ini, right, wrong)
    assert shell(project, "alembic current", PATH=HERE).returncode == 0


@pytest.mark.parametrize(
    "hook", ["hooks = black\nblack.type = console_scripts\nblack.entrypoint = blackk\n", "hooks = black\n"]
)
def test_a_hook_that_is_not_installed(project: Project, hook: str) -> None:
    ini = plain_alembic(project)
    change(ini, "[post_write_hooks]\n", "[post_write_hooks]\n" + hook)
    expect(printed(shell(project, "alembic revision -m one", PATH=HERE)), "G91")
    said("G91", "NAME.entrypoint"), said("G91", "NAME.type")
    assert len(list((project.folder / "plain" / "versions").glob("*_one.py"))) == 1, "the revision is not written"


@pytest.mark.parametrize("wrong", ["sa.NullType()", "sa.types.NullType()"])
def test_a_column_without_a_type(on_postgres: Project, wrong: str) -> None:
    said("G92", "sa.NullType()")
    right = said("G92", "sa.Column(sa.String(32))").replace("sa.String", '"x", sa.String')
    made = [f'op.create_table("t", {column})' for column in (f'sa.Column("x", {wrong})', right)]
    correct(on_postgres, "G92", USERS, made)


def test_a_session_without_a_connection(project: Project) -> None:
    row = "session.execute(sa.text(\"INSERT INTO users VALUES (1, 'ann')\"))"
    project.line(USERS, f"import sqlalchemy.orm\n    session = sa.orm.Session()\n    {row}")
    expect(project.db("upgrade"), "G93")
    session, flush = said("G93", "session = sa.orm.Session(bind=op.get_bind())"), said("G93", "session.flush()")
    project.revision("2", "1", f"import sqlalchemy.orm\n    {session}\n    {row}\n    {flush}")
    project.good("upgrade")
    assert sql(project, "SELECT email FROM users") == [("ann",)]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_an_app_that_reads_a_table_at_once(request: pytest.FixtureRequest, engine: str) -> None:
    project: Project = request.getfixturevalue("project" if engine == "sqlite" else "on_postgres")
    project.models(USER)
    project.line(USERS)
    app = project.folder / "app.py"
    plain = app.read_text()
    body = plain.split("from ext")[1]
    factory = "from ext" + body.replace("\napp = Flask", "\ndef create_app():\n  app = Flask").replace(
        "\napp.", "\n  app."
    )
    factory = factory.replace("\ndb.", "\n  db.").replace("\nMigrate", "\n  Migrate")
    reads = "  with app.app_context():\n    app.users = models.User.query.count()\n"
    app.write_text(plain.split("from ext")[0] + factory + reads + "  return app\n")
    project.settings(app="app:create_app")
    expect(project.db("upgrade"), "G94")
    later = f"  {said('G94', '@app.cli.command()')}\n  def count(): print(models.User.query.count())\n"
    change(app, reads, later)
    project.good("upgrade")
    assert project.flask("count").output.strip() == "0"


@pytest.mark.parametrize(
    ("take", "given"),
    [
        ('os.environ["SHOP_DATABASE_URL"]', "KeyError"),
        ('os.environ.get("SHOP_DATABASE_URL")', "option values must be strings"),
    ],
)
def test_an_env_py_whose_variable_is_not_set(project: Project, take: str, given: str) -> None:
    plain_alembic(project)
    env = project.folder / "plain" / "env.py"
    change(
        env,
        "config = context.config\n",
        f"import os\nconfig = context.config\nconfig.set_main_option('sqlalchemy.url', {take})\n",
    )
    failed = printed(shell(project, "alembic current", PATH=HERE))
    assert given in failed
    expect(failed, "F07")
    assert shell(project, "alembic current", PATH=HERE, SHOP_DATABASE_URL=project.url).returncode == 0


def test_a_revision_without_its_functions(project: Project) -> None:
    path = project.revision("1", None, USERS)
    change(path, "def downgrade():\n    pass\n", "")
    project.good("upgrade")
    expect(project.db("downgrade", "base"), "G31")
    path.write_text(path.read_text() + f"\n{said('G31', 'def downgrade():')}\n    op.drop_table('users')\n")
    project.good("downgrade", "base")


def test_a_downgrade_as_sql_needs_both_ends(project: Project) -> None:
    project.revision("1", None, USERS, "op.drop_table('users')")
    project.good("upgrade")
    expect(project.db("downgrade", "--sql", "base"), "G49")
    words = said("G49", "flask db downgrade --sql FROM:TO", FROM="1", TO="base").split()[1:]
    assert "DROP TABLE users" in project.flask(*words).output


def test_a_revision_that_inspects_a_database_that_is_not_there(project: Project) -> None:
    look = "assert sa.inspect(op.get_bind()).has_table('users')"
    project.line(USERS, look)
    expect(project.db("upgrade", "--sql"), "F61")
    project.revision(
        "2", "1", f"from alembic import context\n    {said('F61', 'context.is_offline_mode()')} or {look[7:]}"
    )
    project.good("upgrade", "--sql")


def test_an_upgrade_that_an_async_program_starts(project: Project) -> None:
    plain_alembic(project)
    env = project.folder / "plain" / "env.py"
    loop = "import asyncio\nasync def go(): run_migrations_online()\n"
    change(env, "if context.is_offline_mode():", loop + "if True: asyncio.run(go())\nelif context.is_offline_mode():")
    program = project.folder / "start.py"
    call = 'command.upgrade(config, "head")'
    program.write_text(
        "import asyncio\nfrom alembic import command\nfrom alembic.config import Config\n"
        f'async def main():\n    config = Config("alembic.ini")\n    {call}\nasyncio.run(main())\n'
    )
    line = f"{sys.executable} start.py"
    expect(printed(shell(project, line)), "G17")
    change(program, call, said("G17", 'await asyncio.to_thread(command.upgrade, config, "head")'))
    done = shell(project, line)
    assert done.returncode == 0, done.stderr


def test_a_template_that_cannot_be_rendered(project: Project) -> None:
    template = project.folder / "migrations" / "script.py.mako"
    right = template.read_text()
    template.write_text(right.replace("${message}", "${summary()}"))
    expect(project.db("revision", "--rev-id", "1"), "G18")
    template.write_text(right)
    project.good("revision", "--rev-id", "1")


def test_a_model_that_has_lost_what_a_revision_uses(project: Project) -> None:
    project.models(USER)
    project.line(f"{USERS}; {ANN}", "from models import User; op.execute(sa.update(User).where(User.nickname == 'x'))")
    expect(project.db("upgrade"), "G61")
    table = said("G61", 'users = sa.table("users", sa.column("id"), sa.column("email"))')
    project.revision("2", "1", f"{table}; op.execute(users.update().values(email='bob'))")
    project.good("upgrade")


def test_revisions_of_one_database_under_an_env_py_for_several(project: Project) -> None:
    path = project.revision("1", None, USERS, "op.drop_table('users')")
    project.good("init", "--multidb", "-d", "fresh")
    shutil.copy(project.folder / "fresh" / "env.py", env_of(project))
    expect(project.db("upgrade"), "G95")
    for name in ("upgrade", "downgrade"):
        first = f"{said('G95', f'def {name}(engine_name):')}\n    {said('G95', 'if engine_name: return')}"
        change(path, f"def {name}():", first)
    project.good("upgrade")
    project.good("downgrade")


def test_a_revision_of_several_databases_under_a_plain_env_py(project: Project) -> None:
    path = project.revision("1", None, USERS)
    change(path, "def upgrade():", "def upgrade(engine_name):\n    if engine_name: return")
    change(path, "def downgrade():", "def downgrade(engine_name):")
    expect(project.db("upgrade"), "G95")
    project.good(*command("G95", "flask db init --multidb -d fresh"))
    shutil.copy(project.folder / said("G95", "fresh/env.py"), env_of(project))
    project.good("upgrade")


def test_a_key_to_a_table_without_its_column(project: Project) -> None:
    key = said("G22", 'ForeignKey("users.id")')
    order = "class Order(db.Model):\n    id = sa.Column(sa.Integer, primary_key=True)\n    user = sa.Column(sa.{})\n"
    project.models(USER + order.format(said("G22", 'ForeignKey("users")')))
    expect(project.db("migrate"), "G22")
    project.models(USER + order.format(key))
    project.good("migrate")


def test_a_key_over_a_column_that_is_not_there(project: Project) -> None:
    project.models(USER + '    __table_args__ = (sa.UniqueConstraint("mail"),)\n')
    expect(project.db("migrate"), "G22")
    project.models(USER + '    __table_args__ = (sa.UniqueConstraint("email"),)\n')
    project.good("migrate")
