"""Cures for what env.py, an address and a model say in the wrong form, and for a percent sign."""

import pytest
import sqlalchemy as sa

from migration_lab.teaching.explain import card
from tests.teaching.explain.cures import HERE, change, command, correct, current, said, shell, sql
from tests.teaching.explain.project import ANN, USER, USERS, Project, expect


def test_an_env_py_that_hands_over_an_engine(project: Project) -> None:
    project.line(USERS)
    env = project.folder / "migrations" / "env.py"
    right, wrong = said("G103", "connection=connection"), "connection=connectable"
    assert said("G103", "with connectable.connect() as connection:") in env.read_text()
    change(env, right, wrong)
    expect(project.db("upgrade"), "G103")
    change(env, wrong, right)
    project.good("upgrade")


def test_an_env_py_that_gives_an_option_a_second_time(project: Project) -> None:
    project.line(USERS)
    env = project.folder / "migrations" / "env.py"
    call = said("G103", "context.configure(") + "\n            connection=connection"
    change(env, call, f"{call}, compare_type=False")
    expect(project.db("upgrade"), "G103")
    change(env, f"{call}, compare_type=False", call)
    given = said("G103", "Migrate(app, db, compare_type=False)")
    change(project.folder / "app.py", "Migrate(app, db, **options)", given)
    project.good("upgrade")
    project.models(USER.replace("sa.String(255)", "sa.Integer"))
    assert "No changes in schema" in project.good("migrate")


def test_an_address_with_words_of_another_tool(on_postgres: Project) -> None:
    on_postgres.line("op.create_table('t', sa.Column('id', sa.Integer))")
    own, separator = on_postgres.url, "&" if "?" in on_postgres.url else "?"
    for word in ("pgbouncer=true", "schema=public"):
        on_postgres.settings(url=f"{own}{separator}{word}")
        expect(on_postgres.db("upgrade"), "G104")
        assert f"`{word}`" in card("G104").meaning
    sql(on_postgres, "CREATE SCHEMA app")
    on_postgres.settings(url=f"{own}{separator}{said('G104', '?options=-csearch_path%3Dapp').removeprefix('?')}")
    on_postgres.good("upgrade")
    assert sql(on_postgres, "SELECT count(*) FROM app.t") == [(0,)]


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ('(sa.UniqueConstraint("email"))', '__table_args__ = (sa.UniqueConstraint("email", name="uq_users_email"),)'),
        (
            'sa.Index("ix_users_email", "email")',
            '__table_args__ = (sa.Index("ix_users_email", "email"), {"sqlite_autoincrement": True})',
        ),
    ],
)
def test_table_args_that_are_no_tuple(project: Project, wrong: str, cure: str) -> None:
    project.models(f"{USER}    __table_args__ = {wrong}\n")
    expect(project.db("migrate"), "G105")
    project.models(f"{USER}    {said('G105', cure)}\n")
    project.good("migrate", "--rev-id", "1")
    project.good("upgrade")
    assert "email" in str(sql(project, "SELECT sql FROM sqlite_master WHERE name <> 'alembic_version'"))


def test_a_python_type_that_has_no_column_type(project: Project) -> None:
    heading = "from sqlalchemy.orm import Mapped, mapped_column\n"
    project.models(f"{heading}{USER}    labels: Mapped[dict]\n")
    expect(project.db("current"), "G92")
    project.models(f"{heading}{USER}    {said('G92', 'labels: Mapped[dict] = mapped_column(sa.JSON)')}\n")
    project.good("current")


def test_a_template_that_mako_cannot_read(project: Project) -> None:
    project.models(USER)
    template = project.folder / "migrations" / "script.py.mako"
    change(template, "${upgrades if", "${upgrades if (")
    expect(project.db("migrate"), "G18")
    project.good(*command("G18", "flask db init -d fresh"))
    template.write_bytes((project.folder / "fresh" / "script.py.mako").read_bytes())
    project.good("migrate", "--rev-id", "1")


def test_a_percent_sign_in_a_statement(on_postgres: Project) -> None:
    single = said("G102", "op.execute(\"UPDATE users SET email = NULL WHERE email LIKE '%@old.example'\")")
    wrong = single.replace("op.execute", "op.get_bind().exec_driver_sql")
    assert said("G102", "LIKE '%%@old.example'") in wrong.replace("%", "%%")
    correct(on_postgres, "G102", f"{USERS}; {ANN.replace('ann', 'ann@old.example')}", [wrong, single])
    assert sql(on_postgres, "SELECT email FROM users") == [(None,)]
    on_postgres.revision("3", "2", wrong.replace("%", "%%"))
    on_postgres.good("upgrade")
    assert current(on_postgres) == "3"


def test_rows_that_are_no_list(project: Project) -> None:
    right = said("G62", 'op.bulk_insert(users, [{"id": 1, "phone": "1"}])', phone="email")
    table = 'users = sa.table("users", sa.column("id"), sa.column("email")); '
    correct(project, "G62", USERS, [table + right.replace("[", "").replace("]", ""), table + right])
    assert sql(project, "SELECT id, email FROM users") == [(1, "1")]


@pytest.mark.parametrize("statement", ["SELECT 1 FROM pg_type", "SELECT 1 FROM information_schema.tables"])
def test_a_catalogue_of_postgres_on_sqlite(statement: str) -> None:
    connection = sa.create_engine("sqlite://").connect()
    with pytest.raises(sa.exc.OperationalError) as caught:
        connection.exec_driver_sql(statement)
    expect(f"sqlalchemy.exc.OperationalError: {caught.value}", "G74")


def test_a_template_of_flask_migrate_that_does_not_exist(project: Project) -> None:
    expect(project.db("init", "-d", "fresh", "-t", "flask-multi"), "G18")
    assert "flask-multidb" in project.good(*command("G18", "flask db list-templates"))
    project.good("init", "-d", "fresh", "-t", "flask-multidb")


@pytest.mark.parametrize(
    "read",
    [
        'os.environ["DATABASE_URL"]',
        'os.environ.get("DATABASE_URL").replace("postgres://", "postgresql://", 1)',
        'os.environ.get("DATABASE_URL")',
    ],
)
def test_an_environment_without_the_address(project: Project, read: str) -> None:
    project.line(USERS)
    change(project.folder / "app.py", 'os.environ["DATABASE_URL"]', read)
    change(project.folder / ".flaskenv", f"DATABASE_URL={project.url}\n", "")
    expect(shell(project, "env -u DATABASE_URL flask db upgrade", PATH=HERE).stderr, "F07")
    assert any("DATABASE_URL is set where the command runs" in step for step in card("F07").cure)
    assert shell(project, "flask db upgrade", PATH=HERE).returncode == 0
