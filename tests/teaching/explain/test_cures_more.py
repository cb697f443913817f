"""Each card's advice, followed to the letter: commands, files, names, and what a revision may not do."""

import pytest
import sqlalchemy as sa

from migration_lab.teaching.explain import card
from tests.teaching.explain.cures import HERE, ORDERS, change, command, current, said, shell, sql
from tests.teaching.explain.project import ANN, BATCH, USER, USERS, Project, expect

PHONE = 'op.add_column("users", sa.Column("phone", sa.String(32)))'


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("flask db migrate add phone", 'flask db migrate -m "add phone"'),
        ("flask db downgrade -2", "flask db downgrade -- -2"),
        ("flask upgrade", "flask db upgrade"),
    ],
)
def test_a_command_with_a_word_too_many(project: Project, wrong: str, right: str) -> None:
    project.models(USER.replace("email", "mail"))
    project.line(USERS, PHONE, "pass")
    project.good("upgrade")
    expect(project.flask(*wrong.split()[1:]).output, "G49")
    project.good(*command("G49", right))


def test_alembic_without_a_revision(project: Project) -> None:
    assert shell(project, "alembic init plain", PATH=HERE).returncode == 0
    change(project.folder / "alembic.ini", "driver://user:pass@localhost/dbname", project.url)
    expect(shell(project, "alembic upgrade", PATH=HERE).stderr, "G49")
    assert shell(project, said("G49", "alembic upgrade head"), PATH=HERE).returncode == 0


def test_an_alembic_ini_with_other_letters(project: Project) -> None:
    ini = project.folder / "migrations" / "alembic.ini"
    ini.write_text("# für alle\n" + ini.read_text(), encoding="utf-8")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": HERE}
    expect(shell(project, "flask db current", **plain).stderr, "G50")
    change(ini, "für", "fuer")
    assert shell(project, "flask db current", **plain).returncode == 0


def test_a_revision_that_is_not_utf_8(project: Project) -> None:
    path = project.revision("1", None)
    text = path.read_text().replace("step 1", "für alle")
    path.write_text(text, encoding="latin-1")
    expect(project.db("upgrade"), "G50")
    path.write_text(text, encoding="utf-8")
    project.good("upgrade")


def test_values_that_are_too_long(on_postgres: Project) -> None:
    shorter = "op.alter_column('users', 'email', type_=sa.String(2){})"
    on_postgres.line(USERS + "; " + ANN, shorter.format(""))
    expect(on_postgres.db("upgrade"), "G52")
    on_postgres.good("upgrade", "1")
    count = said("G52", "SELECT count(*) FROM users WHERE length(nickname) > 20", nickname="email")
    assert sql(on_postgres, count.replace("20", "2")) == [(1,)]
    cut = said("G52", 'postgresql_using="left(nickname, 20)"', nickname="email").replace("20", "2")
    on_postgres.revision("2", "1", shorter.format(", " + cut))
    on_postgres.good("upgrade")
    assert sql(on_postgres, "SELECT email FROM users") == [("an",)]


def test_a_downgrade_that_refuses(project: Project) -> None:
    project.revision("1", None, USERS)
    project.revision("2", "1", PHONE, 'raise NotImplementedError("the numbers would be lost")')
    project.revision("3", "2")
    project.good("upgrade")
    expect(project.db("downgrade", "1"), "G53")
    assert "2" in project.good(*command("G53", "flask db current"))
    project.good(*command("G53", "flask db upgrade"))
    assert current(project) == "3"


def test_an_attribute_with_a_reserved_name(project: Project) -> None:
    project.models(USER + "    metadata = sa.Column(sa.Text)\n")
    expect(project.db("current"), "G54")
    right = said("G54", 'details = sa.Column("metadata", sa.Text)')
    project.models(USER + f"    {right}\n")
    project.good("current")


PREPARED = """bind = op.get_bind()
    bind.exec_driver_sql("DEALLOCATE ALL; PREPARE _pg3_0 AS SELECT 1")  # as if another client of the pooler had
    for _ in range(9):
        bind.exec_driver_sql("SELECT 2")"""


def test_a_statement_that_another_client_of_the_pooler_has_prepared(on_postgres: Project) -> None:
    on_postgres.line(PREPARED)
    expect(on_postgres.db("upgrade"), "G55")
    setting = said("G55", 'SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"prepare_threshold": None}}')
    name, value = setting.split(" = ", 1)
    change(on_postgres.folder / "app.py", "db.init_app(app)", f'app.config["{name}"] = {value}\ndb.init_app(app)')
    on_postgres.good("upgrade")


