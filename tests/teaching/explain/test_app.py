"""An app that cannot be loaded, a server that refuses connections: each output must find its card."""

import os
import shutil
from pathlib import Path

import pytest

from migration_lab.shops.flask_command import STABLE
from migration_lab.shops.process import run
from migration_lab.teaching.explain import card, explain, not_known
from tests.teaching.explain.project import APP, USERS, Project, expect


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
    assert explain(in_shop.replace("my_work/shops/02_x-sqlite/shop", "migration_lab/shops/process") + " 'x'") is None


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
