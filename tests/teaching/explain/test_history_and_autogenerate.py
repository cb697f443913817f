"""Histories and autogenerate: the messages of `flask db` must find their cards."""

from migration_lab.instruments.query import execute
from tests.teaching.explain.project import CONVENTION, USER, USERS, Project, T, expect

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


def test_a_float_that_postgres_calls_real(project: Project, on_postgres: Project) -> None:
    model = (
        'class T(db.Model):\n    __tablename__ = "t"\n    id = sa.Column(sa.Integer, primary_key=True)\n'
        "    x = sa.Column({})\n"
    )
    for each in (project, on_postgres):
        each.line(T.format("sa.Float(24)"))
        each.models(model.format("sa.Float(24)"))
        each.good("upgrade")
    expect(on_postgres.db("check"), "F33")
    for each in (project, on_postgres):
        each.models(model.format('sa.Float(24).with_variant(sa.REAL(), "postgresql")'))  # the cure of the card
        each.good("check")


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