def test_a_disk_that_is_full(project: Project) -> None:
    full = "op.execute('PRAGMA max_page_count = 8')\n    "
    fill = f"{USERS}; op.execute(\"INSERT INTO users (id, email) VALUES (1, printf('%.*c', 60000, 'x'))\")"
    second = project.revision("2", "1", full + fill)
    project.revision("1", None)
    project.good("upgrade", "1")
    expect(project.db("upgrade"), "G56")
    change(second, full, "")  # there is room again
    sql(project, "DROP TABLE IF EXISTS users")
    project.good(*command("G56", "flask db upgrade"))


def test_a_name_that_is_too_long(on_postgres: Project) -> None:
    key = 'sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_orders_user")'
    table = f'op.create_table("orders", sa.Column("user_id", sa.Integer), {said("G57", key)})'
    on_postgres.line(USERS, table.replace("fk_orders_user", "fk_" + "orders" * 12))
    expect(on_postgres.db("upgrade"), "G57")
    on_postgres.revision("2", "1", table)
    on_postgres.good("upgrade")


def test_a_role_that_another_server_has(on_postgres: Project) -> None:
    grant = 'op.execute("GRANT SELECT ON users TO shop_readonly")'
    on_postgres.line(USERS, grant)
    expect(on_postgres.db("upgrade"), "G58")
    look = "if op.get_bind().scalar(sa.text(\"SELECT 1 FROM pg_roles WHERE rolname = 'shop_readonly'\")):"
    on_postgres.revision("2", "1", f"{said('G58', look)}\n        {grant}")
    on_postgres.good("upgrade")


@pytest.mark.parametrize("ending", ["op.get_bind().commit()", "op.get_bind().rollback()", "op.get_bind().close()"])
def test_a_revision_that_ends_the_transaction(on_postgres: Project, ending: str) -> None:
    """With an env.py that uses `begin()` as many do; the usual one notices only that a connection is closed."""
    change(on_postgres.folder / "migrations" / "env.py", "with connectable.connect()", "with connectable.begin()")
    on_postgres.line(USERS, f"{PHONE}; {ending}; op.execute('SELECT 1')")
    on_postgres.good("upgrade", "1")
    expect(on_postgres.db("upgrade"), "G59")
    sql(on_postgres, "ALTER TABLE users DROP COLUMN IF EXISTS phone")  # undone by hand
    on_postgres.revision("2", "1", PHONE)
    on_postgres.good("upgrade")


def test_an_operation_outside_of_a_function(project: Project) -> None:
    path = project.revision("1", None, USERS)
    change(path, "def upgrade", "op.execute('SELECT 1')\n\n\ndef upgrade")
    expect(project.db("heads"), "G60")
    change(path, "op.execute('SELECT 1')", "")
    change(path, USERS, f"{USERS}; op.execute('SELECT 1')")
    project.good(*command("G60", "flask db upgrade"))


def test_an_env_py_that_is_run_by_itself(project: Project) -> None:
    expect(shell(project, "python migrations/env.py", PATH=HERE).stderr, "G60")


@pytest.mark.parametrize("gone", ["from models import Customer", "from models.old import Customer"])
def test_an_import_that_the_app_no_longer_has(project: Project, gone: str) -> None:
    path = project.revision("1", None, USERS)
    change(path, "import sqlalchemy as sa", f"import sqlalchemy as sa\n{gone}")
    expect(project.db("upgrade"), "G61")
    table = said("G61", 'users = sa.table("users", sa.column("id"), sa.column("email"))')
    change(path, gone, table)
    change(path, USERS, f'{USERS}; op.execute(users.insert().values(id=1, email="ann"))')
    project.good("upgrade")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (
            'op.add_column("users", "phone", sa.String(32))',
            'op.add_column("users", sa.Column("phone", sa.String(32)))',
        ),
        ('op.add_column("users", "phone")', 'op.add_column("users", sa.Column("phone", sa.String(32)))'),
        ('op.drop_index(table_name="users")', 'op.drop_index("ix_users_phone", table_name="users")'),
        (
            f'{BATCH}b.add_column("users", sa.Column("phone", sa.String(32)))',
            'op.add_column("users", sa.Column("phone", sa.String(32)))',
        ),
    ],
)
def test_an_operation_with_wrong_arguments(project: Project, wrong: str, right: str) -> None:
    made = USERS.replace('"email"', '"name"') + "; op.execute('CREATE INDEX ix_users_phone ON users (name)')"
    project.line(made, wrong)
    expect(project.db("upgrade"), "G62")
    project.revision("2", "1", said("G62", right))
    project.good("upgrade")


def test_a_file_that_is_no_database(project: Project) -> None:
    project.line(USERS)
    file = project.folder / "shop.db"
    file.write_text("version https://git-lfs.github.com/spec/v1\n" * 99)
    expect(project.db("upgrade"), "G63")
    look = said("G63", "head -c 15 shop.db")
    assert shell(project, look).stdout == "version https:/"
    file.unlink()
    project.good("upgrade")
    assert shell(project, look).stdout == said("G63", "SQLite format 3")


def test_a_statement_that_was_prepared_before_the_migration(on_postgres: Project) -> None:
    on_postgres.line(USERS, "op.alter_column('users', 'email', type_=sa.Text)")
    on_postgres.good("upgrade", "1")
    engine = sa.create_engine(on_postgres.url, pool_size=1, max_overflow=0)

    def request() -> None:
        with engine.begin() as connection:  # a rollback would make psycopg forget what it has prepared
            connection.exec_driver_sql("SELECT * FROM users")

    for _ in range(9):
        request()
    on_postgres.good("upgrade")
    with pytest.raises(sa.exc.NotSupportedError) as refused:
        request()
    expect(str(refused.value), "G65")
    request()  # the same connection, again
    assert said("G65", "db.engine.dispose()")
    engine.dispose()


def test_a_bind_without_an_address(project: Project) -> None:
    project.models(USER + '    __bind_key__ = "stats"\n')
    app = project.folder / "app.py"
    query = "\nwith app.app_context():\n    db.session.scalars(sa.select(models.User))\n"
    change(app, "import models\n", "import models, sqlalchemy as sa\n")
    app.write_text(app.read_text() + query)
    expect(project.db("current"), "G66")
    name, value = said("G66", 'SQLALCHEMY_BINDS = {"stats": "sqlite:///stats.db"}').split(" = ")
    change(app, "db.init_app(app)", f'app.config["{name}"] = {value}\ndb.init_app(app)')
    change(app, query, "")
    project.good("current")


def test_two_heads_when_a_revision_is_made(project: Project) -> None:
    project.revision("1", None)
    project.revision("2", "1")
    project.revision("3", "1")
    project.good("upgrade", "heads")
    expect(project.db("revision", "-m", "next"), "F18")
    project.good(*command("F18", 'flask db merge -m "merge A and B" heads'))
    project.good("upgrade")
    project.good("revision", "-m", "next")


def test_an_index_that_a_constraint_needs(on_postgres: Project) -> None:
    on_postgres.line(
        USERS + "; op.create_unique_constraint('uq_users_email', 'users', ['email'])",
        "op.drop_index('uq_users_email', table_name='users')",
    )
    expect(on_postgres.db("upgrade"), "G19")
    on_postgres.revision("2", "1", said("G19", 'op.drop_constraint("uq_users_email", "users", type_="unique")'))
    on_postgres.good("upgrade")


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_an_index_whose_name_another_table_has(request: pytest.FixtureRequest, engine: str) -> None:
    project: Project = request.getfixturevalue("project" if engine == "sqlite" else "on_postgres")
    index = 'op.create_index("ix_user", "{}", ["{}"])'
    project.line(f"{USERS}; {ORDERS}; {index.format('users', 'email')}", index.format("orders", "user_id"))
    project.good("upgrade", "1")
    expect(project.db("upgrade"), "F48")
    on_sqlite = "SELECT tbl_name FROM sqlite_master WHERE name = 'NAME'"
    on_postgres = "SELECT indrelid::regclass, indisvalid FROM pg_index WHERE indexrelid = 'NAME'::regclass"
    look = said("F48", on_sqlite if engine == "sqlite" else on_postgres, NAME="ix_user")
    assert sql(project, look)[0][0] == "users"
    project.revision("2", "1", index.format("orders", "user_id").replace("ix_user", "ix_orders_user_id"))
    project.good("upgrade")


def test_a_table_that_no_revision_makes(project: Project) -> None:
    project.revision("2", None, PHONE)
    sql(project, "CREATE TABLE users (id INTEGER PRIMARY KEY)")  # as db.create_all() does
    project.good("upgrade")
    elsewhere = Project(project.folder, project.url.replace("shop.db", "new.db"))
    elsewhere.settings()
    expect(elsewhere.db("upgrade"), "G30")
    assert "`db.create_all()`" in card("G30").meaning
    project.revision("1", None, USERS)
    project.revision("2", "1", PHONE)
    elsewhere.good("upgrade")
    project.settings()
    project.good("upgrade")  # at 2 already, with 1 below it
    assert current(project) == "2"
    sql(project, "DROP TABLE alembic_version", "ALTER TABLE users DROP COLUMN phone")
    project.good("stamp", "1")
    project.good("upgrade")


def test_an_alembic_ini_without_an_address(project: Project) -> None:
    assert shell(project, "alembic init plain", PATH=HERE).returncode == 0
    ini = project.folder / "alembic.ini"
    placeholder = "sqlalchemy.url = driver://user:pass@localhost/dbname"
    change(ini, placeholder, "")
    expect(shell(project, "alembic upgrade head", PATH=HERE).stderr, "F07")
    line = said("F07", "sqlalchemy.url = ...").replace("...", project.url)
    change(ini, said("F07", "[alembic]") + "\n", f"[alembic]\n{line}\n")
    done = shell(project, "alembic upgrade head", PATH=HERE)
    assert done.returncode == 0, done.stderr
